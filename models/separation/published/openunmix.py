"""Open-Unmix (Stöter et al. 2019): a recurrent network that predicts a mask for the vocals on the mixture's STFT.

This is the published network with the published names of its weights, so that the weights of umxhq and umxl load.
Magnitudes up to 16 kHz, shifted and scaled, pass through a linear layer, three bidirectional LSTM layers with a skip
connection around them, and two more linear layers; each linear layer is followed by batch norm. The result, scaled and
shifted, is the mask.

The Wiener filter of the published scores (package norbert) is not included: it refines the four sources jointly and
needs all four networks. Here the mask of the vocals multiplies the complex STFT of the mixture. Expect lower scores
than the published ones.

Source: Stöter, Uhlich, Liutkus, Mitsufuji: Open-Unmix, JOSS 4(41), 1667, 2019, doi 10.21105/joss.01667.
Shapes: B batch, K channels, T samples, F frequency bins, N STFT frames, H hidden size.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.separation.published.weights import load_weights

# Published files also hold buffers of the STFT that preceded the network in training.
_UNUSED = frozenset({"stft.window", "transform.0.window", "sample_rate"})


@dataclass(frozen=True)
class OpenUnmixConfig:
    """Sizes of the network. The defaults are those of umxhq; umxl differs only in `hidden`, which is 1024.

    Attributes:
        sample_rate: sample rate in Hz.
        channels: number of channels that are processed together.
        n_fft: STFT size in samples; the hop is a quarter of it.
        bandwidth: highest frequency of the network's input in Hz; the mask covers all frequencies.
        hidden: size of the linear and recurrent layers.
    """

    sample_rate: int = 44_100
    channels: int = 2
    n_fft: int = 4096
    bandwidth: int = 16_000
    hidden: int = 512

    @property
    def bins(self) -> int:
        """Number of frequency bins of the STFT, F."""
        return self.n_fft // 2 + 1

    @property
    def heard_bins(self) -> int:
        """Number of frequency bins of the network's input, those up to `bandwidth`."""
        return self.bandwidth * self.n_fft // self.sample_rate + 1


class OpenUnmix(nn.Module):
    """Estimates the vocals of a stereo mixture.

    Example:
        >>> network = OpenUnmix(OpenUnmixConfig()).eval()
        >>> network(torch.randn(1, 2, 44_100)).shape
        torch.Size([1, 2, 44100])
    """

    window: Tensor

    def __init__(self, config: OpenUnmixConfig) -> None:
        super().__init__()
        self.config = config
        hidden, inputs, masked = config.hidden, config.channels * config.heard_bins, config.channels * config.bins
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        self.input_mean = nn.Parameter(torch.zeros(config.heard_bins))
        self.input_scale = nn.Parameter(torch.ones(config.heard_bins))
        self.fc1, self.bn1 = nn.Linear(inputs, hidden, bias=False), nn.BatchNorm1d(hidden)
        self.lstm = nn.LSTM(hidden, hidden // 2, num_layers=3, bidirectional=True, dropout=0.4)
        self.fc2, self.bn2 = nn.Linear(2 * hidden, hidden, bias=False), nn.BatchNorm1d(hidden)
        self.fc3, self.bn3 = nn.Linear(hidden, masked, bias=False), nn.BatchNorm1d(masked)
        self.output_scale = nn.Parameter(torch.ones(config.bins))
        self.output_mean = nn.Parameter(torch.ones(config.bins))

    def forward(self, mixture: Tensor) -> Tensor:
        """Return the estimated vocals (B, K, T) of `mixture` (B, K, T)."""
        size, hop, window = self.config.n_fft, self.config.n_fft // 4, self.window
        flat = mixture.flatten(0, 1)  # (B·K, T)
        spectrum = torch.stft(flat, size, hop, window=window, return_complex=True).unflatten(0, mixture.shape[:2])
        masked = self.mask(spectrum.abs()) * spectrum  # (B, K, F, N)
        vocals = torch.istft(masked.flatten(0, 1), size, hop, window=window, length=mixture.shape[-1])
        return vocals.unflatten(0, mixture.shape[:2])

    def mask(self, magnitude: Tensor) -> Tensor:
        """Return the mask (B, K, F, N) of the vocals, at least 0 and not limited to 1, for magnitudes (B, K, F, N)."""
        batch, channels, bins, frames = magnitude.shape
        lower = magnitude.permute(3, 0, 1, 2)[..., : self.config.heard_bins]  # (N, B, K, heard_bins)
        scaled = ((lower + self.input_mean) * self.input_scale).flatten(2).flatten(0, 1)  # (N·B, K·heard_bins)
        hidden = self.bn1(self.fc1(scaled)).tanh().unflatten(0, (frames, batch))  # (N, B, H)
        hidden = torch.cat([hidden, self.lstm(hidden)[0]], -1).flatten(0, 1)  # (N·B, 2H)
        hidden = self.bn2(self.fc2(hidden)).relu()  # (N·B, H)
        shares = self.bn3(self.fc3(hidden)).reshape(frames, batch, channels, bins)
        return (shares * self.output_scale + self.output_mean).relu().permute(1, 2, 3, 0)


def load_openunmix(
    weights: Path, device: torch.device, *, config: OpenUnmixConfig | None = None, sha256: str | None = None
) -> OpenUnmix:
    """Load the network with the published weights for vocals, in evaluation mode and without gradients.

    Args:
        weights: weights file, `vocals-….pth`.
        device: device to compute on.
        config: sizes of the network in the file; None means those of umxhq.
        sha256: expected SHA-256 of the file, hexadecimal; None skips the check.

    Raises:
        InputError: the file is missing, damaged or of another network.

    Example:
        >>> network = load_openunmix(Path("vocals-b62c91ce.pth"), torch.device("cpu"))
    """
    network = OpenUnmix(config or OpenUnmixConfig())
    load_weights(network, weights, sha256, unused=_UNUSED)
    return network.to(device).eval().requires_grad_(False)
