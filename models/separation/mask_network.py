"""The discriminative network: predicts a mask on the mixture's STFT. It is the baseline for latent diffusion.

The log magnitudes of a mixture pass through residual dilated convolutions over time. A sigmoid mask multiplies the
mixture's STFT, so the phase of the mixture is kept. The level of the mixture is that of the song
(`models.separation.level`), and hidden values are normalised within each frame: neither the length of what is processed
nor silence in it changes what a frame says. The network is trained on the same songs as the diffusion system, so that
both kinds can be compared without downloaded weights.

Shapes: B batch, T samples, F frequency bins, N STFT frames, C channels.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.separation.norms import FrameNorm
from models.separation.sizes import MaskNetworkConfig

_SMALLEST = 1e-3  # added to magnitudes before the logarithm; at `LEVEL`, the mean magnitude of a bin is about 1


class DilatedBlock(nn.Module):
    """Residual block: norm of each frame, dilated convolution, gate, 1x1 convolution; (B, C, N) -> (B, C, N)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.norm = FrameNorm(1, channels)
        self.spread = nn.Conv1d(channels, 2 * channels, 3, padding=dilation, dilation=dilation)
        self.join = nn.Conv1d(channels, channels, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.join(functional.glu(self.spread(self.norm(hidden)), 1))


class MaskNetwork(nn.Module):
    """Estimates the vocals of a mixture of one channel.

    Example:
        >>> network = MaskNetwork(MaskNetworkConfig())
        >>> network(torch.randn(2, 16_000)).shape
        torch.Size([2, 16000])
    """

    window: Tensor

    def __init__(self, config: MaskNetworkConfig) -> None:
        super().__init__()
        self.config = config
        bins = config.n_fft // 2 + 1
        self.register_buffer("window", torch.hann_window(config.n_fft))
        self.scale, self.shift = nn.Parameter(torch.ones(bins, 1)), nn.Parameter(torch.zeros(bins, 1))
        self.input = nn.Conv1d(bins, config.channels, 1)
        self.blocks = nn.Sequential(*(DilatedBlock(config.channels, one) for one in config.dilations))
        self.output = nn.Sequential(FrameNorm(1, config.channels), nn.PReLU(), nn.Conv1d(config.channels, bins, 1))

    def mask(self, magnitudes: Tensor) -> Tensor:
        """Return the mask, (B, F, N) in [0, 1], for the magnitudes (B, F, N) of the mixture's STFT."""
        level = (magnitudes + _SMALLEST).log()
        return self.output(self.blocks(self.input(level * self.scale + self.shift))).sigmoid()

    def forward(self, mixture: Tensor) -> Tensor:
        """Return the estimated vocals (B, T) of `mixture` (B, T), a stretch of a song at `LEVEL`."""
        size, hop = self.config.n_fft, self.config.n_fft // 4
        spectrum = torch.stft(mixture, size, hop, window=self.window, return_complex=True)  # (B, F, N)
        return torch.istft(
            spectrum * self.mask(spectrum.abs()), size, hop, window=self.window, length=mixture.shape[-1]
        )
