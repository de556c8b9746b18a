"""Converts notes for SING: label rows, padded waveforms, training batches, validation figures.

A label row is the row of a label in its embedding table: instrument number, MIDI pitch, and 0 to 4 for the velocities
25, 50, 75, 100, 127. Waveforms are float32, full scale [-1, 1], at 16 kHz.

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

MARGIN = 512  # samples of silence before and after the note in the decoder's output
LABELS = ("instrument", "pitch", "velocity")


def velocity_rows(velocities: np.ndarray) -> np.ndarray:
    """Return the table rows of NSynth velocities: 0 to 4 for 25, 50, 75, 100, 127. Others are not checked."""
    return np.searchsorted(VELOCITIES, velocities)


def label_columns(shards: Shards, others: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    """Return the label rows "instrument", "pitch" and "velocity" of all recordings, int64, (recordings,) each.

    Args:
        shards: shards of notes, or of their embeddings.
        others: names of other columns of the index to add, integers.
    """
    columns = {name: shards.column(name).astype(np.int64) for name in (*LABELS, *others)}
    return {**columns, "velocity": velocity_rows(columns["velocity"])}


def label_tensors(labels: dict[str, np.ndarray], device: torch.device) -> list[Tensor]:
    """Return label rows as tensors on the device, (B,) each, in the order instrument, pitch, velocity."""
    return [torch.from_numpy(labels[name]).to(device) for name in LABELS]


def recorded_time(sizes: AutoencoderConfig, shifts: np.ndarray, frames: range, device: torch.device) -> Tensor:
    """Return where the frames of shifted notes lie in their recordings, in frames.

    A note that is shifted by s semitones is played 2^(s/12) times as fast as it was recorded, from its first sample on.

    Args:
        sizes: sizes of the autoencoder, from which samples are converted to frames.
        shifts: shift of each note in semitones, (B,).
        frames: numbers of the frames of the notes as they are played.
        device: device of the result.

    Returns:
        Fractional frame numbers, float32, (frames, B); some lie before the first or after the last frame of a note.
    """
    onset = (MARGIN - sizes.wave_length(1) / 2) / sizes.stride  # the frame whose middle is the first sample of a note
    speed = torch.from_numpy(2 ** (shifts / 12)).float().to(device)
    places = torch.arange(frames.start, frames.stop, frames.step, device=device)
    return onset + speed * (places[:, None] - onset)


def to_wave(values: np.ndarray, device: torch.device, padding: int) -> Tensor:
    """Convert PCM to waveforms on the device, with zeros at both ends.

    Args:
        values: int16 PCM, shape (B, T, 1).
        device: device of the result.
        padding: number of zeros before and after each note.

    Returns:
        Waveforms, float32, shape (B, T + 2·padding).
    """
    samples = values[..., 0]
    wave = torch.zeros(len(samples), samples.shape[1] + 2 * padding, device=device)
    inside = wave[:, padding : wave.shape[1] - padding]
    if device.type == "cpu":
        # NumPy uses one thread. The threads of torch would compete with the thread that reads batches ahead.
        to_float(samples, inside.numpy())
    else:
        torch.div(torch.from_numpy(samples).to(device), FULL_SCALE, out=inside)
    return wave


def samples_used(
    autoencoder: AutoencoderConfig, onsets: OnsetTraining, frames: int, beyond: int = 0
) -> Callable[[int], int]:
    """Return a function that gives the number of samples of a note that a training step needs.

    Args:
        autoencoder: sizes of the autoencoder, from which frames are converted to samples.
        onsets: which steps train on onsets only.
        frames: number of embedding frames of a whole note.
        beyond: number of samples needed after those that the frames decode to.

    Returns:
        A function from the step number to the number of samples, at most 64,000.
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
    """Return the batches of the training notes, int16 PCM (B, T, 1) with their label rows.

    Args:
        shards: shards of the notes; their training split is used.
        fit: batch size and seed.
        pitch_shifts: semitones by which notes may be shifted; (0,) turns shifting off.
        world: this process among those that share the batches.
        used: function from the step number to the number of samples of each note; all samples by default.
    """
    augment: Augmentation | None = PitchShift(pitch_shifts) if pitch_shifts != (0,) else None
    plan = BatchPlan(fit.batch_size, fit.seed, (world.rank, world.size))
    return Batches(shards, shards.rows(split="train"), plan, label_columns(shards), Treatment(augment, used))


def validation_rows(shards: Shards, most: int) -> np.ndarray:
    """Return the index rows of at most `most` validation notes, spread evenly over all validation notes."""
    rows = shards.rows(split="valid")
    count = min(most, len(rows))
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)] if count else rows


class Validation:
    """Computes losses on the validation notes; the test notes are never used.

    Example:
        >>> validation = Validation(Shards(Path("shards")), 256, torch.device("cpu"))
        >>> validation.figures(lambda pcm, labels: network(*labels))
    """

    def __init__(self, shards: Shards, most: int, device: torch.device) -> None:
        """Choose at most `most` validation notes of `shards`; waveforms and labels are put on `device`."""
        self._rows = validation_rows(shards, most)
        self._shards, self._device, self._labels = shards, device, label_columns(shards)

    def _pieces(self, size: int = 16) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
        """Yield int16 PCM (B, T, 1) and label rows of at most `size` notes at a time."""
        for start in range(0, len(self._rows), size):
            rows = self._rows[start : start + size]
            pcm = np.stack([self._shards.read(row) for row in rows])
            yield pcm, {name: column[rows] for name, column in self._labels.items()}

    def figures(self, rebuild: Callable[[np.ndarray, list[Tensor]], Tensor]) -> dict[str, float]:
        """Return the mean losses "spectral" and "waveform" of the estimates of `rebuild`.

        Args:
            rebuild: function of int16 PCM (B, T, 1) and label rows (B,) that returns waveforms (B, T + 2·MARGIN).

        Returns:
            The two losses; an empty dictionary, not NaN, if there are no validation notes.
        """
        sums, count = {"spectral": 0.0, "waveform": 0.0}, 0
        for pcm, labels in self._pieces():
            target = to_wave(pcm, self._device, MARGIN)
            estimate = rebuild(pcm, label_tensors(labels, self._device))
            sums["spectral"] += spectral(target, estimate).item() * len(pcm)
            sums["waveform"] += waveform(target, estimate).item() * len(pcm)
            count += len(pcm)
        return {name: total / count for name, total in sums.items()} if count else {}
