"""The trainings of a preset of the conversion system, as a plan measures them (`models.planning`).

Shapes: B examples, T samples, N melody frames at 100 Hz, M content frames at 25 Hz.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from data.shards.loader import Batch
from models.conversion.acoustic.config import AcousticTraining
from models.conversion.acoustic.train_acoustic import Objective as AcousticObjective
from models.conversion.acoustic.train_acoustic import Trained as AcousticNetworks
from models.conversion.config import ConversionConfig
from models.conversion.content.recogniser import Distortion, Recogniser, unit_losses
from models.conversion.frames import CONTENT, HOP, content_frames, melody_frames
from models.conversion.mel import BANDS
from models.conversion.melody.encoder import Encoder, HarmonicEncoder, encoder_frames
from models.conversion.melody.extractor import ExtractorNetwork
from models.conversion.melody.published.encoders import ENCODERS
from models.conversion.melody.train_encoder import MaskedPrediction
from models.conversion.melody.train_extractor import prepare
from models.conversion.vocoder.discriminators import Discriminators
from models.conversion.vocoder.network import Trained, build
from models.conversion.vocoder.segments import CONTEXT
from models.conversion.vocoder.train_vocoder import Objective
from models.planning import Losses, Training
from models.training.config import FitConfig

Started = tuple[nn.Module, dict[str, list[nn.Parameter]], Losses]
_LARGE = {
    "hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096,
    "feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": False,
}  # fmt: skip
# Sizes of the published encoders, which otherwise come with their weights; {} is the size "base" of transformers.
_SETTINGS: dict[str, dict[str, object]] = {
    "wavlm-large": _LARGE,
    "whisper-base": {"d_model": 512, "encoder_layers": 6, "encoder_attention_heads": 8, "encoder_ffn_dim": 2048},
    "whisper-tiny.en": {"d_model": 384, "encoder_layers": 4, "encoder_attention_heads": 6, "encoder_ffn_dim": 1536},
}


def trainings(config: ConversionConfig) -> list[Training]:
    """Return the trainings of a configuration, in order; what a published encoder replaces is not trained.

    Example:
        >>> [one.asset for one in trainings(PRESETS["paper"])][0]
        'conversion_melody'
    """
    own, vocoder = not config.published, config.vocoder
    stages = {
        **({"conversion_encoder": (config.encoder.fit, _encoder)} if own else {}),
        "conversion_melody": (config.melody.fit, _melody),
        **({"conversion_content": (config.recogniser.fit, _content)} if own else {}),
        "conversion_acoustic": (config.acoustic.fit, partial(_acoustic, pitched=False)),
        "conversion_pitched_acoustic": (config.pitched.fit, partial(_acoustic, pitched=True)),
        "conversion_vocoder": (vocoder.fit, partial(_vocoder, fit=vocoder.fit)),
        "conversion_tuned_vocoder": (vocoder.tune, partial(_vocoder, fit=vocoder.tune)),
    }
    return [Training(name, fit, partial(start, config)) for name, (fit, start) in stages.items()]


def _listening(config: ConversionConfig) -> Encoder:
    """Return the encoder that the melody extractor hears with, with random weights."""
    if not config.published:
        return HarmonicEncoder(config.encoder.encoder)
    from models.conversion.melody.published.networks import build_published  # noqa: PLC0415 (needs transformers)

    published = ENCODERS[config.published]
    settings = _SETTINGS.get(published.name, {})
    return build_published({"kind": published.kind, "settings": settings, "normalised": published.normalised})


def _encoder(config: ConversionConfig) -> Started:
    training = config.encoder
    network, samples = MaskedPrediction(training), training.mixing.samples

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        wave = 0.1 * torch.randn(count, samples)
        masked = torch.rand(count, encoder_frames(samples)) < training.masked
        masked[:, 0] = True
        yield "network", network(wave, network.codes(wave), masked)

    return network, {"network": [one for one in network.parameters() if one.requires_grad]}, losses


def _melody(config: ConversionConfig) -> Started:
    training = config.melody
    network, samples = ExtractorNetwork(_listening(config), training.extractor), training.mixing.samples
    prepare(network, training.tuned)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        outputs = network(0.1 * torch.randn(count, samples))
        voiced = torch.ones(count, melody_frames(samples))
        targets = torch.stack([220 * voiced, -3 * voiced, voiced], 2)
        yield "network", torch.stack([*network.losses(outputs, targets).values()]).sum()

    return network, {"network": [one for one in network.parameters() if one.requires_grad]}, losses


def _content(config: ConversionConfig) -> Started:
    training = config.recogniser
    units, samples = training.units.units + 1, training.mixing.samples
    network = Recogniser(training.recogniser, units)

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        distortion = Distortion(torch.ones(count), torch.zeros(count))
        found = network(0.1 * torch.randn(count, samples), distortion)
        each = unit_losses(found, torch.randint(units, (count, content_frames(samples))))
        yield "network", (1 - training.ctc) * each["frames"] + training.ctc * each["ctc"]

    return network, {"network": list(network.parameters())}, losses


def _acoustic(config: ConversionConfig, *, pitched: bool) -> Started:
    training: AcousticTraining = config.pitched if pitched else config.acoustic
    training = replace(training, acoustic=replace(training.acoustic, extracted=config.melody.extractor.features))
    network, frames = AcousticNetworks(training, 2), training.examples.frames
    objective = AcousticObjective(network, training, 0, torch.device("cpu"))
    late = round(0.75 * training.fit.steps)  # all discriminators are at work
    width = training.acoustic.extracted + 2 + BANDS

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        values = np.random.default_rng(0).standard_normal((count, frames, width), np.float32)
        values[..., -BANDS - 2] = 220.0
        target = np.arange(count) % 2 == 0
        labels = {
            "content": np.zeros((count, frames // CONTENT, training.acoustic.content), np.float32),
            "known": np.ones(count, np.float32),
            "inside": np.ones((count, frames), np.float32),
            "target": target,
            "singer": np.where(target, 0, 1),
        }
        yield from objective.losses(Batch(late, np.arange(count), values, labels))

    return network, network.groups, losses


def _vocoder(config: ConversionConfig, *, fit: FitConfig) -> Started:
    training = config.vocoder
    discriminators = Discriminators(training.discriminators) if training.weights.adversarial else None
    network = Trained(build(training.generator), discriminators)
    objective = Objective(network, training.weights, torch.device("cpu"))
    frames = training.examples.frames

    def losses(count: int) -> Iterator[tuple[str, Tensor]]:
        shape = (count, (frames + 2 * CONTEXT) * HOP, 1)
        values = 0.1 * np.random.default_rng(0).standard_normal(shape, np.float32)
        labels = {"f0": np.full((count, frames), 220.0, np.float32)} if training.arm == "pulses" else {}
        yield from objective.losses(Batch(fit.steps - 1, np.arange(count), values, labels))

    return network, network.groups, losses
