"""Griffin-Lim: the baseline vocoder without training.

The magnitudes of the STFT are found by a non-negative inversion of the mel filters, the phases by the fast Griffin-Lim
algorithm (Perraudin et al., WASPAA 2013), which begins at random phases of a fixed seed.

Shapes: N mel frames, F = 513 frequencies, T = 160·N samples.
"""

import numpy as np
import torch
from torch import Tensor

from models.conversion.frames import HOP
from models.conversion.mel import N_FFT, filter_bank
from models.training.seeds import hash_seed

ITERATIONS = 32
_INVERSION = 100  # multiplicative updates of the magnitudes
_MOMENTUM = 0.99


def griffin_lim(
    mel: np.ndarray, iterations: int = ITERATIONS, seed: int = 0, device: torch.device | str = "cpu"
) -> np.ndarray:
    """Return a wave that has about this mel spectrogram.

    Memory grows with the length: the whole recording is made at once.

    Args:
        mel: mel spectrogram (`models.conversion.mel.log_mel`), float, (N, 80).
        iterations: number of iterations.
        seed: seed of the first phases, which are the same on every device.
        device: device to compute on.

    Returns:
        (160·N,) float32, clipped to [-1, 1].

    Example:
        >>> griffin_lim(np.full((100, 80), -11.5, np.float32)).shape
        (16000,)
    """
    magnitude = invert_mel(torch.from_numpy(np.asarray(mel, np.float32)).to(device))  # (N, F)
    magnitude = torch.cat([magnitude, magnitude[-1:]]).T.contiguous()  # (F, N + 1): centred frames of 160·N samples
    window, length = torch.hann_window(N_FFT, device=device), len(mel) * HOP

    def to_wave(spectrum: Tensor) -> Tensor:
        return torch.istft(spectrum, N_FFT, HOP, window=window, length=length)

    generator = torch.Generator().manual_seed(hash_seed(seed))
    phases = 2 * torch.pi * torch.rand(magnitude.shape, generator=generator)
    angles = torch.polar(torch.ones_like(magnitude), phases.to(device))
    before = torch.zeros_like(angles)
    for _ in range(iterations):
        wave = to_wave(magnitude * angles)
        found = torch.stft(wave, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True)
        moved = found - _MOMENTUM / (1 + _MOMENTUM) * before
        angles, before = moved / moved.abs().clamp(min=1e-16), found
    return to_wave(magnitude * angles).clamp(-1, 1).cpu().numpy()


def invert_mel(mel: Tensor) -> Tensor:
    """Return non-negative magnitudes (N, F) whose mel spectrogram is nearest to `mel`, (N, 80) logarithmic.

    Multiplicative updates (Lee and Seung, 2001) of the squared distance, from the transposed filters on.
    """
    bank, wanted = filter_bank(mel.device), mel.exp()  # (F, 80), (N, 80)
    target, square = wanted @ bank.T, bank @ bank.T
    found = target / bank.sum(0).square().mean()
    for _ in range(_INVERSION):
        found = found * target / (found @ square).clamp(min=1e-12)
    return found
