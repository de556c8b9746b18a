"""A conversion system so small that all of it is trained in seconds, and singers on disk for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from tiny_voices import band, voice

from data.files.audio import to_pcm16, write_sound
from data.voices.config import Mixing, MixtureConfig
from models.conversion.acoustic.config import AcousticConfig, AcousticTraining, Adversaries, Adversary, FeatureSet
from models.conversion.acoustic.config import Examples as AcousticExamples
from models.conversion.config import ConversionConfig, LengthStudy, TargetStudy
from models.conversion.content.config import RecogniserConfig, RecogniserTraining, UnitsConfig
from models.conversion.melody.config import (
    EncoderConfig,
    EncoderTraining,
    ExtractorConfig,
    MelodyTraining,
    PitchConfig,
    SpectrumConfig,
)
from models.conversion.presets import PRESETS
from models.conversion.vocoder.config import ConvNextConfig, Examples, PulsesConfig
from models.training.config import FitConfig

SINGERS = ("ada", "ben", "cyd", "dot", "eve")
FIT = FitConfig(2, 2, 1e-3, validate_every=2, checkpoint_every=2, report_every=1)
_SPECTRUM = SpectrumConfig(octaves=3.0, resolution=12, windows=(1024,), harmonics=(1, 2))
_MIXING = Mixing(samples=16_000, probability=1.0, snr=(0.0, 5.0))
_ADVERSARY = Adversary(0.1, 0.0, 0.1, 4)
_PULSES = PulsesConfig(ConvNextConfig(8, 16, 1), ConvNextConfig(8, 16, 1))

TINY = replace(
    PRESETS["demo"],
    mixtures=MixtureConfig(snrs=(5.0, 0.0), clips_per_singer=1),
    encoder=EncoderTraining(
        EncoderConfig(_SPECTRUM, channels=2, kernel=3, narrow=2, features=16, blocks=1, heads=2, filters=16, reach=5),
        FIT, _MIXING, entries=16, code=4,
    ),
    melody=MelodyTraining(
        ExtractorConfig(
            features=16, blocks=1, heads=2, filters=16, width=3, reach=5, pitch=PitchConfig("bins", cents=100.0)
        ),
        FIT, _MIXING,
    ),
    recogniser=RecogniserTraining(
        RecogniserConfig(channels=2, blocks=1, heads=2, filters=16, width=3, reach=5), FIT,
        Mixing(samples=24_000), UnitsConfig(units=8, rounds=3),
    ),
    material=FeatureSet(copies=1),
    acoustic=AcousticTraining(
        AcousticConfig(
            extracted=16, features=16, content_blocks=1, melody_blocks=1, decoder_blocks=1, filters=16, width=3, reach=8
        ),
        FIT, AcousticExamples(frames=64), Adversaries(_ADVERSARY, _ADVERSARY, _ADVERSARY),
    ),
    vocoder=replace(
        PRESETS["demo"].vocoder, pulses=_PULSES, fit=FIT, tune=FIT, examples=Examples(frames=50)
    ),
    trackers=("swift-f0",),
    lengths=LengthStudy((1, 2)),
    several=TargetStudy(singers=2, clips=1),
)  # fmt: skip


def config(**changes: object) -> ConversionConfig:
    """Return the tiny configuration with some of its fields changed."""
    return replace(TINY, **changes)


def write_singers(folder: Path, seconds: float = 2.4, clips: int = 2) -> Path:
    """Write a folder per singer with mono clips, and each clip's accompaniment beside it as MIR-1K has it: stereo."""
    for number, singer in enumerate(SINGERS):
        for clip in range(clips):
            wave, _ = voice(number, clip, seconds)
            both = np.stack([band(100 * number + clip, len(wave)), wave], 1)
            write_sound(folder / f"{singer}_{number + 1}_{clip + 1:02d}.wav", to_pcm16(both), 16_000)
    return folder
