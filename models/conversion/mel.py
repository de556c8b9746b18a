"""Mel spectrogram of the conversion system: what the acoustic model predicts and the vocoder hears.

80 bands on Slaney's scale from 0 to 8 kHz, Hann window of 1024 samples, hop 160 at 16 kHz, natural logarithm of the
magnitude, at least ln(1e-5) (the convention of HiFi-GAN's config_v1).

Shapes: B batch, T samples, N = 1 + floor(T / 160) melody frames.
"""

import functools

import torch
import torchaudio
from torch import Tensor

from data.signal import in_float32
from models.conversion.frames import HOP, RATE

BANDS = 80
N_FFT = 1024
FLOOR = 1e-5  # smallest magnitude


@functools.cache
def filter_bank(device: torch.device) -> Tensor:
    """Return the mel filters, (513, 80), normalised to equal area."""
    bank = torchaudio.functional.melscale_fbanks(
        N_FFT // 2 + 1, 0.0, RATE / 2, BANDS, RATE, norm="slaney", mel_scale="slaney"
    )
    return bank.to(device)


@in_float32
def log_mel(waves: Tensor) -> Tensor:
    """Return the mel spectrograms of waves.

    Args:
        waves: (B, T) float32, full scale [-1, 1], 16 kHz; T at least 1.

    Returns:
        (B, N, 80): natural logarithm of the magnitude. Frame n is centred at sample 160·n; beyond its ends a wave is
        taken as silence.

    Example:
        >>> log_mel(torch.zeros(1, 16_000)).shape
        torch.Size([1, 101, 80])
    """
    window = torch.hann_window(N_FFT, device=waves.device)
    spectrum = torch.stft(
        waves, N_FFT, HOP, window=window, center=True, pad_mode="constant", return_complex=True
    )  # (B, 513, N)
    magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt().transpose(1, 2)  # (B, N, 513)
    return (magnitude @ filter_bank(waves.device)).clamp(min=FLOOR).log()
