"""Writes the notes that each system generates for the evaluation, as shards: one record per (system, note).

The systems are SING, its autoencoder, silence, the nearest-pitch copy, the Griffin-Lim oracle and the WaveNet. The
evaluated notes are all test notes and some training notes.

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
from models.synthesis.baselines import NearestPitchCopy, griffin_lim
from models.synthesis.config import EvaluationNotes
from models.synthesis.harmonic.networks import HarmonicSing
from models.synthesis.load import Rebuilder, load_player, load_rebuilder
from models.synthesis.notes import MARGIN, to_wave
from models.synthesis.sampling import reconstruct
from models.synthesis.synthesize import NoteLabel, synthesize
from models.synthesis.train_wavenet import load_wavenet

_BATCH = 16
_WAVENET_BATCH = 32  # notes the WaveNet draws at once: a step takes nearly the same time for 1 note as for 32

HARMONIC = ("harmonic", "harmonic_autoencoder")  # names, in the scores, of the systems of the variant `harmonic`

Labels = dict[str, object]


@dataclass(frozen=True)
class Estimates:
    """Waveforms of a system that are generated together, such as a batch of notes.

    Attributes:
        labels: labels of each waveform. They become columns of the index; their values joined by "-" become the id.
        make: function that returns the waveforms in the same order, float, shape (T,), full scale [-1, 1]; None
            stands for a note that the system cannot generate.
    """

    labels: Sequence[Labels]
    make: Callable[[], Iterable[np.ndarray | None]]


@dataclass(frozen=True)
class _Notes:
    """Evaluated notes: rows of the shards of recorded notes."""

    shards: Shards
    rows: np.ndarray

    @classmethod
    def choose(cls, notes: Path, train: int) -> "_Notes":
        """Return all held-out notes, and at most `train` training notes, spread evenly over all training notes."""
        shards = Shards(notes)
        held_out, trained = (shards.rows(split=one) for one in ("test", "valid")), shards.rows(split="train")
        return cls(shards, np.concatenate([*held_out, _spread(trained, train)]))

    def without(self, split: str) -> "_Notes":
        """Return the notes that are of another split."""
        return _Notes(self.shards, self.rows[self.shards.column("split")[self.rows] != split])

    def batches(self, size: int = _BATCH) -> Iterator[np.ndarray]:
        """Yield the rows, `size` at a time."""
        for start in range(0, len(self.rows), size):
            yield self.rows[start : start + size]

    def labelled(self, system: str, rows: np.ndarray) -> list[Labels]:
        """Return the labels of the estimates of a system: its name, and the id of each note."""
        return [{"system": system, "note": str(self.shards.column("id")[row])} for row in rows]

    def conditions(self, rows: np.ndarray) -> list[NoteLabel]:
        """Return the note labels (instrument, pitch, velocity) of rows."""
        columns = (self.shards.column(name)[rows] for name in ("instrument", "pitch", "velocity"))
        return [NoteLabel(*map(int, values)) for values in zip(*columns, strict=True)]

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the recordings of rows as int16 PCM, (B, T, 1)."""
        return np.stack([self.shards.read(row) for row in rows])


def _spread(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` of the rows, spread evenly over `rows`."""
    count = min(most, len(rows))
    return rows[np.linspace(0, len(rows) - 1, count).round().astype(int)] if count else rows[:0]


def write_sing(
    execution: Execution, notes: Path, model: Path, autoencoder: Path, config: EvaluationNotes
) -> dict[str, float]:
    """Write the evaluated notes as SING synthesises them, and as the stage-1 autoencoder reconstructs them.

    The systems are named "sing" and "autoencoder", those of the variant `harmonic` "harmonic" and
    "harmonic_autoencoder".

    Args:
        execution: folder of the shards, device, and listener for progress reports.
        notes: folder with the shards of the recorded notes.
        model: folder of the trained SING.
        autoencoder: folder of the autoencoder from stage 1.
        config: number of training notes evaluated in addition to the held-out ones.

    Returns:
        The number of estimates, as "notes"; those in the quarantine table are counted too.

    Example:
        >>> folders = Path("shards"), Path("stage-3"), Path("stage-1")
        >>> write_sing(Execution(Path("estimates")), *folders, EvaluationNotes(train=100))
    """
    device, chosen = torch.device(execution.device), _Notes.choose(notes, config.train)
    player, rebuilder = load_player(model, device), load_rebuilder(autoencoder, device)
    names = HARMONIC if isinstance(player, HarmonicSing) else ("sing", "autoencoder")

    def played(rows: np.ndarray) -> Iterator[np.ndarray]:
        return synthesize(player, chosen.conditions(rows), batch_size=_BATCH)

    units = [Estimates(chosen.labelled(names[0], rows), partial(played, rows)) for rows in chosen.batches()]
    units += [
        Estimates(chosen.labelled(names[1], rows), partial(_rebuilt, rebuilder, chosen, rows))
        for rows in chosen.batches()
    ]
    return {"notes": write_estimates(execution, units)}


def _rebuilt(autoencoder: Rebuilder, notes: _Notes, rows: np.ndarray) -> np.ndarray:
    """Return the reconstructions of notes by the autoencoder, float32, (B, T)."""
    device = next(autoencoder.parameters()).device
    pitch = torch.from_numpy(notes.shards.column("pitch")[rows].astype(np.int64)).to(device)
    with torch.inference_mode():
        return autoencoder.rebuild(to_wave(notes.read(rows), device, 0), pitch)[:, MARGIN:-MARGIN].cpu().numpy()


def write_baselines(
    execution: Execution, notes: Path, wavenet: Path | None, config: EvaluationNotes
) -> dict[str, float]:
    """Write the evaluated notes by silence, the nearest-pitch copy, the Griffin-Lim oracle and the WaveNet.

    Sampling a WaveNet is slow, so it reconstructs only some of the test notes, spread evenly over them.

    Args:
        execution: folder of the shards, device of the networks and of Griffin-Lim, and listener for progress reports.
        notes: folder with the shards of the recorded notes.
        wavenet: folder of the trained WaveNet; None if there is none.
        config: number of training notes evaluated in addition to the held-out ones, of test notes for the WaveNet, and
            of iterations of Griffin-Lim.

    Returns:
        The number of estimates, as "notes"; those in the quarantine table are counted too.
    """
    device, chosen = torch.device(execution.device), _Notes.choose(notes, config.train)
    nearest = NearestPitchCopy(chosen.shards)
    drawn = _Notes(chosen.shards, _spread(chosen.shards.rows(split="test"), config.wavenet))

    def copies(rows: np.ndarray) -> Iterator[np.ndarray | None]:
        for one in chosen.conditions(rows):
            copy = nearest.copy(one.instrument, one.pitch, one.velocity)
            yield None if copy is None else to_float(copy)

    def oracles(rows: np.ndarray) -> np.ndarray:
        return griffin_lim(to_wave(chosen.read(rows), device, 0), iterations=config.griffin_lim).cpu().numpy()

    makers: dict[str, tuple[_Notes, int, Callable[[np.ndarray], Iterable[np.ndarray | None]]]] = {
        "silence": (chosen, _BATCH, lambda rows: [np.zeros(FRAMES, np.float32)] * len(rows)),
        "nearest_pitch": (chosen, _BATCH, copies),
        "griffin_lim": (chosen.without("valid"), _BATCH, oracles),  # it decides nothing
    }
    if wavenet is not None:
        network = load_wavenet(wavenet, device)

        def sampled(rows: np.ndarray) -> np.ndarray:
            wave = to_wave(chosen.read(rows), device, 0)
            return reconstruct(network, wave, seed=0, listener=execution.listener).cpu().numpy()

        makers["wavenet"] = (drawn, _WAVENET_BATCH, sampled)
    units = [
        Estimates(some.labelled(system, rows), partial(make, rows))
        for system, (some, size, make) in makers.items()
        for rows in some.batches(size)
    ]
    return {"notes": write_estimates(execution, units)}


def write_estimates(execution: Execution, units: Sequence[Estimates]) -> int:
    """Write waveforms as 16-bit records in shards, with their labels as index columns.

    Samples beyond full scale are clipped. A waveform that is None, or that has NaN or infinite samples, becomes a row
    of the quarantine table. If the function was stopped, a second call with the same units continues; units that are
    already stored are not generated again.

    Args:
        execution: folder of the shards, and listener for progress reports.
        units: waveforms in the order of the records; all have the same label names.

    Returns:
        The number of waveforms, including those in the quarantine table.

    Example:
        >>> unit = Estimates([{"system": "silence", "note": "n1"}], lambda: [np.zeros(64_000, np.float32)])
        >>> write_estimates(Execution(Path("silence")), [unit])
        1
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
    """Return the record id of labels: their values joined by "-", with each "." replaced by "_"."""
    return "-".join(str(value).replace(".", "_") for value in labels.values())


def _items(unit: Estimates) -> Iterator[Item]:
    """Yield a record for each waveform, or a rejection with its reason."""
    for labels, wave in zip(unit.labels, unit.make(), strict=True):
        if wave is None:
            yield Rejection(_id(labels), "not applicable")
        elif not np.isfinite(wave).all():
            yield Rejection(_id(labels), "NaN or infinite samples")
        else:
            yield Record(_id(labels), to_pcm16(wave)[:, None], SAMPLE_RATE)
