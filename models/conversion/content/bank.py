"""Log mel filter bank without padding, the input of the project's own recogniser.

Windows of 400 samples every 160: T = 1 + floor((samples - 400) / 160) frames, as WeNet and ESPnet have it.

Shapes: B batch, S samples, T filter-bank frames, F bands.
"""

import functools
import math

import torch
import torchaudio
from torch import Tensor

from data.signal import in_float32
from models.conversion.frames import HOP, RATE, WINDOW

_N_FFT = 512
_LOWEST = 1e-8  # power below which everything is silence


@functools.cache
def _filters(bands: int, device: torch.device) -> Tensor:
    """Return the mel filters, (257, bands)."""
    return torchaudio.functional.melscale_fbanks(_N_FFT // 2 + 1, 20.0, RATE / 2, bands, RATE).to(device)


@in_float32
def log_bank(waves: Tensor, bands: int = 80) -> Tensor:
    """Return the log mel filter bank of waves.

    Args:
        waves: (B, S) float32, full scale [-1, 1], 16 kHz, at least 400 samples.
        bands: number of bands F.

    Returns:
        (B, T, F): natural logarithm of the mean power, about -18 (silence) to 0.

    Example:
        >>> log_bank(torch.zeros(1, 48_000)).shape
        torch.Size([1, 298, 80])
    """
    window = torch.hann_window(WINDOW, device=waves.device)
    frames = waves.unfold(1, WINDOW, HOP) * window  # (B, T, 400)
    spectrum = torch.fft.rfft(frames, _N_FFT)
    power = spectrum.real.square() + spectrum.imag.square()  # (B, T, 257)
    return (power @ _filters(bands, waves.device) / WINDOW + _LOWEST).log()


def warp_bands(bank: Tensor, factors: Tensor) -> Tensor:
    """Return filter banks with the frequency axis stretched, as if a vocal tract of another length had sung.

    Args:
        bank: (B, T, F).
        factors: (B,): band f takes the value of band f · factor, interpolated; beyond the last band its value is
            repeated.

    Example:
        >>> warp_bands(torch.arange(4.0).view(1, 1, 4), torch.tensor([0.5]))
        tensor([[[0.0000, 0.5000, 1.0000, 1.5000]]])
    """
    count = bank.shape[2]
    place = (torch.arange(count, device=bank.device) * factors[:, None]).clamp(max=count - 1)  # (B, F)
    below = place.floor().long().clamp(max=count - 2)
    share = (place - below)[:, None]
    index = below[:, None].expand_as(bank)
    return bank.gather(2, index) * (1 - share) + bank.gather(2, index + 1) * share


def tilt_bands(bank: Tensor, slopes: Tensor) -> Tensor:
    """Return filter banks that are tilted, as if heard through another microphone or sung with another effort.

    Args:
        bank: (B, T, F) natural logarithms of power.
        slopes: (B,) gain of the last band in dB; the first band has the opposite gain, those between a line's.

    Example:
        >>> tilt_bands(torch.zeros(1, 1, 3), torch.tensor([10.0]))
        tensor([[[-2.3026,  0.0000,  2.3026]]])
    """
    line = torch.linspace(-1, 1, bank.shape[2], device=bank.device)
    return bank + slopes[:, None, None] * (math.log(10) / 10) * line
