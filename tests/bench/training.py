"""A training step of stage 1 at the paper's size, against the straightforward composition of the same layers.

The composition is what one writes down from the paper: `nn.Conv1d`, the window multiplied in,
`nn.ConvTranspose1d`, `torch.stft`, Adam as it comes. Also generation: seconds of audio a second.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from contest import take_turns
from torch import Tensor, nn
from torch.nn import functional

from models.config import FitConfig
from models.losses import spectral
from models.state import State
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.config import PRESETS, AutoencoderConfig
from models.synthesis.sing import Sing
from models.synthesis.synthesize import generation_speed

BATCH, ROUNDS = 4, 5


class Composition(nn.Module):
    """SING's autoencoder, layer after layer."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        width = config.channels
        self.window = nn.Parameter(torch.hann_window(config.kernel, periodic=False) ** 2, requires_grad=False)
        self.analysis = nn.Conv1d(1, width, config.kernel, config.stride)
        rewrites = [nn.Sequential(nn.Conv1d(width, width, 1), nn.ReLU()) for _ in range(2 * config.rewrites)]
        self.encoder = nn.Sequential(nn.ReLU(), *rewrites[::2], nn.Conv1d(width, config.dimension, 1))
        self.decoder = nn.Sequential(nn.Conv1d(config.dimension, width, config.context), nn.ReLU(), *rewrites[1::2])
        self.synthesis = nn.ConvTranspose1d(width, 1, config.kernel, config.stride)
        self.trim = config.kernel - config.stride

    def forward(self, wave: Tensor) -> Tensor:
        """Rebuild the middle of waves (B, T)."""
        kernels = self.analysis.weight * self.window
        hidden = functional.conv1d(wave[:, None], kernels, self.analysis.bias, self.analysis.stride)
        hidden = self.decoder(self.encoder(hidden))
        kernels = self.synthesis.weight * self.window
        wave = functional.conv_transpose1d(hidden, kernels, self.synthesis.bias, self.synthesis.stride)
        return wave[:, 0, self.trim : -self.trim]


def _log_power(wave: Tensor) -> Tensor:
    window = torch.hann_window(1024)
    found = torch.stft(wave, 1024, 256, window=window, center=False, normalized=True, return_complex=True)
    return torch.log(1 + found.abs() ** 2)


def measure(folder: Path) -> dict[str, Any]:
    """Return seconds a step of both, and the speed of generation."""
    del folder
    config = PRESETS["paper"].autoencoder
    wave = torch.randn(BATCH, config.wave_length(265) + 2 * config.strip) * 0.1
    middle = wave[:, config.strip : -config.strip]
    seconds = take_turns({"composition": _composed(config, wave, middle), "ours": _ours(config, wave, middle)}, ROUNDS)
    networks = {name: Sing(preset).eval() for name, preset in PRESETS.items()}
    speeds = {
        f"generation, preset {name}, batch 16, s of audio/s": generation_speed(network, batch_size=16)
        for name, network in networks.items()
    }
    return {
        "figures": {**{f"{name}, s a step of {BATCH} notes": one for name, one in seconds.items()}, **speeds},
        "ratios": {"our step / composition": (seconds["ours"] / seconds["composition"], "<=", 1.0)},
    }


def _composed(config: AutoencoderConfig, wave: Tensor, middle: Tensor) -> Callable[[], None]:
    network = Composition(config)
    optimiser = torch.optim.Adam([one for one in network.parameters() if one.requires_grad], lr=3e-4)

    def step() -> None:
        loss = (_log_power(middle) - _log_power(network(wave))).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _ours(config: AutoencoderConfig, wave: Tensor, middle: Tensor) -> Callable[[], None]:
    network = Autoencoder(config)
    state = State.start(network, {}, FitConfig(steps=1, batch_size=BATCH))

    def step() -> None:
        loss = spectral(middle, network(wave))
        network.zero_grad(set_to_none=True)
        loss.backward()
        state.optimisers["network"].step()

    return step
