"""The trainings of a preset of the separation system, as a plan measures them (`models.planning`).

Shapes: B examples, T samples, D latent channels, N latent frames. Each channel of a song is an example.
"""

from collections.abc import Iterator
from dataclasses import replace
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
        ['separation_codec', 'separation_denoiser', 'separation_mask_network', 'separation_refiner']
    """
    stages = {
        **({} if config.published else {"separation_codec": (config.train_codec, _codec)}),
        "separation_denoiser": (config.train_denoiser, _denoiser),
        "separation_mask_network": (config.train_mask_network, _mask_network),
        "separation_refiner": (config.train_refiner, _refiner),
    }
    return [Training(name, fit, partial(start, config)) for name, (fit, start) in stages.items()]


def _codec(config: SeparationConfig) -> Started:
    network = Codec(config.codec)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        wave = 0.1 * torch.randn(count * config.channels, config.codec_segment)
        rebuilt = network(wave)
        yield "network", multi_resolution(wave, rebuilt) + negative_snr(wave, rebuilt)

    return network, {"network": list(network.parameters())}, losses


def _denoiser(config: SeparationConfig, masks: MaskNetwork | None = None) -> Started:
    """Return the denoiser, or with `masks` the refining network; examples are encoded, which costs time too.

    A published codec is taken to cost what our own does.
    """
    network = Denoiser(config.denoiser if masks is None else replace(config.denoiser, known=2))
    codec = Codec(replace(config.codec, dimension=config.denoiser.dimension)).requires_grad_(False)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        waves = 0.1 * torch.randn(2, count * config.channels, config.segment * config.codec.hop)
        with torch.no_grad():
            known = [waves[1]] if masks is None else [waves[1], masks(waves[1])]
            vocals, *condition = (codec.encode(one) for one in (waves[0], *known))
        noisy, velocity = diffuse(vocals, torch.randn_like(vocals), sigma := torch.rand(len(vocals)))
        yield "network", nn.functional.mse_loss(network(noisy, torch.cat(condition, 1), sigma), velocity)

    return network, {"network": list(network.parameters())}, losses


def _refiner(config: SeparationConfig) -> Started:
    return _denoiser(config, MaskNetwork(config.mask_network).requires_grad_(False))


def _mask_network(config: SeparationConfig) -> Started:
    network = MaskNetwork(config.mask_network)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        vocals, mixture = 0.1 * torch.randn(2, count * config.channels, config.mask_segment)
        yield "network", negative_snr(vocals, network(mixture))

    return network, {"network": list(network.parameters())}, losses
