"""Loads a trained vocoder and makes waves of any length with it, in pieces.

A piece is made with as many frames of context on both sides as the network hears, so that the pieces are those of a
wave made at once, and only a few seconds are in memory beside the mel spectrogram and the result.

Shapes: N mel frames, T = 160·N samples.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError, NotFiniteError
from models.conversion.mel import BANDS
from models.conversion.vocoder.excitation import Source, make_source
from models.conversion.vocoder.hifigan import Hifigan
from models.conversion.vocoder.network import Generator, build, generate, read_config
from models.conversion.vocoder.pulses import Pulses
from models.training.checkpoint import load

PIECE = 500  # frames made at once: 5 seconds


class Vocoder:
    """Makes waves from mel spectrograms.

    Attributes:
        arm: "hifigan", "vocos" or "pulses".
        network: the network, in evaluation mode, without gradients.
        device: device of the network.

    Example:
        >>> vocoder = load_vocoder(Path("vocoder"), torch.device("cpu"))
        >>> vocoder.wave(mel, f0).shape  # mel (N, 80), f0 (N,)
        (160·N,)
    """

    def __init__(self, arm: str, network: Generator, device: torch.device) -> None:
        self.arm, self.device = arm, device
        self.network = network.to(device).eval().requires_grad_(False)

    def wave(self, mel: np.ndarray, f0: np.ndarray | None = None, *, piece: int = PIECE) -> np.ndarray:
        """Return the wave of a mel spectrogram.

        Args:
            mel: mel spectrogram (`models.conversion.mel.log_mel`), float, (N, 80), N at least 1.
            f0: F0 in Hz, (N,), 0 where unvoiced. Only the arm "pulses" uses it; without it, it finds F0 in the mel
                spectrogram.
            piece: number of frames made at once; it does not change the result.

        Returns:
            (160·N,) float32, full scale [-1, 1]; louder samples are clipped. Sample 160·n is the centre of frame n.

        Raises:
            InputError: the arrays have another shape, or a value is NaN, infinite or, of F0, negative.
            NotFiniteError: the network produced NaN or infinite samples.

        Example:
            >>> vocoder.wave(np.full((100, 80), -11.5, np.float32)).shape
            (16000,)
        """
        return np.concatenate(list(self.pieces(mel, f0, piece=piece)))

    def pieces(self, mel: np.ndarray, f0: np.ndarray | None = None, *, piece: int = PIECE) -> Iterator[np.ndarray]:
        """Yield the wave of `wave` in consecutive pieces of `piece` frames, each (160·frames,) float32."""
        mel, f0 = _checked(mel, f0)
        source = None
        if isinstance(self.network, Pulses):
            found = self.f0(mel) if f0 is None else f0
            source = make_source(found[None], torch.device("cpu"))
        for start in range(0, len(mel), piece):
            stop = min(start + piece, len(mel))
            yield self._piece(mel, source, start, stop)

    def f0(self, mel: np.ndarray) -> np.ndarray:
        """Return F0 in Hz as the arm "pulses" finds it in a mel spectrogram, (N,) float32, 0 where unvoiced.

        Raises:
            InputError: the vocoder has another arm, or `mel` is not (N, 80).
        """
        if not isinstance(self.network, Pulses):
            raise InputError(f"the vocoder {self.arm!r} has no pitch network; train the arm 'pulses'")
        mel, _ = _checked(mel, None)
        pitch, found = self.network.pitch, []
        for start in range(0, len(mel), PIECE):
            stop = min(start + PIECE, len(mel))
            left = max(0, start - pitch.reach)
            heard = self._tensor(mel[left : stop + pitch.reach])
            found.append(pitch.f0(heard)[0, start - left : stop - left].cpu().numpy())
        return np.concatenate(found)

    def _piece(self, mel: np.ndarray, source: Source | None, start: int, stop: int) -> np.ndarray:
        """Return the samples of frames start … stop - 1."""
        left = max(0, start - self.network.reach)
        right = min(len(mel), stop + self.network.reach)
        heard = None if source is None else source.cut(left, right).to(self.device)
        wave = generate(self.network, self._tensor(mel[left:right]), heard)[0].cpu().numpy()
        hop = len(wave) // (right - left)
        wave = wave[(start - left) * hop : (stop - left) * hop]
        if not np.isfinite(wave).all():
            raise NotFiniteError(f"the vocoder {self.arm!r} produced NaN or infinite samples; train it again")
        return wave.clip(-1, 1)

    def _tensor(self, mel: np.ndarray) -> Tensor:
        """Return a mel spectrogram (N, 80) as (1, N, 80) on the device."""
        return torch.from_numpy(np.ascontiguousarray(mel, np.float32))[None].to(self.device)


def _checked(mel: np.ndarray, f0: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return mel spectrogram and F0 as given.

    Raises:
        InputError: the arrays have another shape, or a value is NaN, infinite or, of F0, negative.
    """
    if mel.ndim != 2 or mel.shape[1] != BANDS or len(mel) == 0:
        raise InputError(f"mel spectrogram {mel.shape}: the vocoder takes (N, {BANDS}) with N at least 1")
    if not np.isfinite(mel).all():
        raise InputError(f"mel spectrogram: {np.count_nonzero(~np.isfinite(mel))} values are NaN or infinite")
    if f0 is not None and f0.shape != (len(mel),):
        raise InputError(f"F0 {f0.shape}: the mel spectrogram has {len(mel)} frames; give one value for each")
    if f0 is not None and not (np.isfinite(f0) & (f0 >= 0)).all():
        raise InputError("F0 holds values that are NaN, infinite or negative; unvoiced frames have 0 Hz")
    return mel, f0


def load_vocoder(folder: Path, device: torch.device) -> Vocoder:
    """Load a vocoder from the folder of `train_vocoder` or `tune_vocoder`.

    Raises:
        InputError: a file is missing or damaged.

    Example:
        >>> vocoder = load_vocoder(Path("vocoder"), torch.device("cpu"))
    """
    tensors, metadata = read_vocoder(folder)
    network = build(read_config(metadata["arm"], metadata["generator"]))
    prefix = "generator."
    network.load_state_dict({name[len(prefix) :]: one for name, one in tensors.items() if name.startswith(prefix)})
    return Vocoder(metadata["arm"], network.fold() if isinstance(network, Hifigan) else network, device)


def read_vocoder(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return tensors (also of the discriminators) and metadata of a trained vocoder.

    Raises:
        InputError: a file is missing or damaged.
    """
    checkpoint = load(folder / "model")
    return checkpoint.tensors, checkpoint.metadata
