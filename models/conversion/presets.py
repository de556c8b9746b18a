"""Named presets of the conversion system, and its variants: the rows of the paper's ablation, and of two studies.

Does not import torch, so that the asset graph reads presets quickly.
"""

from collections.abc import Callable
from dataclasses import replace

from data.errors import InputError
from data.voices.config import Mixing, MixtureConfig
from models.conversion.acoustic.config import AcousticConfig, AcousticTraining, Adversaries, Adversary, FeatureSet
from models.conversion.acoustic.config import Examples as AcousticExamples
from models.conversion.config import ConversionConfig, LengthStudy, TargetStudy, Thresholds
from models.conversion.content.config import RecogniserConfig, RecogniserTraining
from models.conversion.melody.config import EncoderConfig, EncoderTraining, ExtractorConfig, MelodyTraining, PitchConfig
from models.conversion.melody.published.encoders import ENCODERS
from models.conversion.vocoder.config import ConvNextConfig, Examples, LossWeights, PulsesConfig, VocoderTraining
from models.training.config import FitConfig

Change = Callable[[ConversionConfig], ConversionConfig]


def _last_layer(config: ConversionConfig) -> ConversionConfig:
    melody = config.melody
    return replace(config, melody=replace(melody, extractor=replace(melody.extractor, layers="last")))


def _no_blocks(config: ConversionConfig) -> ConversionConfig:
    melody = config.melody
    return replace(config, melody=replace(melody, extractor=replace(melody.extractor, blocks=0)))


def _melody(**changes: object) -> Change:
    """Return the variant whose melody extractor is trained in another way."""
    return lambda config: replace(config, melody=replace(config.melody, **changes))


def _both(first: Change, second: Change) -> Change:
    """Return the variant that changes two things."""
    return lambda config: second(first(config))


def _without(*names: str) -> Change:
    """Return the variant without some discriminators of the acoustic model."""

    def change(config: ConversionConfig) -> ConversionConfig:
        acoustic = config.acoustic
        off = {name: replace(getattr(acoustic.adversaries, name), weight=0.0) for name in names}
        return replace(config, acoustic=replace(acoustic, adversaries=replace(acoustic.adversaries, **off)))

    return change


def _lengths(config: ConversionConfig) -> ConversionConfig:
    melody, lengths = config.melody, config.lengths.steps
    changed = replace(melody, fit=replace(melody.fit, steps=lengths[-1]), snapshots=lengths[:-1])
    return replace(config, melody=changed)


MAIN, LENGTHS = "weighted_sum", "lengths"
_frozen = _melody(tuned=False)
# The grid of the paper's ablation: {weighted sum, last layer} x {with, without FFT blocks} x {fine-tuned, frozen}.
_GRID: dict[str, Change] = {
    "last_layer": _last_layer,
    "no_fft_blocks": _no_blocks,
    "last_layer_no_fft_blocks": _both(_last_layer, _no_blocks),
    "frozen_encoder": _frozen,
    "frozen_last_layer": _both(_frozen, _last_layer),
    "frozen_no_fft_blocks": _both(_frozen, _no_blocks),
    "frozen_last_layer_no_fft_blocks": _both(_frozen, _both(_last_layer, _no_blocks)),
}
VARIANTS: dict[str, Change] = {
    MAIN: lambda config: config,
    **_GRID,
    "weight_distance": _melody(distance=0.01),
    "replay": _melody(replay=1.0),
    LENGTHS: _lengths,
    "without_real": _without("real"),
    "without_conversion": _without("conversion"),
    "without_embedding": _without("embedding"),
    "without_adversaries": _without("real", "conversion", "embedding"),
}
EXTRACTORS = (*_GRID, "weight_distance", "replay")  # whose melodies are judged
# The studies of whole systems: what the report calls each variant, the main one first.
FREEZING = {
    MAIN: "fine-tuned",
    "frozen_encoder": "frozen",
    "weight_distance": "fine-tuned, near its weights",
    "replay": "fine-tuned, near its layers",
}
DISCRIMINATORS = {
    MAIN: "all three",
    "without_real": "without real/fake",
    "without_conversion": "without conversion",
    "without_embedding": "without embedding",
    "without_adversaries": "none",
}


def variant(config: ConversionConfig, name: str) -> ConversionConfig:
    """Return `config` changed to a variant, one of `VARIANTS`; the first one, `MAIN`, changes nothing.

    Example:
        >>> variant(PRESETS["small"], "last_layer").melody.extractor.layers
        'last'
    """
    return VARIANTS[name](config)


def with_published_encoder(config: ConversionConfig, name: str) -> ConversionConfig:
    """Return `config` with a published encoder instead of the networks that are trained here; "" changes nothing.

    Raises:
        InputError: there is no encoder of that name.

    Example:
        >>> with_published_encoder(PRESETS["small"], "whisper-base").published
        'whisper-base'
    """
    if not name:
        return config
    if name not in ENCODERS:
        raise InputError(f"TESSITURA_ENCODER={name!r}: no encoder; there are {', '.join(ENCODERS)}, or none")
    return replace(config, published=name)


def _fit(steps: int, batch_size: int, learning_rate: float = 1e-3, optimiser: str = "adam") -> FitConfig:
    """Return training loop settings for a short training."""
    return FitConfig(
        steps,
        batch_size,
        learning_rate,
        optimiser,
        0.99,
        warmup=min(50, steps // 20),
        decay=0.7,
        clip=1.0,
        validate_every=max(1, steps // 4),
    )


def _preset_small() -> ConversionConfig:
    """Return small networks with a short training, for CPUs."""
    mixing = Mixing(samples=24_000, probability=0.75, snr=(-5.0, 15.0), shift=4.0)
    heard = Mixing(samples=48_000)
    return ConversionConfig(
        mixtures=MixtureConfig(clips_per_singer=8),
        published="",
        encoder=EncoderTraining(EncoderConfig(channels=24, blocks=3, filters=512, width=5), _fit(150, 8), mixing),
        melody=MelodyTraining(
            ExtractorConfig(blocks=1, filters=512, width=5, pitch=PitchConfig(form="bins")),
            _fit(2000, 6, 5e-3, "muon"),
            mixing,
            equaliser=8.0,
        ),
        recogniser=RecogniserTraining(
            RecogniserConfig(channels=32, blocks=3, filters=512), _fit(800, 8), heard
        ),
        material=FeatureSet(),
        acoustic=AcousticTraining(
            AcousticConfig(
                features=192, content_blocks=2, melody_blocks=2, decoder_blocks=3, filters=512, width=5, reach=50
            ),
            _fit(1000, 8),
            AcousticExamples(),
            Adversaries(
                real=Adversary(0.5, 0.5), conversion=Adversary(0.5, 0.5), embedding=Adversary(0.1, 0.5)
            ),
        ),
        vocoder=VocoderTraining(
            arm="pulses",
            pulses=PulsesConfig(training_refinements=4),
            weights=LossWeights(mel=1.0, stft=1.0, adversarial=0.0),
            examples=Examples(frames=100, shift=5.0, gain=(-9.0, 6.0)),
            fit=replace(_fit(1200, 8, 2e-3, "muon"), decay=0.6, clip=5.0),
            tune=replace(_fit(300, 8, 2e-4), clip=5.0),
        ),
        baseline_tracker="pyin",
        crepe="crepe-tiny",
        trackers=("swift-f0", "pesto", "crepe-tiny"),
        lengths=LengthStudy((125, 250, 500, 1000, 2000)),
        several=TargetStudy(singers=4),
    )  # fmt: skip


def _preset_demo() -> ConversionConfig:
    """Return smaller networks than those of `small` with far fewer training steps, for the embedded singers."""
    small = _preset_small()
    narrow, short = ConvNextConfig(96, 288, 3), replace(small.melody.mixing, samples=16_000)
    return replace(
        small,
        mixtures=MixtureConfig(snrs=(5.0, 0.0), clips_per_singer=2, graded=False),
        encoder=replace(
            small.encoder,
            encoder=EncoderConfig(channels=12, blocks=2, filters=256, width=5),
            fit=_fit(20, 8),
            mixing=short,
        ),
        melody=replace(small.melody, fit=_fit(170, 8, 5e-3, "muon"), mixing=short),
        recogniser=replace(
            small.recogniser, recogniser=RecogniserConfig(channels=16, blocks=2, filters=256), fit=_fit(60, 8)
        ),
        material=FeatureSet(copies=1),
        acoustic=replace(
            small.acoustic,
            acoustic=replace(
                small.acoustic.acoustic, features=96, content_blocks=1, melody_blocks=1, decoder_blocks=2, filters=192
            ),
            examples=AcousticExamples(frames=128),
            fit=_fit(90, 8, 2e-3),
        ),
        vocoder=replace(
            small.vocoder,
            pulses=PulsesConfig(narrow, ConvNextConfig(64, 192, 3)),
            examples=replace(small.vocoder.examples, shift=3.0),
            fit=replace(_fit(80, 8), warmup=16, clip=5.0),
            tune=_fit(20, 8, 2e-4),
        ),
        baseline_tracker="parselmouth",
        trackers=("swift-f0",),
        lengths=LengthStudy((20, 40, 85, 170), train=120.0, valid=60.0),
        several=TargetStudy(singers=3, clips=2),
        thresholds=Thresholds(0.5, 0.4, 0.5, 0.6, 0.5, 0.5, 200.0, 3.0, 0.5, 0.8),
    )


PRESETS = {"paper": ConversionConfig(), "small": _preset_small(), "demo": _preset_demo()}
