"""The systems that are compared: the conversion system, its baselines, and the source itself.

The baselines of the paper sing by the same acoustic model, trained on pitch and energy instead of melody features:

- "original": pitch and energy of the mixture, as a tracker finds them there ("Original pitch & energy");
- "crepe": the same with CREPE as the tracker;
- "separated_crepe": a separation system takes the vocals out of the mixture first, then CREPE. With our own network it
  has this name; with a published one the name of that follows, as in "separated_crepe_spleeter".

Shapes: T samples.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.pitch.trackers import track
from data.voices.index import Voices
from data.voices.targets import log_energy
from models.conversion.convert import Conversion, Converter
from models.conversion.estimates import Converting, Mixture, Tracking, Voice
from models.conversion.frames import RATE
from models.conversion.key import choose_shift
from models.conversion.melody.load import Extractor, Melody

Separating = Callable[[np.ndarray], np.ndarray]  # mixture (T,) to vocals (T,), float32, 16 kHz


def proposed(converter: Converter, key: str, singer: str = "") -> Converting:
    """Return the conversion system with a key policy as a system for `write_converted`.

    Args:
        converter: the conversion system.
        key: policy of the key.
        singer: name of a singer that the acoustic model knows; "" for the target singer.

    Example:
        >>> write_converted(execution, mixtures, {"proposed": proposed(converter, "keep")})
    """
    return lambda mixture: _voice(converter.convert(mixture.wave, key, singer=singer))


def by_tracker(converter: Converter, tracker: str, key: str, separate: Separating | None = None) -> Converting:
    """Return a baseline: the pitch that a tracker finds, and the energy, sung by an acoustic model of these two.

    Args:
        converter: conversion system whose acoustic model was trained on pitch and energy.
        tracker: name of a pitch tracker (`data.pitch.trackers`).
        key: policy of the key.
        separate: takes the vocals out of the mixture first; both pitch and words are then those of the vocals.
    """

    def system(mixture: Mixture) -> Voice:
        wave = mixture.wave if separate is None else separate(mixture.wave)
        melody = tracked(tracker, wave)
        return _voice(converter.sing(wave, melody, choose_shift(key, melody.f0, converter.acoustic.range())))

    return system


def tracked(tracker: str, wave: np.ndarray) -> Melody:
    """Return the melody of a wave, (T,) float32 at 16 kHz, as a tracker finds it; it has no melody features."""
    f0, voicing = track(tracker, wave, guesses=True)
    features = np.zeros((len(f0), 0), np.float32)
    return Melody(np.abs(f0), log_energy(wave), voicing, features)


def by_separator(system: Callable[[np.ndarray, np.ndarray, int], np.ndarray]) -> Separating:
    """Return a separation system, from mixture and true vocals (T, 1) at a rate to vocals (T, 1), as `Separating`.

    True vocals are not given to it.
    """

    def separate(wave: np.ndarray) -> np.ndarray:
        column = wave[:, None]
        return system(column, np.zeros_like(column), RATE)[:, 0].astype(np.float32)

    return separate


def copy_source(voices: Path) -> Converting:
    """Return a system that returns the clean voice of the mixture, at its recorded level: not converted at all.

    Raises:
        InputError: a clip of the mixtures is not among the voices.
    """
    read = Voices(voices)

    def system(mixture: Mixture) -> Voice:
        if mixture.clip not in read.clips:
            raise InputError(f"{voices}: no voice of {mixture.clip}; make the mixtures of these voices anew")
        wave = read.wave(read.clips[mixture.clip].voice)[: len(mixture.wave)]
        return Voice(np.pad(wave, (0, len(mixture.wave) - len(wave))), 0.0)

    return system


def extracting(extractor: Extractor) -> Tracking:
    """Return a melody extractor as a system for `write_melodies`."""

    def system(mixture: Mixture) -> tuple[np.ndarray, np.ndarray]:
        melody = extractor.melody(mixture.wave)
        return melody.pitch, melody.voicing

    return system


def tracking(tracker: str) -> Tracking:
    """Return a pitch tracker (`data.pitch.trackers`) as a system for `write_melodies`."""
    return lambda mixture: track(tracker, mixture.wave, guesses=True)


def _voice(conversion: Conversion) -> Voice:
    """Return what is stored of a conversion."""
    semitones = conversion.shift.semitones
    return Voice(conversion.wave, float("nan") if semitones is None else 100 * semitones)
