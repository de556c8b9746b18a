"""Harmonic spectrum: the input of the project's own encoder.

Magnitudes on a logarithmic frequency axis, fine enough for pitch, with those of a pitch's harmonics stacked at the bin
of that pitch. So the same small convolution finds every pitch, and a shift of the pitch is a shift of the picture.
Long windows separate the harmonics of low voices, short ones follow fast notes.

Shapes: B batch, T samples, W windows, H harmonics, F pitch bins, M = 1 + floor(T / 160) frames.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.signal import in_float32
from models.conversion.frames import HOP, RATE
from models.conversion.melody.config import SpectrumConfig

_PADDING = 2  # length of the FFT, in windows
_LEAST = 1e-4  # magnitude relative to a full-scale sine below which everything is silence


def log_filters(config: SpectrumConfig, window: int) -> Tensor:
    """Return triangular filters from FFT bins to a logarithmic frequency axis.

    The axis begins at the lowest harmonic of the lowest pitch and ends at half the sample rate. A triangle is at
    least two FFT bins wide, so that low bins interpolate between FFT bins.

    Returns:
        (FFT bins, axis), float32; each filter sums to 1.
    """
    size = window * _PADDING
    lowest = config.low * min(config.harmonics)
    count = math.floor(config.resolution * math.log2(RATE / 2 / lowest))
    centres = lowest * 2 ** (torch.arange(count, dtype=torch.float64) / config.resolution)
    step = RATE / size
    half = torch.clamp(centres * (2 ** (1 / config.resolution) - 1), min=step)  # Hz
    frequencies = torch.arange(size // 2 + 1, dtype=torch.float64) * step
    filters = (1 - (frequencies[:, None] - centres).abs() / half).clamp(min=0)
    return (filters / filters.sum(0)).float()


class HarmonicSpectrum(nn.Module):
    """Waves (B, T) to harmonic spectra (B, W·H, F, M), without parameters.

    Values are logarithms of magnitudes, about -2 (silence) to 2 (full scale); harmonics above 8 kHz are silence.

    Example:
        >>> HarmonicSpectrum(SpectrumConfig())(torch.zeros(1, 16_000)).shape
        torch.Size([1, 16, 153, 101])
    """

    def __init__(self, config: SpectrumConfig) -> None:
        super().__init__()
        self.config = config
        for number, window in enumerate(config.windows):
            self.register_buffer(f"filters_{number}", log_filters(config, window), persistent=False)
            self.register_buffer(f"window_{number}", torch.hann_window(window), persistent=False)
        base = min(config.harmonics)
        self._starts = [round(config.resolution * math.log2(one / base)) for one in config.harmonics]

    @in_float32
    def axis(self, waves: Tensor, number: int) -> Tensor:
        """Return the log magnitudes that window `number` gives on the logarithmic axis, (B, axis, M)."""
        window, filters = getattr(self, f"window_{number}"), getattr(self, f"filters_{number}")
        size = len(window) * _PADDING
        spectrum = torch.stft(
            waves, size, HOP, len(window), window=window, center=True, pad_mode="constant", return_complex=True
        )  # (B, FFT bins, M)
        magnitude = spectrum.abs() * (2 / len(window))
        return (filters.T @ magnitude + _LEAST).log() / 2.3 + 2

    @torch.no_grad()
    def forward(self, waves: Tensor) -> Tensor:
        """Return the harmonic spectra of waves (B, T), float32, full scale [-1, 1], 16 kHz."""
        bins, found = self.config.bins, []
        for number in range(len(self.config.windows)):
            axis = self.axis(waves, number)
            short = max(0, self._starts[-1] + bins - axis.shape[1])
            padded = functional.pad(axis, (0, 0, 0, short), value=-2.0)
            found += [padded[:, start : start + bins] for start in self._starts]
        return torch.stack(found, 1)
