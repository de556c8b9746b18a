"""Named presets of the separation system, and changes to them: another conditioning, a published codec.

Does not import torch, so that the asset graph reads presets quickly.
"""

from dataclasses import replace

from data.errors import InputError
from models.separation.config import SeparationConfig, Thresholds
from models.separation.published.codecs import CODECS
from models.separation.sizes import CodecConfig, DenoiserConfig, MaskNetworkConfig
from models.training.config import FitConfig

CONDITIONS = ("concat", "inject")


def with_published_codec(config: SeparationConfig, name: str) -> SeparationConfig:
    """Return `config` with a published codec instead of the project's own.

    The sample rate of the songs and the number of latent channels become those of the published codec.

    Args:
        config: configuration to change.
        name: name of the codec, a key of `published.codecs.CODECS`; "" returns `config` unchanged.

    Raises:
        InputError: there is no codec of that name.

    Example:
        >>> with_published_codec(PRESETS["small"], "dac_44khz").audio.sample_rate
        44100
    """
    if not name:
        return config
    if name not in CODECS:
        raise InputError(f"TESSITURA_CODEC={name!r}: no codec; there are {', '.join(CODECS)}, or none")
    return replace(
        config,
        published=name,
        codec=replace(config.codec, sample_rate=CODECS[name].sample_rate),
        denoiser=replace(config.denoiser, dimension=CODECS[name].dimension),
    )


def with_conditioning(config: SeparationConfig, how: str) -> SeparationConfig:
    """Return `config` with another way to condition the denoiser on the mixture.

    Args:
        config: configuration to change.
        how: one of `CONDITIONS`; `DenoiserConfig.condition` explains them.

    Raises:
        ValueError: `how` is not one of `CONDITIONS`.

    Example:
        >>> with_conditioning(PRESETS["small"], "inject").denoiser.condition
        'inject'
    """
    if how not in CONDITIONS:
        raise ValueError(f"{how!r} is no way to condition; choose one of {', '.join(CONDITIONS)}")
    return replace(config, denoiser=replace(config.denoiser, condition=how))


def _short(steps: int, batch_size: int, learning_rate: float, validate_every: int = 500) -> FitConfig:
    """Return training loop settings for a short training, with Muon."""
    return FitConfig(
        steps, batch_size, learning_rate, "muon", 0.99, warmup=50, decay=0.5, clip=1.0, validate_every=validate_every
    )


def _preset_small() -> SeparationConfig:
    """Return small networks with a short training, for CPUs."""
    return SeparationConfig(
        channels=1,
        # Same hop as EnCodec's strides (2, 4, 5, 8) but less arithmetic, most of which is at the highest rates.
        codec=CodecConfig(channels=16, encoder_channels=4, strides=(4, 4, 4, 5), dimension=128),
        codec_segment=16_000,
        train_codec=_short(500, 4, 2e-3, 250),
        denoiser=DenoiserConfig(
            dimension=128, channels=128, factors=(1, 2, 2), blocks=(2, 2, 2), attention=1, features=256
        ),
        segment=128,
        chunk=512,
        steps=1,  # after this short training, more steps lower the SI-SDR on the validation songs
        train_denoiser=replace(_short(1_200, 16, 2e-3, 400), decay=0.7, ema=0.995),
        mask_network=MaskNetworkConfig(n_fft=1536, channels=256),
        train_refiner=replace(_short(500, 16, 2e-3, 250), decay=0.7, ema=0.99),
        train_mask_network=replace(_short(1_800, 8, 2e-3, 450), decay=0.7, ema=0.995),
        mask_segment=64_000,
        embedded=150,
        pretraining=0.15,
        pure_noise=0.5,
    )


def _preset_demo() -> SeparationConfig:
    """Return networks smaller than those of `small`, with 6 to 12 times fewer training steps."""
    small = _preset_small()
    return replace(
        small,
        codec=replace(small.codec, channels=8, encoder_channels=4),
        train_codec=replace(small.train_codec, steps=80, validate_every=40),
        denoiser=replace(small.denoiser, channels=64, blocks=(1, 1, 1)),
        train_denoiser=replace(small.train_denoiser, steps=160, validate_every=80, ema=0.98),
        train_refiner=replace(small.train_refiner, steps=40, validate_every=40, ema=0.9),
        mask_network=MaskNetworkConfig(n_fft=1024, channels=96),
        train_mask_network=replace(small.train_mask_network, steps=120, validate_every=60, decay=0.5, ema=0.0),
        mask_segment=32_000,
        embedded=0,
        compared=(1, 2, 5, 20),
        # The codec's ceiling on the embedded songs is high (21 dB), far above what this short training reaches.
        thresholds=Thresholds(below_ceiling=24.0),
    )


PRESETS = {"paper": SeparationConfig(), "small": _preset_small(), "demo": _preset_demo()}
