"""The trainings of a preset of SING, as a plan measures them (`models.planning`).

Shapes: B batch, T samples, N frames.
"""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from data.nsynth.dataset import VELOCITIES
from models.losses import WAVE_LOSSES
from models.planning import Losses, Training
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.config import OnsetTraining, SynthesisConfig
from models.synthesis.sequence import SequenceGenerator
from models.synthesis.sing import Sing
from models.synthesis.train_wavenet import cross_entropy
from models.synthesis.wavenet import WavenetAutoencoder

Started = tuple[nn.Module, dict[str, list[nn.Parameter]], Losses]


def trainings(config: SynthesisConfig) -> list[Training]:
    """Return the trainings of a configuration, in order.

    Example:
        >>> [one.asset for one in trainings(PRESETS["demo"])]
        ['synthesis_autoencoder', 'synthesis_sequence', 'synthesis_model']
    """
    stages = {
        "synthesis_autoencoder": (config.train_autoencoder, _autoencoder),
        "synthesis_sequence": (config.train_sequence, _sequence),
        "synthesis_model": (config.fine_tune, _fine_tuning),
        **({"synthesis_wavenet": (config.train_wavenet, _wavenet)} if config.has_wavenet else {}),
    }
    return [Training(name, fit, partial(start, config)) for name, (fit, start) in stages.items()]


def _frames(onsets: OnsetTraining, whole: int) -> int:
    """Return the mean number of embedding frames that a step trains on."""
    every = onsets.whole_every
    return round(sum(onsets.at(step, whole) for step in range(every)) / every)


def _labels(config: SynthesisConfig, count: int) -> list[Tensor]:
    sizes = (config.sequence.instruments, config.sequence.pitches, len(VELOCITIES))
    return [torch.randint(one, (count,)) for one in sizes]


def _autoencoder(config: SynthesisConfig) -> Started:
    network, strip = Autoencoder(config.autoencoder), config.autoencoder.strip
    length = config.autoencoder.wave_length(_frames(config.onsets, config.sequence.frames))
    loss = WAVE_LOSSES[config.loss]

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        wave = 0.1 * torch.randn(count, length + 2 * strip)
        yield "network", loss(wave[:, strip:-strip], network(wave))

    return network, {"network": list(network.parameters())}, losses


def _sequence(config: SynthesisConfig) -> Started:
    network, frames = SequenceGenerator(config.sequence), config.sequence.frames

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        rows, state = _labels(config, count), None
        target = torch.randn(count, config.sequence.dimension, frames)
        for start in range(0, frames, config.truncation):
            length = min(config.truncation, frames - start)
            output, state = network(network.labels(*rows), start, length, state)
            yield "network", nn.functional.mse_loss(output, target[..., start : start + length])
            state = (state[0].detach(), state[1].detach())

    return network, {"network": list(network.parameters())}, losses


def _fine_tuning(config: SynthesisConfig) -> Started:
    network, frames = Sing(config.autoencoder, config.sequence), _frames(config.onsets, config.sequence.frames)
    loss = WAVE_LOSSES[config.loss]

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        wave = 0.1 * torch.randn(count, config.autoencoder.wave_length(frames))
        yield "network", loss(wave, network(*_labels(config, count), frames))

    return network, {"network": list(network.parameters())}, losses


def _wavenet(config: SynthesisConfig) -> Started:
    network = WavenetAutoencoder(config.wavenet)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        yield "network", cross_entropy(network, 0.1 * torch.randn(count, config.wavenet.crop).clamp(-1, 1))

    return network, {"network": list(network.parameters())}, losses
