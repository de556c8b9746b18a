"""Named presets of SING, and its variants: the rows of the paper's Table 1, and one that goes beyond it.

`PRESETS` maps the names "paper", "small" and "demo" to configurations. The module does not import torch, so that the
asset graph can read presets without loading it.
"""

from dataclasses import replace

from models.synthesis.config import (
    AutoencoderConfig,
    EvaluationNotes,
    OnsetTraining,
    SequenceConfig,
    SynthesisConfig,
    Thresholds,
)
from models.synthesis.harmonic.config import HarmonicConfig, HarmonicSizes
from models.synthesis.wavenet_config import WavenetConfig
from models.training.config import FitConfig

VARIANTS = ("spectral", "waveform", "no_time_embedding", "harmonic")


def variant(config: SynthesisConfig, name: str) -> SynthesisConfig:
    """Return `config` changed to one row of the paper's Table 1, or to `harmonic`, which goes beyond the paper.

    Args:
        config: configuration to change.
        name: "spectral" or "waveform" (the loss), or "no_time_embedding" (spectral loss, no time table);
            or "harmonic" (`models.synthesis.harmonic`).

    Raises:
        ValueError: the name is not in `VARIANTS`.

    Example:
        >>> variant(PRESETS["small"], "waveform").loss
        'waveform'
    """
    if name == "spectral":
        return replace(config, loss="spectral")
    if name == "waveform":
        return replace(config, loss="waveform")
    if name == "no_time_embedding":
        return replace(config, loss="spectral", sequence=replace(config.sequence, time_dimension=0))
    if name == "harmonic":
        return replace(config, decoder="harmonic")
    raise ValueError(f"{name!r} is no variant; choose one of {', '.join(VARIANTS)}")


def _short(steps: int, optimiser: str = "muon") -> FitConfig:
    """Return the training of a stage of `small` and `demo` (measurements in models/synthesis/README.md)."""
    return FitConfig(
        steps=steps,
        batch_size=8,
        learning_rate=1e-3,
        optimiser=optimiser,
        beta2=0.99,
        warmup=50,
        decay=0.5,
        clip=1.0,
        validate_every=max(1, steps // 12),
        report_every=50,
    )


def _harmonic(steps: tuple[int, int, int]) -> HarmonicConfig:
    """Return the variant `harmonic` of `small` and `demo`, given the numbers of steps of its three stages."""

    def short(count: int) -> FitConfig:
        return FitConfig(
            steps=count,
            batch_size=16,
            learning_rate=1e-3,
            beta2=0.99,
            warmup=200,
            decay=0.7,
            clip=1.0,
            validate_every=max(1, count // 8),
            report_every=50,
        )

    first, second, third = map(short, steps)
    return HarmonicConfig(
        sizes=HarmonicSizes(centres=31, dropout=0.15),
        train_autoencoder=first,
        train_sequence=second,
        fine_tune=third,
        pitch_shifts=(-3, -2, -1, 0, 1, 2, 3),
    )


def _preset_small() -> SynthesisConfig:
    """Return a preset that trains in about an hour on 2 CPU cores (measurements in models/synthesis/README.md)."""
    return SynthesisConfig(
        autoencoder=AutoencoderConfig(channels=256, dimension=128, fourier=True),
        sequence=SequenceConfig(hidden=256, layers=2, dimension=128, pitch_bumps=31),
        pitch_shifts=(-3, -2, -1, 0, 1, 2, 3),
        keep_time=True,
        onsets=OnsetTraining(frames=112, whole_every=4),
        train_autoencoder=_short(18_000),
        # Adam: a step has nine updates, and orthogonalising them would cost more time than it saves.
        train_sequence=_short(4_000, "adam"),
        fine_tune=replace(_short(23_000), decay=0.75),
        validation_notes=96,
        evaluated=EvaluationNotes(train=100, wavenet=24),
        wavenet=WavenetConfig(stacks=1, crop=4096),
        train_wavenet=FitConfig(900, 4, 2e-3, warmup=50, decay=0.5, clip=1.0, validate_every=300),
        harmonic=_harmonic((1_000, 600, 18_000)),
    )


def _preset_demo() -> SynthesisConfig:
    """Return `small` with half the channels, far fewer steps and without WaveNet.

    Sampling from a WaveNet takes minutes, and one that was trained for minutes plays noise.
    """
    small = _preset_small()

    def short(steps: int, optimiser: str = "muon") -> FitConfig:
        return replace(_short(steps, optimiser), validate_every=steps // 4)

    return replace(
        small,
        autoencoder=replace(small.autoencoder, channels=128, dimension=64),
        sequence=replace(small.sequence, hidden=128, dimension=64, pitch_bumps=0),
        keep_time=False,
        train_autoencoder=short(400),
        train_sequence=short(240, "adam"),
        fine_tune=short(520),
        validation_notes=32,
        evaluated=EvaluationNotes(train=8, griffin_lim=32),
        train_wavenet=replace(small.train_wavenet, steps=0),
        harmonic=_harmonic((400, 200, 1_500)),
        # Synthetic notes a semitone apart differ in little but pitch, so the nearest-pitch copy is nearly perfect.
        thresholds=Thresholds(silence_ratio=0.75, nearest_required=False, pitch_accuracy=0.8),
    )


PRESETS = {"paper": SynthesisConfig(), "small": _preset_small(), "demo": _preset_demo()}
