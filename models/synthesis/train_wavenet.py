"""Training of the WaveNet autoencoder baseline on random crops of the training notes.

Shapes: B batch, T samples, Q levels.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.progress import Listener, ignore
from data.shards.loader import Batch
from data.shards.reader import Shards
from models.synthesis.config import SynthesisConfig, WavenetConfig
from models.synthesis.notes import to_wave, training_batches, validation_rows
from models.synthesis.wavenet import WavenetAutoencoder
from models.training.checkpoint import load
from models.training.fit import Loss, Stage
from models.training.processes import World
from models.training.train import Figures, train


def cross_entropy(network: nn.Module, wave: Tensor) -> Tensor:
    """Return the mean negative log-likelihood, in nats a sample, of `wave` (B, T)."""
    logits, levels = network(wave)
    return functional.cross_entropy(logits.float(), levels)


def train_wavenet(
    folder: Path, notes: Path, config: SynthesisConfig, device: torch.device, listener: Listener = ignore
) -> Figures:
    """Train the baseline on the shards `notes` and leave it in `folder`; return its last figures."""
    shards, fitting, crop = Shards(notes), config.train_wavenet, config.wavenet.crop
    torch.manual_seed(fitting.seed)
    network = WavenetAutoencoder(config.wavenet).to(device)

    def objective(batch: Batch) -> Iterator[Loss]:
        wave = to_wave(batch.values, device, 0)
        starts = torch.randint(0, wave.shape[1] - crop + 1, (len(wave),)).tolist()
        crops = torch.stack([one[start : start + crop] for one, start in zip(wave, starts, strict=True)])
        yield "network", cross_entropy(network, crops)

    rows = validation_rows(shards, config)

    def validate(judged: nn.Module) -> Figures:
        losses = [cross_entropy(judged, to_wave(shards.read(row)[None], device, 0)[:, :crop]).item() for row in rows]
        return {"nats": sum(losses) / len(losses)} if losses else {}

    def stage(world: World) -> Stage:
        return Stage("WaveNet", network, training_batches(shards, config, fitting, world), objective, validate)

    return train(folder, stage, fitting, device, {"wavenet": asdict(config.wavenet)}, listener)


def load_wavenet(folder: Path, device: torch.device) -> WavenetAutoencoder:
    """Return the trained baseline of `folder`, frozen."""
    checkpoint = load(folder / "model")
    network = WavenetAutoencoder(WavenetConfig(**checkpoint.metadata["wavenet"]))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)
