"""The separation metrics that have one value for a whole track of a source, which is seen in blocks.

Shapes: T samples, K channels, N frames.
"""

from dataclasses import replace

import numpy as np
import soxr
import torch

from data.signal import power_spectrum
from eval.metrics.blocks import Block
from eval.metrics.delay import Lag
from eval.metrics.energies import Energies
from eval.metrics.hearing import LoudnessError
from eval.metrics.speaker import RATE, SpeakerEncoder, cosine
from eval.metrics.spectral import MultiResolution


class WholeTrack:
    """The metrics of one source of a track.

    All blocks go through `survey` before the first goes through `add`. They hold the reference and the estimate, and
    `margin` samples before and after them.

    Attributes:
        margin: number of samples.
        muted: for each frame of 1 s whether the estimate is silent in it and the reference is not, (N,).
    """

    def __init__(self, length: int, sample_rate: int, voice: SpeakerEncoder | None) -> None:
        """Prepare for sounds of `length` samples.

        Args:
            length: T.
            sample_rate: in Hz.
            voice: encoder for the metric "voice similarity"; None leaves this metric out.

        Raises:
            ValueError: the sounds are too short.
        """
        self._energies, self._lag, self._loudness = Energies(), Lag(sample_rate), LoudnessError(sample_rate)
        self._spectra, self._second = MultiResolution(), min(sample_rate, length)
        shortest = max(self._loudness.size, *(size for size, _ in self._spectra.resolutions)) // 2 + 1
        if length < shortest:
            raise ValueError(f"waveforms of {length} samples; at least {shortest} are needed")
        self.margin = max(self._second, self._lag.reach, shortest)
        self.muted = np.zeros(length // self._second, bool)
        self._voices = [_Voice(voice, sample_rate) for _ in range(2)] if voice is not None else []

    def survey(self, block: Block) -> None:
        """See a block for the first time."""
        self._energies.survey(*block.inside.astype(np.float64))
        self._lag.add(block)
        mono = _mono(block)
        self._loudness.survey(mono)
        for number, (size, hop) in enumerate(self._spectra.resolutions):
            self._spectra.survey(number, _power(mono.of([0]), size, hop)[0])
        for one, samples in zip(self._voices, mono.inside, strict=False):
            one.add(samples[:, 0], last=block.last)

    def add(self, block: Block) -> None:
        """See a block for the second time."""
        self._energies.add(*block.inside.astype(np.float64))
        for frame in set(block.frames(self._second)) & set(range(len(self.muted))):
            reference, estimate = block.cut(frame * self._second, (frame + 1) * self._second)
            self.muted[frame] = reference.any() and not estimate.any()
        mono = _mono(block)
        self._loudness.add(mono)
        for number, (size, hop) in enumerate(self._spectra.resolutions):
            self._spectra.add(number, *_power(mono, size, hop))

    def values(self) -> dict[str, float]:
        """Return the metrics by name (`eval.metrics.sdr.DEFINITIONS`)."""
        found = {
            "uSDR": self._energies.usdr,
            "SI-SDR": self._energies.si_sdr,
            "specific loudness error": self._loudness.share,
            "MR-STFT": float(self._spectra.distance),
            "lag": self._lag.milliseconds,
        }
        if self._voices:
            found["voice similarity"] = cosine(*(one.embedded() for one in self._voices))
        return found


class _Voice:
    """A sound for the encoder of voices, brought to its sample rate block by block."""

    def __init__(self, encoder: SpeakerEncoder, sample_rate: int) -> None:
        self._encoder, self._pieces = encoder, list[np.ndarray]()
        self._resampled = soxr.ResampleStream(sample_rate, RATE, 1, dtype="float32", quality="VHQ")

    def add(self, samples: np.ndarray, *, last: bool) -> None:
        """Add samples, float, (n,); `last` says whether they are the last ones."""
        self._pieces.append(self._resampled.resample_chunk(np.ascontiguousarray(samples, np.float32), last=last))

    def embedded(self) -> np.ndarray:
        """Return what the encoder makes of the sound."""
        return self._encoder.embed(np.concatenate(self._pieces))


def _mono(block: Block) -> Block:
    """Return the means of all channels, float32."""
    return replace(block, samples=block.samples.mean(2, keepdims=True).astype(np.float32, copy=False))


def _power(block: Block, size: int, hop: int) -> torch.Tensor:
    """Return the power of all sounds of a mono block, (S, F, N)."""
    return power_spectrum(torch.from_numpy(np.ascontiguousarray(block.centred(size, hop)[..., 0])), size, hop)
