"""A training step of stage 1 at the paper's size, against the straightforward composition of the same layers.

The composition is what one writes down from the paper: `nn.Conv1d`, the window multiplied in,
`nn.ConvTranspose1d`, `torch.stft`, Adam as it comes. Both start from the same weights and must
give the same loss before they are timed; our step is the one of the training loop, with its
check of the gradients. Also generation, beside the paper's 512 seconds of audio a second (on a
GPU, at a batch it does not tell).
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from contest import take_turns
from torch import Tensor, nn
from torch.nn import functional

from models.losses import spectral
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.config import AutoencoderConfig
from models.synthesis.presets import PRESETS
from models.synthesis.sing import Sing
from models.synthesis.synthesize import generation_speed
from models.training.config import FitConfig
from models.training.state import State

BATCH, ROUNDS = 4, 5


class Composition(nn.Module):
    """SING's autoencoder, layer after layer."""

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__()
        width = config.channels
        self.window = nn.Parameter(torch.hann_window(config.kernel) ** 2, requires_grad=False)
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
    found = torch.stft(wave, 1024, 256, window=window, center=False, return_complex=True)
    return torch.log(1 + found.abs() ** 2)


def measure(folder: Path) -> dict[str, Any]:
    """Return seconds a step of both, and the speed of generation."""
    del folder
    config = PRESETS["paper"].autoencoder
    wave = torch.randn(BATCH, config.wave_length(265) + 2 * config.strip) * 0.1
    middle = wave[:, config.strip : -config.strip]
    network = Autoencoder(config)
    peer = Composition(config)
    peer.load_state_dict(dict(zip(peer.state_dict(), _in_order(network, peer), strict=True)))
    with torch.no_grad():
        losses = [float((_log_power(middle) - _log_power(one(wave))).abs().mean()) for one in (peer, network)]
    assert abs(losses[0] - losses[1]) < 1e-4 * losses[0], f"not the same network: {losses}"
    seconds = take_turns({"composition": _composed(peer, wave, middle), "ours": _ours(network, wave, middle)}, ROUNDS)
    networks = {name: Sing(preset.autoencoder, preset.sequence).eval() for name, preset in PRESETS.items()}
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    speeds = {
        f"generation, preset {name}, {device}, batch 16, s of audio/s": generation_speed(one.to(device), batch_size=16)
        for device in devices
        for name, one in networks.items()
    }
    return {
        "figures": {**{f"{name}, s a step of {BATCH} notes": one for name, one in seconds.items()}, **speeds},
        "ratios": {"our step / composition": (seconds["ours"] / seconds["composition"], "<=", 1.0)},
    }


def _in_order(network: Autoencoder, peer: Composition) -> list[Tensor]:
    """Return our tensors in the order of the peer's, matched by shape and place."""
    ours = dict(network.named_parameters())
    encoder = [name for name in ours if name.startswith("encoder.") and "analysis" not in name]
    decoder = [name for name in ours if name.startswith("decoder.") and "synthesis" not in name]
    kernels = [f"{one}.kernels.{what}" for one in ("encoder.analysis",) for what in ("weight", "bias")]
    last = [f"decoder.synthesis.kernels.{what}" for what in ("weight", "bias")]
    rewrites = [name for name in encoder if "rewrites" in name], [name for name in decoder if "rewrites" in name]
    outer = [name for name in encoder if "output" in name], [name for name in decoder if "input" in name]
    names = [*kernels, *rewrites[0], *outer[0], *outer[1], *rewrites[1], *last]
    found = [ours[name].detach() for name in names]
    return [peer.window.detach(), *found]


def _composed(network: Composition, wave: Tensor, middle: Tensor) -> Callable[[], None]:
    optimiser = torch.optim.Adam([one for one in network.parameters() if one.requires_grad], lr=3e-4)

    def step() -> None:
        loss = (_log_power(middle) - _log_power(network(wave))).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def _ours(network: Autoencoder, wave: Tensor, middle: Tensor) -> Callable[[], None]:
    state = State.start(network, {}, FitConfig(steps=1, batch_size=BATCH))

    def step() -> None:
        loss = spectral(middle, network(wave))
        network.zero_grad(set_to_none=True)
        loss.backward()
        gradients = [one.grad for one in network.parameters() if one.grad is not None]
        if math.isfinite(loss.item()) and torch.isfinite(torch.nn.utils.get_total_norm(gradients)):
            state.optimisers["network"].step()

    return step
