"""The Vocos arm (Siuzdak, ICLR 2024): ConvNeXt blocks at the mel frame rate, then one inverse STFT.

No layer works at the sample rate, which makes it several times faster than HiFi-GAN. The last layer gives magnitude and
phase of every frequency of every frame.

Shapes: B batch, N mel frames, T = 160·N samples, L length of a frame of the STFT, F = L/2 + 1 frequencies.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.conversion.frames import HOP
from models.conversion.mel import BANDS
from models.conversion.vocoder.config import VocosConfig
from models.conversion.vocoder.convnext import ConvNext

_LOUDEST = 1e2  # magnitude of a frequency; untrained networks would otherwise overflow


class Vocos(nn.Module):
    """Makes waves from mel spectrograms: (B, N, 80) to (B, T).

    Attributes:
        reach: number of frames on either side that a frame of the result depends on.

    Example:
        >>> Vocos(VocosConfig())(torch.zeros(1, 10, 80)).shape
        torch.Size([1, 1600])
    """

    def __init__(self, config: VocosConfig) -> None:
        super().__init__()
        self.stack = ConvNext(BANDS, config.stack)
        self.size = config.n_fft
        self.head = nn.Linear(config.stack.channels, 2 * (config.n_fft // 2 + 1))
        self.reach = self.stack.reach + -(-config.n_fft // (2 * HOP)) + 1

    def forward(self, mel: Tensor) -> Tensor:
        """Return waves (B, T) of mel spectrograms (B, N, 80)."""
        magnitude, phase = self.head(self.stack(mel)).float().chunk(2, 2)
        spectrum = torch.polar(magnitude.exp().clamp(max=_LOUDEST), phase)  # (B, N, F)
        return inverse_stft(spectrum, self.size)


def inverse_stft(spectrum: Tensor, size: int) -> Tensor:
    """Return the waves (B, T) whose STFT with a Hann window and hop 160 is nearest to `spectrum`, (B, N, F).

    Frame n is centred at sample 160·n.

    Args:
        spectrum: complex, (B, N, F).
        size: length L of a frame, even, above 320.
    """
    window = torch.hann_window(size, device=spectrum.device)
    count, length = spectrum.shape[1], (spectrum.shape[1] - 1) * HOP + size

    def overlapped(frames: Tensor) -> Tensor:  # (B, N, L) to (B, length)
        return functional.fold(frames.transpose(1, 2), (1, length), (1, size), stride=(1, HOP))[:, 0, 0]

    total = overlapped(torch.fft.irfft(spectrum, size) * window)
    weight = overlapped(window.square().expand(1, count, size))
    return (total / weight.clamp(min=1e-6))[:, size // 2 : size // 2 + count * HOP]
