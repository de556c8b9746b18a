"""The trainings of a preset of the separation system, as a plan measures them (`models.planning`).

Shapes: B examples, T samples, D latent channels, N latent frames. Each channel of a song is an example.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from models.planning import Losses, Training
from models.separation.codec import Codec
from models.separation.config import SeparationConfig
from models.separation.denoiser import Denoiser
from models.separation.diffusion import diffuse
from models.separation.losses import multi_resolution, negative_snr
from models.separation.mask_network import MaskNetwork

Started = tuple[nn.Module, dict[str, list[nn.Parameter]], Losses]


def trainings(config: SeparationConfig) -> list[Training]:
    """Return the trainings of a configuration, in order; a published codec is not trained.

    Example:
        >>> [one.asset for one in trainings(PRESETS["demo"])]
        ['separation_codec', 'separation_denoiser', 'separation_mask_network']
    """
    stages = {
        **({} if config.published else {"separation_codec": (config.train_codec, _codec)}),
        "separation_denoiser": (config.train_denoiser, _denoiser),
        "separation_mask_network": (config.train_mask_network, _mask_network),
    }
    return [Training(name, fit, partial(start, config)) for name, (fit, start) in stages.items()]


def _codec(config: SeparationConfig) -> Started:
    network = Codec(config.codec)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        wave = 0.1 * torch.randn(count * config.channels, config.codec_segment)
        rebuilt = network(wave)
        yield "network", multi_resolution(wave, rebuilt) + negative_snr(wave, rebuilt)

    return network, {"network": list(network.parameters())}, losses


def _denoiser(config: SeparationConfig) -> Started:
    network = Denoiser(config.denoiser)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        vocals, mixture = torch.randn(2, count, config.denoiser.dimension, config.segment)
        noisy, velocity = diffuse(vocals, torch.randn_like(vocals), sigma := torch.rand(count))
        yield "network", nn.functional.mse_loss(network(noisy, mixture, sigma), velocity)

    return network, {"network": list(network.parameters())}, losses


def _mask_network(config: SeparationConfig) -> Started:
    network = MaskNetwork(config.mask_network)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        vocals, mixture = 0.1 * torch.randn(2, count * config.channels, config.mask_segment)
        yield "network", negative_snr(vocals, network(mixture))

    return network, {"network": list(network.parameters())}, losses
