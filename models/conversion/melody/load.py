"""Loads encoders and melody extractors from their folders, and extracts melodies of recordings of any length.

All networks are returned on the given device, in evaluation mode and without gradients.
Shapes: T samples, N = 1 + floor(T / 160) melody frames, C melody features.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError
from models.conversion.frames import melody_frames
from models.conversion.melody.config import EncoderConfig, ExtractorConfig, PitchConfig, SpectrumConfig
from models.conversion.melody.encoder import ENCODER_RATE, STRIDE, Encoder, HarmonicEncoder
from models.conversion.melody.extractor import ExtractorNetwork
from models.training.checkpoint import load

_CORE = 16 * ENCODER_RATE  # encoder frames of a piece of a long recording, without its margins
_MARGIN = 2 * ENCODER_RATE  # frames of a margin where the encoder's reach is not bounded
_PREFIX = "encoder."


@dataclass(frozen=True)
class Melody:
    """The melody of a recording on the melody grid: frame n is centred at sample 160·n of 16 kHz.

    Attributes:
        pitch: F0 in Hz, (N,) float32, for every frame: where `voicing` is below 0.5 it is the best guess.
        energy: natural logarithm of the RMS of the voice, (N,) float32.
        voicing: probability that the frame is voiced, (N,) float32.
        features: melody features, (N, C) float32.
    """

    pitch: np.ndarray
    energy: np.ndarray
    voicing: np.ndarray
    features: np.ndarray

    @property
    def f0(self) -> np.ndarray:
        """F0 in Hz, (N,) float32; 0 where the frame is unvoiced."""
        return np.where(self.voicing >= 0.5, self.pitch, np.float32(0)).astype(np.float32)


@dataclass(frozen=True)
class Extractor:
    """A trained melody extractor.

    Attributes:
        network: its network, in evaluation mode.
        device: device it computes on.
    """

    network: ExtractorNetwork
    device: torch.device

    def melody(self, wave: np.ndarray) -> Melody:
        """Return the melody of the voice in a recording of any length, in memory that its length hardly changes.

        A long recording is worked on in pieces of 16 s with margins. Where the encoder's reach is bounded, as that of
        the project's own is, the result is that of the whole recording at once, but for rounding.

        Args:
            wave: (T,) float32, full scale [-1, 1], 16 kHz mono; T at least 1.

        Raises:
            InputError: the wave has no samples, or is not one-dimensional.

        Example:
            >>> extractor.melody(np.zeros(16_000, np.float32)).f0.shape
            (101,)
        """
        if wave.ndim != 1 or len(wave) == 0:
            raise InputError(f"a wave of shape {wave.shape}: one channel with at least one sample is needed")
        count = melody_frames(len(wave))
        found: list[list[Tensor]] = []
        for first in range(0, 1 + len(wave) // STRIDE, _CORE):
            last = min(count, 2 * (first + _CORE))
            found.append([one[2 * first - begin : last - begin] for one, begin in [*self._piece(wave, first)]])
        pitch, energy, voicing, features = (torch.cat(one).cpu().numpy() for one in zip(*found, strict=True))
        return Melody(pitch, energy, voicing, features)

    @torch.no_grad()
    def _piece(self, wave: np.ndarray, first: int) -> list[tuple[Tensor, int]]:
        """Return pitch, energy, voicing and features of the piece whose core begins at encoder frame `first`.

        With each comes the number of its first melody frame in the recording.
        """
        network = self.network
        margin = (network.encoder.reach or _MARGIN) + network.blocks.reach // 2 + 1
        begin = max(0, first - margin)
        end = min(len(wave), (first + _CORE + margin) * STRIDE)
        piece = torch.from_numpy(np.ascontiguousarray(wave[begin * STRIDE : end], np.float32))
        outputs = network(piece[None].to(self.device))
        found = (network.f0(outputs), network.energy(outputs), outputs.voicing.sigmoid(), outputs.features)
        return [(one[0].float(), 2 * begin) for one in found]


def load_encoder(folder: Path, device: torch.device) -> Encoder:
    """Load an encoder: the project's own, a published one, or the fine-tuned one of a melody extractor.

    Args:
        folder: folder of `train_encoder`, of `copy_published_encoder`, or of `train_extractor`.
        device: device to compute on.

    Raises:
        InputError: a file is missing or damaged, or a published encoder needs the package transformers.

    Example:
        >>> load_encoder(Path("encoder"), torch.device("cpu"))(torch.zeros(1, 16_000)).shape
        torch.Size([5, 1, 51, 256])
    """
    checkpoint = load(folder / "model")
    encoder = build_encoder(checkpoint.metadata["encoder"])
    tensors = checkpoint.tensors
    encoder.load_state_dict({name.removeprefix(_PREFIX): tensors[name] for name in tensors if name.startswith(_PREFIX)})
    return encoder.to(device).eval().requires_grad_(False)


def build_encoder(described: Mapping[str, Any]) -> Encoder:
    """Build an encoder, with random weights, as the "encoder" of a checkpoint describes it.

    Raises:
        InputError: the description is of a kind that is not known here, or the package transformers is missing.
    """
    rest = {name: one for name, one in described.items() if name != "kind"}
    if described["kind"] == "harmonic":
        spectrum = SpectrumConfig(**{name: _tuple(one) for name, one in rest.pop("spectrum").items()})
        return HarmonicEncoder(EncoderConfig(spectrum, **rest))
    from models.conversion.melody.published.networks import build_published  # noqa: PLC0415 (needs transformers)

    return build_published(described)


def load_extractor(folder: Path, device: torch.device, *, after: int | None = None) -> Extractor:
    """Load a melody extractor from the folder of `train_extractor`.

    Args:
        folder: folder of the trained extractor.
        device: device to compute on.
        after: number of steps after which `MelodyTraining.snapshots` kept weights; None for those of the end.

    Raises:
        InputError: a file is missing or damaged, or a published encoder needs the package transformers.

    Example:
        >>> extractor = load_extractor(Path("melody"), torch.device("cpu"))
        >>> extractor.melody(wave).f0
    """
    checkpoint = load(folder / "model")
    described = checkpoint.metadata["extractor"]
    config = ExtractorConfig(**{**described, "pitch": PitchConfig(**described["pitch"])})
    network = ExtractorNetwork(build_encoder(checkpoint.metadata["encoder"]), config)
    network.load_state_dict((checkpoint if after is None else load(snapshot_path(folder, after))).tensors)
    return Extractor(network.to(device).eval().requires_grad_(False), device)


def layer_weights(folder: Path) -> dict[str, list[float]]:
    """Return the weights of an extractor's encoder layers, "before" and "after" its training; each sums to 1.

    Raises:
        InputError: a file is missing or damaged.

    Example:
        >>> layer_weights(Path("melody"))["before"]
        [0.2, 0.2, 0.2, 0.2, 0.2]
    """
    before = load(folder / "model").metadata["layer_weights_before"]
    after = load_extractor(folder, torch.device("cpu")).network.layer_weights().tolist()
    return {"before": before, "after": after}


def snapshot_path(folder: Path, step: int) -> Path:
    """Return the path, without extension, of the weights that a training keeps after `step` steps."""
    return folder / f"after-{step:06d}"


def _tuple(value: Any) -> Any:
    """Return a list of JSON as the tuple that it was."""
    return tuple(value) if isinstance(value, list) else value
