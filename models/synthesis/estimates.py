"""The notes that every system makes for the evaluation, in shards: one record a (system, note).

Shapes: B notes, T samples.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.execution import Execution
from data.files.audio import to_float, to_pcm16
from data.nsynth.dataset import FRAMES, SAMPLE_RATE
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, write_units
from data.shards.writer import Item, Record, Rejection
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.baselines import NearestPitchCopy, griffin_lim
from models.synthesis.config import EvaluationNotes
from models.synthesis.notes import MARGIN, to_wave
from models.synthesis.sampling import reconstruct
from models.synthesis.synthesize import NoteLabel, synthesize
from models.synthesis.train import load_autoencoder, load_sing
from models.synthesis.train_wavenet import load_wavenet

_BATCH = 16
_WAVENET_BATCH = 32  # notes the WaveNet draws at once: a step costs nearly the same for one as for all of them

Labels = dict[str, object]


@dataclass(frozen=True)
class Estimates:
    """Waveforms that are made together.

    Attributes:
        labels: of each waveform; they become index columns, and joined by "-" the id.
        make: returns the waveforms, (T,) float in [-1, 1] each; None where the system cannot make one.
    """

    labels: Sequence[Labels]
    make: Callable[[], Iterable[np.ndarray | None]]


@dataclass(frozen=True)
class _Notes:
    """The notes to be estimated: rows of the shards."""

    shards: Shards
    rows: np.ndarray

    @classmethod
    def choose(cls, notes: Path, train: int) -> "_Notes":
        """Return all test notes, and `train` of the training notes, spread over them."""
        shards = Shards(notes)
        trained = shards.rows(split="train")
        return cls(shards, np.concatenate([shards.rows(split="test"), _spread(trained, train)]))

    def batches(self, size: int = _BATCH) -> Iterator[np.ndarray]:
        """Yield the rows, a few at a time."""
        for start in range(0, len(self.rows), size):
            yield self.rows[start : start + size]

    def labelled(self, system: str, rows: np.ndarray) -> list[Labels]:
        """Return the labels of what a system makes of notes."""
        return [{"system": system, "note": str(self.shards.column("id")[row])} for row in rows]

    def conditions(self, rows: np.ndarray) -> list[NoteLabel]:
        """Return instrument, pitch and velocity of notes."""
        columns = (self.shards.column(name)[rows] for name in ("instrument", "pitch", "velocity"))
        return [NoteLabel(*map(int, values)) for values in zip(*columns, strict=True)]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return notes as int16 PCM, (B, T, 1)."""
        return np.stack([self.shards.read(row) for row in rows])


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` of the rows, spread evenly over all of them."""
    count = min(most, len(rows))
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)] if count else rows[:0]


def write_sing(
    execution: Execution, notes: Path, model: Path, autoencoder: Path, config: EvaluationNotes
) -> dict[str, float]:
    """Write what SING makes of the labels of the evaluated notes, and its stage-1 autoencoder of their sound.

    Args:
        execution: the folder of the shards, and the device.
        notes: shards of the recorded notes.
        model: folder of SING.
        autoencoder: folder of the autoencoder.
        config: which notes beside the test notes.

    Returns:
        How many notes were written, as "notes".
    """
    device, chosen = torch.device(execution.device), _Notes.choose(notes, config.train)
    sing, rebuilder = load_sing(model, device), load_autoencoder(autoencoder, device)

    def played(rows: np.ndarray) -> Iterator[np.ndarray]:
        return synthesize(sing, chosen.conditions(rows), batch_size=_BATCH)

    units = [Estimates(chosen.labelled("sing", rows), partial(played, rows)) for rows in chosen.batches()]
    units += [
        Estimates(chosen.labelled("autoencoder", rows), partial(_rebuilt, rebuilder, chosen, rows))
        for rows in chosen.batches()
    ]
    return {"notes": write_estimates(execution, units)}


def _rebuilt(autoencoder: Autoencoder, notes: _Notes, rows: np.ndarray) -> np.ndarray:
    """Return what the autoencoder makes of notes, (B, T)."""
    device, padding = next(autoencoder.parameters()).device, MARGIN + autoencoder.config.strip
    with torch.inference_mode():
        return autoencoder(to_wave(notes.read(rows), device, padding))[:, MARGIN:-MARGIN].cpu().numpy()


def write_baselines(execution: Execution, notes: Path, wavenet: Path, config: EvaluationNotes) -> dict[str, float]:
    """Write silence, the nearest-pitch copy, the Griffin-Lim oracle and the WaveNet's version of the notes.

    Sampling a WaveNet is slow: it gets some of the test notes only, spread over them.

    Args:
        execution: the folder of the shards, and the device of the WaveNet.
        notes: shards of the recorded notes.
        wavenet: folder of the WaveNet.
        config: which notes beside the test notes, and how many of them the WaveNet gets.

    Returns:
        How many notes were written, as "notes".
    """
    device, chosen = torch.device(execution.device), _Notes.choose(notes, config.train)
    nearest, network = NearestPitchCopy(chosen.shards), load_wavenet(wavenet, device)
    drawn = _Notes(chosen.shards, _spread(chosen.shards.rows(split="test"), config.wavenet))

    def copies(rows: np.ndarray) -> Iterator[np.ndarray | None]:
        for one in chosen.conditions(rows):
            copy = nearest.copy(one.instrument, one.pitch, one.velocity)
            yield None if copy is None else to_float(copy)

    def sampled(rows: np.ndarray) -> np.ndarray:
        wave = to_wave(chosen.read(rows), device, 0)
        return reconstruct(network, wave, seed=0, listener=execution.listener).cpu().numpy()

    makers: dict[str, tuple[_Notes, int, Callable[[np.ndarray], Iterable[np.ndarray | None]]]] = {
        "silence": (chosen, _BATCH, lambda rows: [np.zeros(FRAMES, np.float32)] * len(rows)),
        "nearest_pitch": (chosen, _BATCH, copies),
        "griffin_lim": (
            chosen,
            _BATCH,
            lambda rows: griffin_lim(to_wave(chosen.read(rows), torch.device("cpu"), 0)).numpy(),
        ),
        "wavenet": (drawn, _WAVENET_BATCH, sampled),
    }
    units = [
        Estimates(some.labelled(system, rows), partial(make, rows))
        for system, (some, size, make) in makers.items()
        for rows in some.batches(size)
    ]
    return {"notes": write_estimates(execution, units)}


def write_estimates(execution: Execution, units: Sequence[Estimates]) -> int:
    """Write waveforms as 16-bit records whose labels become index columns; return how many there are.

    What a system cannot make, or made NaN or infinite, is a row of the quarantine table. Stopped and called again
    with the same units, it goes on; units that are stored already are not made again.
    """
    labels = {_id(one): one for unit in units for one in unit.labels}

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[name] for name in rows["id"].to_pylist()]
        for column in next(iter(labels.values()), {}):
            rows = rows.append_column(column, pa.array([one[column] for one in found]))
        return rows

    progress = Progress("estimates", total=len(labels), unit="notes", listener=execution.listener)
    todo = [Unit(len(unit.labels), partial(_items, unit)) for unit in units]
    write_units(execution.folder, todo, progress, Labelling(annotate), SMALL_SHARD_BYTES)
    return len(labels)


def _id(labels: Labels) -> str:
    return "-".join(str(value).replace(".", "_") for value in labels.values())


def _items(unit: Estimates) -> Iterator[Item]:
    """Yield a record for every waveform, or the reason why there is none."""
    for labels, wave in zip(unit.labels, unit.make(), strict=True):
        if wave is None:
            yield Rejection(_id(labels), "not applicable")
        elif not np.isfinite(wave).all():
            yield Rejection(_id(labels), "NaN or infinite samples")
        else:
            yield Record(_id(labels), to_pcm16(wave)[:, None], SAMPLE_RATE)
