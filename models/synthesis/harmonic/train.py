"""Trains the variant `harmonic` in three stages, one function per stage, as `models.synthesis.train` trains SING.

    notes ── autoencoder ── embeddings ── generator of frames ── the complete network
             stage 1                      stage 2                stage 3

Stages 1 and 3 minimise the spectral loss, mean |log(1 + |X|²) − log(1 + |X̂|²)|, on frames drawn at random, with the
power of partials and noise in closed form (`models.synthesis.harmonic.spectrum`); validation makes waves and compares
those. Each function trains to the last step, resumes if it was stopped, and writes `model.safetensors` and
`model.json`. Figures and errors are those of `models.synthesis.train`.

Shapes: B batch, K frames, D embedding dimensions, T samples.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from data.execution import Execution
from data.nsynth.dataset import PITCHES
from data.shards.loader import Batch, Batches, BatchPlan
from data.shards.reader import Shards
from models.synthesis.harmonic.config import HarmonicSequenceTraining, HarmonicTraining
from models.synthesis.harmonic.load import load_harmonic_autoencoder
from models.synthesis.harmonic.networks import FrameGenerator, HarmonicAutoencoder, HarmonicSing, waveform
from models.synthesis.harmonic.spectrum import BINS, FRAMES, shifted_frames
from models.synthesis.notes import Validation, label_columns, label_tensors, to_wave, training_batches
from models.training.checkpoint import load
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage


def train_harmonic_autoencoder(execution: Execution, notes: Path, config: HarmonicTraining) -> Figures:
    """Train stage 1: encoder and decoder learn to reconstruct frames of the training notes, whose pitch is given.

    Args:
        execution: folder of the trained autoencoder, device, and listener for progress reports.
        notes: folder with the shards of the notes.
        config: sizes of the networks, and their training.

    Example:
        >>> preset = variant(PRESETS["small"], "harmonic")
        >>> train_harmonic_autoencoder(Execution(Path("stage-1")), Path("shards"), preset.autoencoder_training)
    """
    shards, device = Shards(notes), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = HarmonicAutoencoder(config.sizes).to(device)

    def objective(batch: Batch) -> Iterator[Loss]:
        _, (_, pitch, _), heard = _drawn(batch, config, device)
        yield "network", (network(heard, pitch).log_power() - heard).abs().mean()

    validation = Validation(shards, config.validation_notes, device)

    def validate(model: nn.Module) -> Figures:
        assert isinstance(model, HarmonicAutoencoder)
        return validation.figures(lambda pcm, labels: model.rebuild(to_wave(pcm, device, 0), labels[1]))

    def stage(world: World) -> Stage:
        batches = training_batches(shards, config.fit, (0,), world)
        return Stage("autoencoder", network, batches, objective, validate)

    return train_stage(execution, stage, config.fit, {"harmonic": asdict(config.sizes)})


def train_harmonic_sequence(
    execution: Execution, embeddings: Path, autoencoder: Path, notes: Path, config: HarmonicSequenceTraining
) -> Figures:
    """Train stage 2: the generator learns to generate the embedding frames from the labels.

    Validation decodes the generated frames with the decoder of stage 1 and compares the notes with the recordings.

    Args:
        execution: folder of the trained generator, device, and listener for progress reports.
        embeddings: folder with the shards of the embeddings (`models.synthesis.embed`).
        autoencoder: folder of the autoencoder from stage 1.
        notes: folder with the shards of the notes.
        config: sizes of the networks, and their training.
    """
    shards, device = Shards(embeddings), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = FrameGenerator(config.sizes).to(device)
    decoder = load_harmonic_autoencoder(autoencoder, device).decoder

    def objective(batch: Batch) -> Iterator[Loss]:
        frames = _frames(len(batch.values), config.frames, device)
        target = torch.from_numpy(batch.values).to(device).float()  # (B, N, D)
        target = target.gather(1, frames[..., None].expand(-1, -1, target.shape[-1]))
        yield "network", nn.functional.mse_loss(network(*label_tensors(batch.labels, device), frames).float(), target)

    validation = Validation(Shards(notes), config.validation_notes, device)
    everything = torch.arange(FRAMES, device=device)

    def validate(model: nn.Module) -> Figures:
        def rebuild(pcm: np.ndarray, labels: list[Tensor]) -> Tensor:
            return waveform(decoder(model(*labels, everything.expand(len(pcm), -1)), labels[1]))

        return validation.figures(rebuild)

    def stage(world: World) -> Stage:
        plan = BatchPlan(config.fit.batch_size, config.fit.seed, (world.rank, world.size))
        batches = Batches(shards, shards.rows(split="train"), plan, label_columns(shards))
        return Stage("sequence", network, batches, objective, validate)

    return train_stage(execution, stage, config.fit, {"harmonic": asdict(config.sizes)})


def fine_tune_harmonic(
    execution: Execution, notes: Path, autoencoder: Path, sequence: Path, config: HarmonicTraining
) -> Figures:
    """Train stage 3: generator and decoder are fine-tuned together, end to end, from labels to spectra.

    Args:
        execution: folder of the trained network, device, and listener for progress reports.
        notes: folder with the shards of the notes.
        autoencoder: folder of the autoencoder from stage 1.
        sequence: folder of the generator from stage 2.
        config: training of the network.
    """
    shards, device = Shards(notes), torch.device(execution.device)
    network = HarmonicSing(config.sizes).to(device)
    network.decoder.load_state_dict(load_harmonic_autoencoder(autoencoder, device).decoder.state_dict())
    network.sequence.load_state_dict(load(sequence / "model").tensors)

    def objective(batch: Batch) -> Iterator[Loss]:
        frames, (instrument, pitch, velocity), heard = _drawn(batch, config, device)
        yield "network", (network.sound(instrument, pitch, velocity, frames).log_power() - heard).abs().mean()

    validation = Validation(shards, config.validation_notes, device)

    def validate(model: nn.Module) -> Figures:
        return validation.figures(lambda pcm, labels: model(*labels))

    def stage(world: World) -> Stage:
        batches = training_batches(shards, config.fit, (0,), world)
        return Stage("harmonic", network, batches, objective, validate)

    return train_stage(execution, stage, config.fit, {"harmonic": asdict(config.sizes)})


def _drawn(batch: Batch, config: HarmonicTraining, device: torch.device) -> tuple[Tensor, list[Tensor], Tensor]:
    """Return frames of the notes of a batch, each note shifted in pitch; both are drawn at random.

    The draws are from torch's global generator, which the training seeds at each step.

    Returns:
        Numbers of the frames, (B, K); label rows after the shift, (B,) each; their log power, (B, K, F).
    """
    frames = _frames(len(batch.values), config.frames, device)
    shifts = torch.tensor(config.pitch_shifts)
    weights = (1 + shifts.abs().max() - shifts.abs()).float()  # a larger shift resembles a real note less
    drawn = shifts[torch.multinomial(weights, len(batch.values), replacement=True)].to(device)
    instrument, pitch, velocity = label_tensors(batch.labels, device)
    drawn = torch.where((pitch + drawn >= 0) & (pitch + drawn < PITCHES), drawn, 0)
    wave = to_wave(batch.values, device, 0)
    heard = torch.empty(*frames.shape, BINS, device=device)
    for shift in drawn.unique().tolist():
        chosen = drawn == shift
        heard[chosen] = shifted_frames(wave[chosen], frames[chosen], shift)
    return frames, [instrument, pitch + drawn, velocity], torch.log1p(heard)


def _frames(notes: int, count: int, device: torch.device) -> Tensor:
    """Return different frame numbers for each note, drawn at random, (B, count)."""
    return torch.rand(notes, FRAMES).argsort(1)[:, :count].to(device)
