"""Trains the WaveNet autoencoder baseline on random crops of the training notes.

Shapes: B batch, T samples.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.execution import Execution
from data.shards.loader import Batch
from data.shards.reader import Shards
from models.synthesis.notes import to_wave, training_batches, validation_rows
from models.synthesis.wavenet import WavenetAutoencoder
from models.synthesis.wavenet_config import WavenetConfig, WavenetTraining
from models.training.checkpoint import load
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage


def cross_entropy(network: nn.Module, wave: Tensor) -> Tensor:
    """Return the mean negative log-likelihood of `wave` (B, T), in nats per sample.

    Args:
        network: WaveNet autoencoder.
        wave: waveforms, float, full scale [-1, 1]; T is a multiple of the hop.
    """
    logits, levels = network(wave)
    return functional.cross_entropy(logits.float(), levels)


def train_wavenet(execution: Execution, notes: Path, config: WavenetTraining) -> Figures:
    """Train the WaveNet baseline, resuming if it was stopped, and write it to the folder of `execution`.

    Args:
        execution: folder of the trained network, device, and listener for progress reports.
        notes: folder with the shards of the notes.
        config: sizes of the network, and its training.

    Returns:
        "valid_nats" (mean negative log-likelihood in nats per sample, of the first crop of each validation note),
        "loss" (the same on the last training batches) and "seconds" of training.

    Example:
        >>> train_wavenet(Execution(Path("wavenet")), Path("shards"), PRESETS["demo"].wavenet_training)
    """
    shards, device, crop = Shards(notes), torch.device(execution.device), config.wavenet.crop
    torch.manual_seed(config.fit.seed)
    network = WavenetAutoencoder(config.wavenet).to(device)

    def objective(batch: Batch) -> Iterator[Loss]:
        wave = to_wave(batch.values, device, 0)
        starts = torch.randint(0, wave.shape[1] - crop + 1, (len(wave),)).tolist()
        crops = torch.stack([one[start : start + crop] for one, start in zip(wave, starts, strict=True)])
        yield "network", cross_entropy(network, crops)

    rows = validation_rows(shards, config.validation_notes)

    def validate(model: nn.Module) -> Figures:
        losses = [cross_entropy(model, to_wave(shards.read(row)[None], device, 0)[:, :crop]).item() for row in rows]
        return {"nats": sum(losses) / len(losses)} if losses else {}

    def stage(world: World) -> Stage:
        batches = training_batches(shards, config.fit, config.pitch_shifts, world)
        return Stage("WaveNet", network, batches, objective, validate)

    return train_stage(execution, stage, config.fit, {"wavenet": asdict(config.wavenet)})


def load_wavenet(folder: Path, device: torch.device) -> WavenetAutoencoder:
    """Load the WaveNet that `train_wavenet` wrote to `folder`, in evaluation mode and without gradients.

    Raises:
        InputError: the checkpoint is missing or damaged.
    """
    checkpoint = load(folder / "model")
    network = WavenetAutoencoder(WavenetConfig(**checkpoint.metadata["wavenet"]))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)
