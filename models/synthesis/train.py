"""SING's three stages (paper section 4), one function each, in order.

    notes ── autoencoder ── embeddings ── sequence generator ── SING
             stage 1                      stage 2               stage 3

Each function takes folders, trains to the end (going on where it was stopped) and leaves
`model.safetensors` and `model.json` in its own folder. All return the figures of the last
validation, with the loss and the seconds it took.

Shapes: B batch, T samples, D embedding dimensions, N frames.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from data.progress import Listener, ignore
from data.shards.loader import Batch, Batches
from data.shards.reader import Shards
from models.losses import WAVE_LOSSES
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.config import AutoencoderConfig, SequenceConfig, SynthesisConfig
from models.synthesis.notes import (
    MARGIN,
    Validation,
    label_columns,
    label_tensors,
    samples_heard,
    to_wave,
    training_batches,
)
from models.synthesis.sequence import SequenceGenerator
from models.synthesis.sing import Sing
from models.training.checkpoint import load
from models.training.fit import Loss, Stage
from models.training.processes import World
from models.training.train import Figures, train


def train_autoencoder(
    folder: Path, notes: Path, config: SynthesisConfig, device: torch.device, listener: Listener = ignore
) -> Figures:
    """Stage 1: train encoder and decoder to rebuild the notes in the shards `notes`."""
    shards, fitting = Shards(notes), config.train_autoencoder
    torch.manual_seed(fitting.seed)
    network = Autoencoder(config.autoencoder).to(device)
    loss, padding = WAVE_LOSSES[config.loss], MARGIN + config.autoencoder.strip

    def objective(batch: Batch) -> Iterator[Loss]:
        frames, strip = config.onsets.at(batch.step, config.sequence.frames), config.autoencoder.strip
        heard = config.autoencoder.wave_length(frames) + 2 * strip
        wave = to_wave(batch.values, device, padding)[:, :heard]
        yield "network", loss(wave[:, strip:-strip], network(wave)) * (frames / config.sequence.frames)

    validation = Validation(shards, config, device)

    def validate(judged: nn.Module) -> Figures:
        return validation.figures(lambda pcm, labels: judged(to_wave(pcm, device, padding)))

    def stage(world: World) -> Stage:
        batches = training_batches(shards, config, fitting, world, samples_heard(config, config.autoencoder.strip))
        return Stage("autoencoder", network, batches, objective, validate, compilable=(network,))

    return train(folder, stage, fitting, device, {"autoencoder": asdict(config.autoencoder)}, listener)


def train_sequence(
    folder: Path,
    embeddings: Path,
    autoencoder: Path,
    notes: Path,
    config: SynthesisConfig,
    device: torch.device,
    listener: Listener = ignore,
) -> Figures:
    """Stage 2: train the sequence generator towards the shards `embeddings`, back-propagating 32 frames.

    Validation decodes what it generates with the decoder of stage 1.
    """
    shards, fitting = Shards(embeddings), config.train_sequence
    torch.manual_seed(fitting.seed)
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

    validation = Validation(Shards(notes), config, device)

    def validate(judged: nn.Module) -> Figures:
        assert isinstance(judged, SequenceGenerator)
        return validation.figures(lambda pcm, labels: decoder(judged(judged.labels(*labels))[0]))

    def stage(world: World) -> Stage:
        batches = Batches(
            shards,
            shards.rows(split="train"),
            fitting.batch_size,
            seed=fitting.seed,
            labels=label_columns(shards),
            share=(world.rank, world.size),
        )
        return Stage("sequence", network, batches, objective, validate)

    return train(folder, stage, fitting, device, {"sequence": asdict(config.sequence)}, listener)


def fine_tune(
    folder: Path,
    notes: Path,
    autoencoder: Path,
    sequence: Path,
    config: SynthesisConfig,
    device: torch.device,
    listener: Listener = ignore,
) -> Figures:
    """Stage 3: train sequence generator and decoder together, from labels to waveforms."""
    shards, fitting = Shards(notes), config.fine_tune
    network = Sing(config).to(device)
    network.decoder.load_state_dict(load_autoencoder(autoencoder, device).decoder.state_dict())
    network.sequence.load_state_dict(load(sequence / "model").tensors)
    loss = WAVE_LOSSES[config.loss]

    def objective(batch: Batch) -> Iterator[Loss]:
        frames = config.onsets.at(batch.step, config.sequence.frames)
        estimate = network(*label_tensors(batch.labels, device), frames)  # (B, T)
        wave = to_wave(batch.values, device, MARGIN)[:, : estimate.shape[1]]
        # A frame weighs the same, whether the rest of its note is there or not.
        yield "network", loss(wave, estimate) * (frames / config.sequence.frames)

    validation = Validation(shards, config, device)

    def validate(judged: nn.Module) -> Figures:
        return validation.figures(lambda pcm, labels: judged(*labels))

    def stage(world: World) -> Stage:
        batches = training_batches(shards, config, fitting, world, samples_heard(config))
        return Stage("SING", network, batches, objective, validate, compilable=(network.decoder,))

    sizes = {"autoencoder": asdict(config.autoencoder), "sequence": asdict(config.sequence)}
    return train(folder, stage, fitting, device, sizes, listener)


def load_autoencoder(folder: Path, device: torch.device) -> Autoencoder:
    """Return the autoencoder that stage 1 left in `folder`, frozen."""
    checkpoint = load(folder / "model")
    network = Autoencoder(AutoencoderConfig(**checkpoint.metadata["autoencoder"]))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def load_sing(folder: Path, device: torch.device) -> Sing:
    """Return the SING that stage 3 left in `folder`, frozen."""
    checkpoint = load(folder / "model")
    config = SynthesisConfig(
        autoencoder=AutoencoderConfig(**checkpoint.metadata["autoencoder"]),
        sequence=SequenceConfig(**checkpoint.metadata["sequence"]),
    )
    network = Sing(config)
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def instrument_rows(folder: Path) -> np.ndarray:
    """Return the instrument table of the SING in `folder`, (instruments, dimensions)."""
    return load(folder / "model").tensors["sequence.instrument.weight"].numpy()
