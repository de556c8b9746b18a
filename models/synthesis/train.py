"""Trains SING in three stages (paper section 4), one function per stage.

    notes ── autoencoder ── embeddings ── sequence generator ── SING
             stage 1                      stage 2               stage 3

Each function trains to the last step, resumes if it was stopped, and writes `model.safetensors` and `model.json` to
the folder of its execution. It returns the figures of the last validation ("valid_spectral" and "valid_waveform"),
"loss" (mean over the last reporting window) and "seconds" of training. Errors are those of
`models.training.train.train_stage`; in addition, InputError is raised if a batch needs more training notes than there
are.

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
    recorded_time,
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
    """Train stage 1: encoder and decoder learn to reconstruct the training notes.

    Args:
        execution: folder of the trained autoencoder, device, and listener for progress reports.
        notes: folder with the shards of the notes.
        config: sizes of the network, and its training.

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

    def validate(model: nn.Module) -> Figures:
        return validation.figures(lambda pcm, labels: model(to_wave(pcm, device, padding)))

    def stage(world: World) -> Stage:
        used = samples_used(config.autoencoder, config.onsets, config.frames, strip)
        batches = training_batches(shards, config.fit, config.pitch_shifts, world, used)
        return Stage("autoencoder", network, batches, objective, validate, compilable=(network,))

    return train_stage(execution, stage, config.fit, {"autoencoder": asdict(config.autoencoder)})


def train_sequence(
    execution: Execution, embeddings: Path, autoencoder: Path, notes: Path, config: SequenceTraining
) -> Figures:
    """Train stage 2: the sequence generator learns to generate the embeddings from the labels.

    Back-propagation is truncated, with one optimiser update per `config.truncation` frames (32 in the paper).
    Validation decodes the generated embeddings with the decoder of stage 1 and compares the result with the
    validation notes.

    Args:
        execution: folder of the trained sequence generator, device, and listener for progress reports.
        embeddings: folder with the shards of the embeddings (`models.synthesis.embed`).
        autoencoder: folder of the autoencoder from stage 1.
        notes: folder with the shards of the notes.
        config: sizes of the network, and its training.

    Example:
        >>> folders = Path("embeddings"), Path("stage-1"), Path("shards")
        >>> train_sequence(Execution(Path("stage-2")), *folders, PRESETS["small"].sequence_training)
    """
    shards, device = Shards(embeddings), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = SequenceGenerator(config.sequence).to(device)
    rebuilder = load_autoencoder(autoencoder, device)
    decoder, sizes = rebuilder.decoder, rebuilder.config

    def objective(batch: Batch) -> Iterator[Loss]:
        target = torch.from_numpy(batch.values).to(device).float().transpose(1, 2)  # (B, D, N)
        rows, state = label_tensors(batch.labels, device), None
        for start in range(0, target.shape[-1], config.truncation):
            length = min(config.truncation, target.shape[-1] - start)
            frames = range(start, start + length)
            time = recorded_time(sizes, batch.labels["shift"], frames, device) if config.keep_time else None
            output, state = network(network.labels(*rows), start, length, state, time)
            yield "network", nn.functional.mse_loss(output.float(), target[..., start : start + length])
            state = (state[0].detach(), state[1].detach())

    validation = Validation(Shards(notes), config.validation_notes, device)

    def validate(model: nn.Module) -> Figures:
        assert isinstance(model, SequenceGenerator)
        return validation.figures(lambda pcm, labels: decoder(model(model.labels(*labels))[0]))

    def stage(world: World) -> Stage:
        plan = BatchPlan(config.fit.batch_size, config.fit.seed, (world.rank, world.size))
        batches = Batches(shards, shards.rows(split="train"), plan, label_columns(shards, ("shift",)))
        return Stage("sequence", network, batches, objective, validate)

    return train_stage(execution, stage, config.fit, {"sequence": asdict(config.sequence)})


def fine_tune(execution: Execution, notes: Path, autoencoder: Path, sequence: Path, config: FineTuning) -> Figures:
    """Train stage 3: sequence generator and decoder are fine-tuned together, from labels to waveforms.

    Both start from the weights of the stages before.

    Args:
        execution: folder of the trained SING, device, and listener for progress reports.
        notes: folder with the shards of the notes.
        autoencoder: folder of the autoencoder from stage 1.
        sequence: folder of the sequence generator from stage 2.
        config: training of the network.

    Example:
        >>> folders = Path("shards"), Path("stage-1"), Path("stage-2")
        >>> fine_tune(Execution(Path("stage-3")), *folders, PRESETS["small"].fine_tuning)
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
        shifts = batch.labels.get("shift") if config.keep_time else None
        time = None if shifts is None else recorded_time(sizes[0], shifts, range(frames), device)
        estimate = network(*label_tensors(batch.labels, device), frames, time)  # (B, T)
        wave = to_wave(batch.values, device, MARGIN)[:, : estimate.shape[1]]
        # Scaled so that a frame has the same weight in an onset and in a whole note.
        yield "network", loss(wave, estimate) * (frames / frames_of_note)

    validation = Validation(shards, config.validation_notes, device)

    def validate(model: nn.Module) -> Figures:
        return validation.figures(lambda pcm, labels: model(*labels))

    def stage(world: World) -> Stage:
        used = samples_used(sizes[0], config.onsets, frames_of_note)
        batches = training_batches(shards, config.fit, config.pitch_shifts, world, used)
        return Stage("SING", network, batches, objective, validate, compilable=(network.decoder,))

    described = {"autoencoder": asdict(sizes[0]), "sequence": asdict(sizes[1])}
    return train_stage(execution, stage, config.fit, described)


def load_autoencoder(folder: Path, device: torch.device) -> Autoencoder:
    """Load the autoencoder that stage 1 wrote to `folder`, in evaluation mode and without gradients.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    checkpoint = load(folder / "model")
    network = Autoencoder(AutoencoderConfig(**checkpoint.metadata["autoencoder"]))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def load_sing(folder: Path, device: torch.device) -> Sing:
    """Load the SING that stage 3 wrote to `folder`, in evaluation mode and without gradients.

    Raises:
        InputError: the checkpoint is missing or damaged.

    Example:
        >>> network = load_sing(Path("stage-3"), torch.device("cpu"))
    """
    checkpoint = load(folder / "model")
    network = Sing(
        AutoencoderConfig(**checkpoint.metadata["autoencoder"]), SequenceConfig(**checkpoint.metadata["sequence"])
    )
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def instrument_rows(folder: Path) -> np.ndarray:
    """Return the instrument table of the SING in `folder`, float32, shape (instruments, instrument_dimension).

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    return load(folder / "model").tensors["sequence.instrument.weight"].numpy()
