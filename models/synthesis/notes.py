"""Notes as SING sees them: label rows, padded waveforms, training batches, validation figures.

Shapes: B batch, T samples.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from data.files.audio import FULL_SCALE, to_float
from data.nsynth.dataset import FRAMES, VELOCITIES
from data.shards.augment import PitchShift
from data.shards.loader import Augmentation, Batches, BatchPlan, Treatment
from data.shards.reader import Shards
from models.losses import spectral, waveform
from models.synthesis.config import AutoencoderConfig, OnsetTraining
from models.training.config import FitConfig
from models.training.processes import World

MARGIN = 512  # samples of silence the decoder's output has before and after a note
LABELS = ("instrument", "pitch", "velocity")


def velocity_rows(velocities: np.ndarray) -> np.ndarray:
    """Return the table rows of NSynth velocities: 25, 50, 75, 100, 127 are 0 to 4."""
    return np.searchsorted(VELOCITIES, velocities)


def label_columns(shards: Shards) -> dict[str, np.ndarray]:
    """Return instrument, pitch and velocity row of every recording, (rows,) each."""
    columns = {name: shards.column(name).astype(np.int64) for name in LABELS}
    return {**columns, "velocity": velocity_rows(columns["velocity"])}


def label_tensors(labels: dict[str, np.ndarray], device: torch.device) -> list[Tensor]:
    """Return instrument, pitch and velocity rows as tensors (B,), in that order."""
    return [torch.from_numpy(labels[name]).to(device) for name in LABELS]


def to_wave(values: np.ndarray, device: torch.device, padding: int) -> Tensor:
    """Return int16 PCM (B, T, 1) as waveforms on the device, zeros at both ends: (B, T + 2·padding)."""
    samples = values[..., 0]
    wave = torch.zeros(len(samples), samples.shape[1] + 2 * padding, device=device)
    inside = wave[:, padding : wave.shape[1] - padding]
    if device.type == "cpu":
        # On one thread: torch's several would contend with the one that reads ahead.
        to_float(samples, inside.numpy())
    else:
        torch.div(torch.from_numpy(samples).to(device), FULL_SCALE, out=inside)
    return wave


def samples_used(
    autoencoder: AutoencoderConfig, onsets: OnsetTraining, frames: int, beyond: int = 0
) -> Callable[[int], int]:
    """Return a function that says how many samples of a note a training step needs.

    Args:
        autoencoder: whose frames are counted.
        onsets: which steps look at the onset only.
        frames: embedding frames of a whole note.
        beyond: samples needed behind those that the frames decode to.

    Returns:
        A function from the number of a step to samples, at most those of a note.
    """

    def used(step: int) -> int:
        return min(FRAMES, autoencoder.wave_length(onsets.at(step, frames)) - MARGIN + beyond)

    return used


def training_batches(
    shards: Shards,
    fit: FitConfig,
    pitch_shifts: tuple[int, ...],
    world: World,
    used: Callable[[int], int] | None = None,
) -> Batches:
    """Return the training notes in batches.

    Args:
        shards: the notes.
        fit: batch size and seed.
        pitch_shifts: semitones by which notes may be shifted.
        world: this process among several.
        used: how many samples of each note a step needs; all by default.
    """
    augment: Augmentation | None = PitchShift(pitch_shifts) if pitch_shifts != (0,) else None
    plan = BatchPlan(fit.batch_size, fit.seed, (world.rank, world.size))
    return Batches(shards, shards.rows(split="train"), plan, label_columns(shards), Treatment(augment, used))


def validation_rows(shards: Shards, most: int) -> np.ndarray:
    """Return the index rows of at most `most` validation notes, spread evenly over all of them, (rows,)."""
    rows = shards.rows(split="valid")
    count = min(most, len(rows))
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)] if count else rows


class Validation:
    """The validation notes, and how far a reconstruction of them is off. Never the test notes."""

    def __init__(self, shards: Shards, most: int, device: torch.device) -> None:
        """Choose at most `most` validation notes of `shards`."""
        self._rows = validation_rows(shards, most)
        self._shards, self._device, self._labels = shards, device, label_columns(shards)

    def _pieces(self, size: int = 16) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield int16 PCM (B, T, 1) and labels of a few notes at a time."""
        for start in range(0, len(self._rows), size):
            rows = self._rows[start : start + size]
            pcm = np.stack([self._shards.read(row) for row in rows])
            yield pcm, {name: column[rows] for name, column in self._labels.items()}

    def figures(self, rebuild: Callable[[np.ndarray, list[Tensor]], Tensor]) -> dict[str, float]:
        """Return the mean spectral loss and waveform MSE of `rebuild`, which is given PCM and labels.

        Empty where there are no validation notes: no number is better than a NaN.
        """
        sums, count = {"spectral": 0.0, "waveform": 0.0}, 0
        for pcm, labels in self._pieces():
            target = to_wave(pcm, self._device, MARGIN)
            estimate = rebuild(pcm, label_tensors(labels, self._device))
            sums["spectral"] += spectral(target, estimate).item() * len(pcm)
            sums["waveform"] += waveform(target, estimate).item() * len(pcm)
            count += len(pcm)
        return {name: total / count for name, total in sums.items()} if count else {}
