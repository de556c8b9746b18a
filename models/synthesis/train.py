"""SING's three stages (paper section 4), one function each, in order.

    notes ── autoencoder ── embeddings ── sequence generator ── SING
             stage 1                      stage 2               stage 3

Each function trains to the end, going on where it was stopped, and leaves `model.safetensors` and `model.json`
in the folder of its execution. It returns the figures of the last validation, with "loss" (mean over the last
reported steps) and "seconds" of training.

Shapes: B batch, T samples, D embedding dimensions, N frames.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from data.execution import Execution
from data.shards.loader import Batch, Batches, BatchPlan
from data.shards.reader import Shards
from models.losses import WAVE_LOSSES
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.config import (
    AutoencoderConfig,
    AutoencoderTraining,
    FineTuning,
    SequenceConfig,
    SequenceTraining,
)
from models.synthesis.notes import (
    MARGIN,
    Validation,
    label_columns,
    label_tensors,
    samples_used,
    to_wave,
    training_batches,
)
from models.synthesis.sequence import SequenceGenerator
from models.synthesis.sing import Sing
from models.training.checkpoint import load
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage


def train_autoencoder(execution: Execution, notes: Path, config: AutoencoderTraining) -> Figures:
    """Stage 1: train encoder and decoder to rebuild the notes in the shards `notes`.

    Example:
        >>> preset = PRESETS["small"]
        >>> train_autoencoder(Execution(Path("stage-1")), Path("shards"), preset.autoencoder_training)
    """
    shards, device = Shards(notes), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = Autoencoder(config.autoencoder).to(device)
    strip = config.autoencoder.strip
    loss, padding = WAVE_LOSSES[config.loss], MARGIN + strip

    def objective(batch: Batch) -> Iterator[Loss]:
        frames = config.onsets.at(batch.step, config.frames)
        wave = to_wave(batch.values, device, padding)[:, : config.autoencoder.wave_length(frames) + 2 * strip]
        yield "network", loss(wave[:, strip:-strip], network(wave)) * (frames / config.frames)

    validation = Validation(shards, config.validation_notes, device)

    def validate(judged: nn.Module) -> Figures:
        return validation.figures(lambda pcm, labels: judged(to_wave(pcm, device, padding)))

    def stage(world: World) -> Stage:
        used = samples_used(config.autoencoder, config.onsets, config.frames, strip)
        batches = training_batches(shards, config.fit, config.pitch_shifts, world, used)
        return Stage("autoencoder", network, batches, objective, validate, compilable=(network,))

    return train_stage(execution, stage, config.fit, {"autoencoder": asdict(config.autoencoder)})


def train_sequence(
    execution: Execution, embeddings: Path, autoencoder: Path, notes: Path, config: SequenceTraining
) -> Figures:
    """Stage 2: train the sequence generator towards the shards `embeddings`, 32 frames an update in the paper.

    Validation decodes what it generates with the decoder of stage 1, in the folder `autoencoder`, and compares it
    with the validation notes of the shards `notes`.
    """
    shards, device = Shards(embeddings), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = SequenceGenerator(config.sequence).to(device)
    decoder = load_autoencoder(autoencoder, device).decoder

    def objective(batch: Batch) -> Iterator[Loss]:
        target = torch.from_numpy(batch.values).to(device).float().transpose(1, 2)  # (B, D, N)
        rows, state = label_tensors(batch.labels, device), None
        for start in range(0, target.shape[-1], config.truncation):
            length = min(config.truncation, target.shape[-1] - start)
            output, state = network(network.labels(*rows), start, length, state)
            yield "network", nn.functional.mse_loss(output.float(), target[..., start : start + length])
            state = (state[0].detach(), state[1].detach())

    validation = Validation(Shards(notes), config.validation_notes, device)

    def validate(judged: nn.Module) -> Figures:
        assert isinstance(judged, SequenceGenerator)
        return validation.figures(lambda pcm, labels: decoder(judged(judged.labels(*labels))[0]))

    def stage(world: World) -> Stage:
        plan = BatchPlan(config.fit.batch_size, config.fit.seed, (world.rank, world.size))
        batches = Batches(shards, shards.rows(split="train"), plan, label_columns(shards))
        return Stage("sequence", network, batches, objective, validate)

    return train_stage(execution, stage, config.fit, {"sequence": asdict(config.sequence)})


def fine_tune(execution: Execution, notes: Path, autoencoder: Path, sequence: Path, config: FineTuning) -> Figures:
    """Stage 3: train sequence generator and decoder together, from labels to waveforms.

    The networks begin as the stages before left them in the folders `autoencoder` and `sequence`.
    """
    shards, device = Shards(notes), torch.device(execution.device)
    rebuilder, generator = load_autoencoder(autoencoder, device), load(sequence / "model")
    sizes = (rebuilder.config, SequenceConfig(**generator.metadata["sequence"]))
    network, frames_of_note = Sing(*sizes).to(device), sizes[1].frames
    network.decoder.load_state_dict(rebuilder.decoder.state_dict())
    network.sequence.load_state_dict(generator.tensors)
    loss = WAVE_LOSSES[config.loss]

    def objective(batch: Batch) -> Iterator[Loss]:
        frames = config.onsets.at(batch.step, frames_of_note)
        estimate = network(*label_tensors(batch.labels, device), frames)  # (B, T)
        wave = to_wave(batch.values, device, MARGIN)[:, : estimate.shape[1]]
        # A frame weighs the same, whether the rest of its note is there or not.
        yield "network", loss(wave, estimate) * (frames / frames_of_note)

    validation = Validation(shards, config.validation_notes, device)

    def validate(judged: nn.Module) -> Figures:
        return validation.figures(lambda pcm, labels: judged(*labels))

    def stage(world: World) -> Stage:
        used = samples_used(sizes[0], config.onsets, frames_of_note)
        batches = training_batches(shards, config.fit, config.pitch_shifts, world, used)
        return Stage("SING", network, batches, objective, validate, compilable=(network.decoder,))

    described = {"autoencoder": asdict(sizes[0]), "sequence": asdict(sizes[1])}
    return train_stage(execution, stage, config.fit, described)


def load_autoencoder(folder: Path, device: torch.device) -> Autoencoder:
    """Return the autoencoder that stage 1 left in `folder`, frozen."""
    checkpoint = load(folder / "model")
    network = Autoencoder(AutoencoderConfig(**checkpoint.metadata["autoencoder"]))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def load_sing(folder: Path, device: torch.device) -> Sing:
    """Return the SING that stage 3 left in `folder`, frozen."""
    checkpoint = load(folder / "model")
    network = Sing(
        AutoencoderConfig(**checkpoint.metadata["autoencoder"]), SequenceConfig(**checkpoint.metadata["sequence"])
    )
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def instrument_rows(folder: Path) -> np.ndarray:
    """Return the instrument table of the SING in `folder`, (instruments, dimensions)."""
    return load(folder / "model").tensors["sequence.instrument.weight"].numpy()
