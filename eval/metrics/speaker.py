"""Similarity of voices: embeddings of a named encoder, compared by their cosine.

Two encoders are here. Both take mono sound at 16 kHz; neither is part of a system that is judged.

* "GE2E": the speaker encoder of Wan et al. (ICASSP 2018) with the published weights of Resemblyzer 0.1.4 (Apache-2.0),
  given as a file. Three LSTM layers of 256 units read 40 mel bands (25 ms every 10 ms) in windows of 160 frames; the
  last state goes through a linear layer and ReLU, and is scaled to length 1. An embedding is the mean over windows. It
  was trained on speech. Measured on 65 clean clips of the 13 singers of MIR-1K: pairs of clips of one singer are told
  from pairs of two singers with an area under the curve of 0.975.
* "timbre statistics": mean and deviation of the mel cepstra 1 to 19, and the deviation of their changes. It needs no
  weights. It also measures microphones and rooms, so it is a stand-in (area under the curve on the same clips: 0.952,
  but every singer of MIR-1K has one recording chain).

The name of the encoder is part of every result.

Shapes: T samples, N frames, W windows, D dimensions (256, or 57 for the statistics), R recordings.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional

from data.errors import InputError
from data.files.weights import read_tensors
from eval.metrics.mcd import cepstra, mel_bands

RATE = 16_000
GE2E_SHA256 = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"  # pretrained.pt of resemblyzer 0.1.4
_WINDOW, _STEP = 160, 77  # frames of a window, and between the starts of two windows (1.3 windows a second)
_LEAST_COVERAGE = 0.75  # a last window that is filled less is left out, unless it is the only one
_LEVEL_DB = -30.0  # quieter recordings are raised to this level
_QUIET_DB = 40.0  # parts this far below the loudest are cut out
_ORDER = 19


@dataclass(frozen=True)
class SpeakerEncoder:
    """An encoder of voices.

    Attributes:
        name: what it is; stored with every score.
        embed: function from a voice, float32, (T,), 16 kHz, to its embedding, float64, (D,), of length 1.
        source: file with its weights, and whether their SHA-256 is verified; None if there is no file. Another process
            that it is sent to loads the weights from there.
    """

    name: str
    embed: Callable[[np.ndarray], np.ndarray]
    source: tuple[Path, bool] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self.source is None:
            return type(self), (self.name, self.embed)
        return _load, self.source


def load_speaker_encoder(path: Path | None, *, verify: bool = True) -> SpeakerEncoder:
    """Return the GE2E encoder with the weights in a file, or the timbre statistics if there is no file.

    Args:
        path: `pretrained.pt` of Resemblyzer, or a folder that holds it; None for the timbre statistics.
        verify: whether the SHA-256 of the file must be that of Resemblyzer 0.1.4.

    Raises:
        InputError: the file is missing, damaged, or not the expected one.

    Example:
        >>> encoder = load_speaker_encoder(None)
        >>> cosine(encoder.embed(source), encoder.embed(converted))
    """
    if path is None:
        return SpeakerEncoder("timbre statistics", timbre_statistics)
    path = path / "pretrained.pt" if path.is_dir() else path
    tensors = read_tensors(path, "model_state", GE2E_SHA256 if verify else None)
    network = GE2E()
    try:
        network.load_state_dict(
            {name: one for name, one in tensors.items() if name.split(".")[0] in ("lstm", "linear")}
        )
    except RuntimeError as error:
        message = " ".join(str(error).split())
        raise InputError(f"{path}: weights of another network ({message:.200}); fetch pretrained.pt again") from error
    name = "GE2E (Resemblyzer 0.1.4)" if verify else "GE2E"
    return SpeakerEncoder(name, network.eval().embed, (path, verify))


def _load(path: Path, verify: bool) -> SpeakerEncoder:
    """Return the encoder with the weights in a file (`load_speaker_encoder`)."""
    return load_speaker_encoder(path, verify=verify)


class GE2E(nn.Module):
    """The network of the GE2E encoder."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)

    def forward(self, mel: Tensor) -> Tensor:
        """Return the embeddings of windows.

        Args:
            mel: power of the mel bands, float32, (W, 160, 40).

        Returns:
            (W, 256), each of length 1.
        """
        _, (state, _) = self.lstm(mel)
        return functional.normalize(functional.relu(self.linear(state[-1])), dim=1)

    @torch.inference_mode()
    def embed(self, wave: np.ndarray) -> np.ndarray:
        """Return the embedding of a voice, float64, (256,), of length 1; zeros for silence.

        Args:
            wave: float, (T,), 16 kHz.
        """
        voice = _prepared(wave)
        if not voice.any():
            return np.zeros(256)
        mel = speaker_mel(torch.from_numpy(voice))  # (N, 40)
        starts = window_starts(len(voice))
        mel = functional.pad(mel, (0, 0, 0, max(0, starts[-1] + _WINDOW - len(mel))))
        windows = torch.stack([mel[start : start + _WINDOW] for start in starts])  # (W, 160, 40)
        return _unit(self(windows).double().mean(0).numpy())


def window_starts(samples: int) -> list[int]:
    """Return the first frames of the windows over a recording.

    Example:
        >>> window_starts(3 * 16_000)
        [0, 77, 154]
    """
    frames = int(np.ceil((samples + 1) / 160))
    starts = list(range(0, max(1, frames - _WINDOW + _STEP + 1), _STEP))
    covered = (samples - starts[-1] * 160) / (_WINDOW * 160)
    return starts[:-1] if covered < _LEAST_COVERAGE and len(starts) > 1 else starts


def speaker_mel(wave: Tensor) -> Tensor:
    """Return the power of 40 mel bands (Slaney's scale, equal areas) of frames of 25 ms every 10 ms.

    Args:
        wave: float32, (T,), 16 kHz.

    Returns:
        float32, (N, 40) with N = 1 + floor(T / 160); frames are centred, with silence beyond the ends.
    """
    window = torch.hann_window(400)
    spectrum = torch.stft(wave, 400, 160, window=window, center=True, pad_mode="constant", return_complex=True)
    bank = torchaudio.functional.melscale_fbanks(201, 0.0, RATE / 2, 40, RATE, norm="slaney", mel_scale="slaney")
    return (spectrum.real.square() + spectrum.imag.square()).T @ bank


def timbre_statistics(wave: np.ndarray) -> np.ndarray:
    """Return statistics of the mel cepstra of a voice, float64, (57,), of length 1; zeros for silence.

    They are the means and standard deviations of the coefficients 1 to 19, and the standard deviations of their
    changes over 20 ms. Higher coefficients, which are smaller, are raised by a lifter.

    Args:
        wave: float, (T,), 16 kHz.
    """
    voice = _prepared(wave)
    if not voice.any():
        return np.zeros(3 * _ORDER)
    order = np.arange(1, _ORDER + 1)
    found = cepstra(mel_bands(voice))[:, :_ORDER] * (1 + 11 * np.sin(np.pi * order / 22))
    change = found[2:] - found[:-2] if len(found) > 2 else np.zeros_like(found)
    return _unit(np.concatenate([found.mean(0), found.std(0), change.std(0)]))


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Return the cosine between two embeddings, -1 to 1; NaN if one of them is zero (silence).

    Example:
        >>> cosine(np.array([1.0, 0.0]), np.array([1.0, 1.0])) ** 2
        0.5
    """
    size = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / size if size > 0 else float("nan")


def centroid(embeddings: np.ndarray) -> np.ndarray:
    """Return the mean direction of the embeddings of one singer: (R, D) -> (D,), of length 1."""
    return _unit(np.mean([_unit(one) for one in embeddings], 0))


def _unit(vector: np.ndarray) -> np.ndarray:
    """Return a vector scaled to length 1; zeros stay zeros."""
    size = np.linalg.norm(vector)
    return vector / size if size > 0 else vector


def _prepared(wave: np.ndarray) -> np.ndarray:
    """Return a voice without long silences, float32, raised to -30 dBFS if it is quieter; empty sound as one zero."""
    wave = np.asarray(wave, np.float32)
    size = 480  # 30 ms
    power = np.square(np.pad(wave, (0, -len(wave) % size)).astype(np.float64).reshape(-1, size)).mean(1)
    if not len(power) or power.max() < 1e-12:
        return np.zeros(1, np.float32)
    loud = (power > power.max() * 10 ** (-_QUIET_DB / 10)).astype(np.float64)
    kept = np.convolve(loud, np.ones(13), "same") > 0.5  # 0.18 s on both sides are kept
    voice = wave[np.repeat(kept, size)[: len(wave)]]
    level = 10 * np.log10(max(float(np.square(voice, dtype=np.float64).mean()), 1e-12))
    return voice * np.float32(10 ** (max(0.0, _LEVEL_DB - level) / 20))
