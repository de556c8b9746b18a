"""Open-Unmix (Stöter et al. 2019): vocals by a mask on the mixture's magnitudes, out of a recurrent network.

The published network with the published names of its weights, so that umxhq and umxl load: magnitudes up to 16 kHz,
shifted and scaled, pass a linear layer, three bidirectional LSTM layers with a skip around them and two more linear
layers, each with batch norm; the result, scaled and shifted, is what of each magnitude is vocals.

Left out is the Wiener filter (the package norbert) that the published numbers were made with, which sharpens the four
sources against each other and needs all four networks: here the mask of the vocals is applied to the mixture, phase
and all. Expect less than the published scores.

Source: Stöter, Uhlich, Liutkus, Mitsufuji: Open-Unmix, JOSS 4(41), 1667, 2019, doi 10.21105/joss.01667.
Shapes: B batch, K channels, T samples, F bins, N frames, H hidden.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.separation.published.weights import load_weights

# Published files also hold the STFT that the network was trained behind.
_UNUSED = frozenset({"stft.window", "transform.0.window", "sample_rate"})


@dataclass(frozen=True)
class OpenUnmixConfig:
    """Sizes; those of umxhq by default. umxl differs in `hidden` alone: 1024.

    Attributes:
        sample_rate: in Hz.
        channels: heard together.
        n_fft: samples of an STFT frame; the hop is a quarter.
        bandwidth: in Hz; what lies above is masked but not heard.
        hidden: of the linear and recurrent layers.
    """

    sample_rate: int = 44_100
    channels: int = 2
    n_fft: int = 4096
    bandwidth: int = 16_000
    hidden: int = 512

    @property
    def bins(self) -> int:
        """Bins of the STFT."""
        return self.n_fft // 2 + 1

    @property
    def heard_bins(self) -> int:
        """Bins up to the bandwidth."""
        return self.bandwidth * self.n_fft // self.sample_rate + 1


class OpenUnmix(nn.Module):
    """Mixture (B, K, T) to vocals (B, K, T)."""

    window: Tensor

    def __init__(self, config: OpenUnmixConfig) -> None:
        super().__init__()
        self.config = config
        hidden, heard, masked = config.hidden, config.channels * config.heard_bins, config.channels * config.bins
        self.register_buffer("window", torch.hann_window(config.n_fft), persistent=False)
        self.input_mean = nn.Parameter(torch.zeros(config.heard_bins))
        self.input_scale = nn.Parameter(torch.ones(config.heard_bins))
        self.fc1, self.bn1 = nn.Linear(heard, hidden, bias=False), nn.BatchNorm1d(hidden)
        self.lstm = nn.LSTM(hidden, hidden // 2, num_layers=3, bidirectional=True, dropout=0.4)
        self.fc2, self.bn2 = nn.Linear(2 * hidden, hidden, bias=False), nn.BatchNorm1d(hidden)
        self.fc3, self.bn3 = nn.Linear(hidden, masked, bias=False), nn.BatchNorm1d(masked)
        self.output_scale = nn.Parameter(torch.ones(config.bins))
        self.output_mean = nn.Parameter(torch.ones(config.bins))

    def forward(self, mixture: Tensor) -> Tensor:
        """Return the vocals of `mixture` (B, K, T): (B, K, T)."""
        size, hop, window = self.config.n_fft, self.config.n_fft // 4, self.window
        flat = mixture.flatten(0, 1)  # (B·K, T)
        spectrum = torch.stft(flat, size, hop, window=window, return_complex=True).unflatten(0, mixture.shape[:2])
        masked = self.mask(spectrum.abs()) * spectrum  # (B, K, F, N)
        vocals = torch.istft(masked.flatten(0, 1), size, hop, window=window, length=mixture.shape[-1])
        return vocals.unflatten(0, mixture.shape[:2])

    def mask(self, magnitude: Tensor) -> Tensor:
        """Return what share of each magnitude (B, K, F, N) is vocals, (B, K, F, N), 0 or more."""
        batch, channels, bins, frames = magnitude.shape
        heard = magnitude.permute(3, 0, 1, 2)[..., : self.config.heard_bins]  # (N, B, K, heard bins)
        scaled = ((heard + self.input_mean) * self.input_scale).flatten(2).flatten(0, 1)  # (N·B, K·heard bins)
        hidden = self.bn1(self.fc1(scaled)).tanh().unflatten(0, (frames, batch))  # (N, B, H)
        hidden = torch.cat([hidden, self.lstm(hidden)[0]], -1).flatten(0, 1)  # (N·B, 2H)
        hidden = self.bn2(self.fc2(hidden)).relu()  # (N·B, H)
        shares = self.bn3(self.fc3(hidden)).reshape(frames, batch, channels, bins)
        return (shares * self.output_scale + self.output_mean).relu().permute(1, 2, 3, 0)


def load_openunmix(
    weights: Path, device: torch.device, *, config: OpenUnmixConfig | None = None, sha256: str | None = None
) -> OpenUnmix:
    """Return the network with the published weights of its vocals model (`vocals-….pth`), frozen.

    Args:
        weights: the file.
        device: to compute on.
        config: sizes the file was trained with; umxhq's by default.
        sha256: of the file, hexadecimal; None is not checked.

    Raises:
        InputError: the file is missing, damaged or of another network.
    """
    network = OpenUnmix(config or OpenUnmixConfig())
    load_weights(network, weights, sha256, unused=_UNUSED)
    return network.to(device).eval().requires_grad_(False)
