"""Builds the network of a vocoder, and lets all arms be called in the same way.

Shapes: B batch, N mel frames, T = 160·N samples.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from models.conversion.vocoder.config import (
    ARMS,
    ConvNextConfig,
    HifiganConfig,
    PulsesConfig,
    VocosConfig,
)
from models.conversion.vocoder.excitation import Source
from models.conversion.vocoder.hifigan import Hifigan
from models.conversion.vocoder.pulses import Pulses
from models.conversion.vocoder.vocos import Vocos

Generator = Hifigan | Vocos | Pulses


def build(config: HifiganConfig | VocosConfig | PulsesConfig) -> Generator:
    """Return a network of these sizes with random weights."""
    if isinstance(config, HifiganConfig):
        return Hifigan(config)
    return Vocos(config) if isinstance(config, VocosConfig) else Pulses(config)


def read_config(arm: str, values: Mapping[str, Any]) -> HifiganConfig | VocosConfig | PulsesConfig:
    """Return the sizes of an arm from the values that `dataclasses.asdict` made of them, after a trip through JSON."""
    values = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
    stacks = {name: ConvNextConfig(**one) for name, one in values.items() if isinstance(one, dict)}
    kinds: dict[str, Any] = dict(zip(ARMS, (HifiganConfig, VocosConfig, PulsesConfig), strict=True))
    return kinds[arm](**{**values, **stacks})


def generate(network: Generator, mel: Tensor, source: Source | None, draw: torch.Generator | None = None) -> Tensor:
    """Return waves (B, T) of mel spectrograms (B, N, 80).

    Args:
        network: network of any arm.
        mel: mel spectrograms.
        source: pitch; only the arm "pulses" uses it and needs it.
        draw: generator of the noise of the arm "pulses" in training.
    """
    if isinstance(network, Pulses):
        assert source is not None
        return network(mel, source, draw)
    return network(mel)


class Trained(nn.Module):
    """Everything that is trained together: the generator, and the discriminators if there are any."""

    def __init__(self, generator: Generator, discriminators: nn.Module | None) -> None:
        super().__init__()
        self.generator, self.discriminators = generator, discriminators

    @property
    def groups(self) -> dict[str, list[nn.Parameter]]:
        """Parameters by the name of the group that an optimiser updates."""
        found = {"generator": list(self.generator.parameters())}
        if self.discriminators is not None:
            found["discriminators"] = list(self.discriminators.parameters())
        return found
