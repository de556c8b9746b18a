"""The discriminative network beside the generative one: a mask on the mixture's STFT.

Log-magnitude frames, brought to the same level song by song, pass residual dilated convolutions over time;
a sigmoid mask lets the vocals through and the mixture's phase is kept. Trained on the same songs as the
diffusion system, so that the two kinds can be compared where no weights can be downloaded.

Shapes: B batch, T samples, F bins, N frames, C channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.separation.config import MaskNetworkConfig


class DilatedBlock(nn.Module):
    """Norm, a dilated convolution, a gate, and back to the path: (B, C, N) -> (B, C, N)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.spread = nn.Conv1d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)
        self.join = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.join(functional.glu(self.spread(self.norm(hidden)), 1))


class MaskNetwork(nn.Module):
    """Mixture (B, T) to vocals (B, T)."""

    window: Tensor

    def __init__(self, config: MaskNetworkConfig) -> None:
        super().__init__()
        self.config = config
        bins = config.n_fft // 2 + 1
        self.register_buffer("window", torch.hann_window(config.n_fft))
        self.scale, self.shift = nn.Parameter(torch.ones(bins, 1)), nn.Parameter(torch.zeros(bins, 1))
        self.input = nn.Conv1d(bins, config.channels, 1)
        self.blocks = nn.Sequential(*(DilatedBlock(config.channels, one) for one in config.dilations))
        self.output = nn.Sequential(nn.GroupNorm(1, config.channels), nn.PReLU(), nn.Conv1d(config.channels, bins, 1))

    def forward(self, mixture: Tensor) -> Tensor:
        """Return the vocals of `mixture` (B, T): (B, T)."""
        size, hop = self.config.n_fft, self.config.n_fft // 4
        spectrum = torch.stft(mixture, size, hop, window=self.window, return_complex=True)  # (B, F, N)
        level = (spectrum.abs() + 1e-5).log()
        level = level - level.mean((1, 2), keepdim=True)
        hidden = self.blocks(self.input(level * self.scale + self.shift))
        mask = self.output(hidden).sigmoid()
        return torch.istft(spectrum * mask, size, hop, window=self.window, length=mixture.shape[-1])
