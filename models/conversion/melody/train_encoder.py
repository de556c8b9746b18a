"""Trains the project's own encoder without labels, by BEST-RQ (Chiu et al. 2022), on the voices at hand.

Spectra are quantised by a random projection and a random codebook, both never trained. Spans of frames are masked, and
the encoder learns to predict the codes of the masked frames from the others. Half of the examples are sung over an
accompaniment while the codes are those of the voice alone, so that the encoder learns what of a mixture is the voice.

Shapes: B batch, T samples, N frames at 50 Hz, D features, E entries of the codebook.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.execution import Execution
from data.shards.loader import Batch
from data.voices.segments import Material
from models.conversion.melody.augment import masked_frames
from models.conversion.melody.config import EncoderConfig, EncoderTraining
from models.conversion.melody.encoder import HarmonicEncoder
from models.conversion.melody.examples import as_tensors, voice_segments
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage


class Quantiser(nn.Module):
    """Random projection and random codebook: voices to the number of a code per frame of 20 ms."""

    projection: Tensor
    codebook: Tensor

    def __init__(self, config: EncoderTraining) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(config.fit.seed)
        bins = config.encoder.spectrum.bins
        projection = torch.randn(2 * bins, config.code, generator=generator) / math.sqrt(2 * bins)
        codebook = functional.normalize(torch.randn(config.entries, config.code, generator=generator), dim=1)
        self.register_buffer("projection", projection)
        self.register_buffer("codebook", codebook)

    def forward(self, spectra: Tensor) -> Tensor:
        """Return the codes, (B, N) integers, of pitch-axis spectra (B, F, M) at 100 Hz.

        Each bin is normalised over the recording, without which few codes would be used.
        """
        deviation, mean = torch.std_mean(spectra, dim=2, keepdim=True)
        normal = (spectra - mean) / (deviation + 0.1)
        pairs = functional.pad(normal, (0, normal.shape[2] % 2)).unflatten(2, (-1, 2))  # (B, F, N, 2)
        stacked = pairs.permute(0, 2, 1, 3).flatten(2)  # (B, N, 2F)
        return (functional.normalize(stacked @ self.projection, dim=2) @ self.codebook.T).argmax(2)


class MaskedPrediction(nn.Module):
    """The encoder and the linear layer that predicts codes from its last layer."""

    def __init__(self, config: EncoderTraining) -> None:
        super().__init__()
        self.encoder = HarmonicEncoder(config.encoder)
        self.predict = nn.Linear(config.encoder.features, config.entries)
        self.quantiser = Quantiser(config)

    def codes(self, voices: Tensor) -> Tensor:
        """Return the codes, (B, N) integers, of voices (B, T)."""
        spectrum = self.encoder.spectrum
        start = spectrum.config.harmonics.index(1) if 1 in spectrum.config.harmonics else 0
        return self.quantiser(spectrum(voices)[:, start])

    def forward(self, waves: Tensor, codes: Tensor, masked: Tensor) -> Tensor:
        """Return the cross entropy of the codes (B, N) of the masked frames (B, N) of waves (B, T), in nats."""
        last = self.encoder(waves, masked)[-1]
        return functional.cross_entropy(self.predict(last[masked]), codes[masked])


def train_encoder(execution: Execution, voices: Path, config: EncoderTraining) -> Figures:
    """Train the project's own encoder; `models.conversion.melody.load.load_encoder` reads it.

    The validation figures are "valid_nats", the cross entropy of masked codes of one batch of the split "valid", and
    "valid_entropy", that of their distribution: what a predictor that does not listen would reach.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        voices: folder of the shards of voices and accompaniments.
        config: settings of the training.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: no training voice is long enough.

    Example:
        >>> train_encoder(Execution(Path("encoder")), Path("voices"), EncoderTraining(EncoderConfig(), fit, mixing))
    """
    device = torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = MaskedPrediction(config).to(device)

    def masks(codes: Tensor) -> Tensor:
        found = masked_frames((codes.shape[0], codes.shape[1]), config.masked, config.span, device)
        found[:, 0] = True  # so that there is one
        return found

    def objective(batch: Batch) -> Iterator[Loss]:
        examples = as_tensors(batch, device)
        codes = network.codes(examples.voices)
        yield "network", network(examples.mixtures, codes, masks(codes))

    held_out = as_tensors(
        voice_segments(Material(voices, split="valid"), config.mixing, config.fit, World()).load(0), device
    )

    def validate(model: nn.Module) -> Figures:
        assert isinstance(model, MaskedPrediction)
        torch.manual_seed(0)
        codes = model.codes(held_out.voices)
        shares = torch.bincount(codes.flatten()) / codes.numel()
        loss = model(held_out.mixtures, codes, masks(codes)).item()
        return {"nats": loss, "entropy": -torch.xlogy(shares, shares).sum().item()}

    def stage(world: World) -> Stage:
        batches = voice_segments(Material(voices), config.mixing, config.fit, world)
        return Stage("melody encoder", network, batches, objective, validate, compilable=(network.encoder.blocks,))

    return train_stage(execution, stage, config.fit, {"encoder": describe_harmonic(config.encoder)})


def describe_harmonic(config: EncoderConfig) -> dict[str, object]:
    """Return the description of the project's own encoder that a checkpoint carries."""
    return {"kind": "harmonic", **asdict(config)}
