"""Writes the embedding frames of the training notes as shards, the targets of stage 2.

The paper keeps the embeddings in memory, 31 GB for NSynth. Here they are stored on disk as float16, once for each
pitch shift of the preset.

Shapes: B batch, N frames, D embedding dimensions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.errors import NotFiniteError
from data.execution import Execution
from data.nsynth.dataset import PITCHES, SAMPLE_RATE
from data.progress import Progress
from data.shards.augment import shift_pitch
from data.shards.reader import Shards
from data.shards.units import Labelling, Unit, write_units
from data.shards.writer import SHARD_BYTES, Record
from models.synthesis.load import Rebuilder, load_rebuilder
from models.synthesis.notes import LABELS, to_wave

_BATCH = 32


@dataclass(frozen=True)
class _Note:
    """A note to embed.

    Attributes:
        id: name of the record: id of the note and its shift, such as "..._up2".
        row: index row of the note.
        shift: semitones to shift the note by.
        pitch: MIDI pitch after the shift.
    """

    id: str
    row: int
    shift: int
    pitch: int


def _notes(shards: Shards, shifts: Sequence[int]) -> list[_Note]:
    """Return the training notes, once for each shift that keeps the pitch within 0 to 120."""
    ids, pitches = shards.column("id"), shards.column("pitch")
    return [
        _Note(f"{ids[row]}_{'up' if shift >= 0 else 'down'}{abs(shift)}", row, shift, int(pitches[row]) + shift)
        for shift in shifts
        for row in shards.rows(split="train")
        if 0 <= pitches[row] + shift < PITCHES
    ]


def embed(
    execution: Execution,
    notes: Path,
    autoencoder: Path,
    pitch_shifts: Sequence[int],
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, float]:
    """Write the embeddings of the training notes as shards; if it was stopped, a second call continues.

    The records are float16, shape (N, D). The index has the columns instrument, pitch (after the shift), velocity,
    shift (semitones) and split.

    Args:
        execution: folder of the shards, device, and listener for progress reports.
        notes: folder with the shards of the notes.
        autoencoder: folder of the trained autoencoder, whose encoder is used.
        pitch_shifts: shifts in semitones; every note is embedded once for each.
        shard_bytes: size in bytes at which a shard is finished.

    Returns:
        The number of embeddings, as "notes".

    Raises:
        NotFiniteError: an embedding is NaN or too large for float16.

    Example:
        >>> embed(Execution(Path("embeddings")), Path("shards"), Path("stage-1"), pitch_shifts=(-1, 0, 1))
    """
    shards, network = Shards(notes), load_rebuilder(autoencoder, torch.device(execution.device))
    todo = _notes(shards, pitch_shifts)
    # The batches do not change after a restart: sums over another batch size may be rounded differently.
    batches = [todo[start : start + _BATCH] for start in range(0, len(todo), _BATCH)]
    units = [Unit(len(batch), partial(_embed, network, shards, batch)) for batch in batches]
    places = {note.id: note for note in todo}
    columns = {name: shards.column(name) for name in LABELS}

    def annotate(rows: pa.Table) -> pa.Table:
        found = [places[one] for one in rows["id"].to_pylist()]
        values = {name: [int(columns[name][note.row]) for note in found] for name in LABELS}
        values |= {"pitch": [note.pitch for note in found], "shift": [note.shift for note in found]}
        for name, column in values.items():
            rows = rows.append_column(name, pa.array(column, pa.int32()))
        return rows.append_column("split", pa.array(["train"] * len(found)))

    progress = Progress("embed", total=len(todo), unit="notes", listener=execution.listener)
    write_units(execution.folder, units, progress, Labelling(annotate), shard_bytes)
    return {"notes": len(todo)}


def _embed(network: Rebuilder, shards: Shards, batch: Sequence[_Note]) -> Iterator[Record]:
    """Yield the embedding of each note, float16 (N, D)."""
    device = next(network.parameters()).device
    pcm = np.stack([shift_pitch(shards.read(note.row)[:, 0], note.shift) for note in batch])[..., None]
    pitch = torch.tensor([note.pitch for note in batch], device=device)
    with torch.no_grad():
        frames = network.embed(to_wave(pcm, device, 0), pitch).half().cpu().numpy()  # (B, N, D)
    for note, one in zip(batch, frames, strict=True):
        if not np.isfinite(one).all():
            raise NotFiniteError(f"the embedding of {note.id} is NaN or beyond float16; train stage 1 again")
        yield Record(note.id, one, SAMPLE_RATE / network.hop)
