"""The training notes as embedding frames, in shards: what stage 2 learns to generate.

The paper keeps them in memory, 31 GB for NSynth; here they are float16 on disk, and exist once
for each pitch shift of the preset.

Shapes: B batch, N frames, D embedding dimensions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.nsynth.dataset import PITCHES, SAMPLE_RATE
from data.progress import Listener, Progress, ignore
from data.shards.augment import shift_pitch
from data.shards.reader import Shards
from data.shards.writer import SHARD_BYTES, Record, ShardWriter
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.config import SynthesisConfig
from models.synthesis.notes import LABELS, MARGIN, to_wave
from models.synthesis.train import load_autoencoder

_BATCH = 32


@dataclass(frozen=True)
class _Note:
    """One note to embed: its row, its shift in semitones and the pitch that makes."""

    id: str
    row: int
    shift: int
    pitch: int


def _notes(shards: Shards, shifts: Sequence[int]) -> list[_Note]:
    """Return the training notes, once for each shift that keeps their pitch in the table."""
    ids, pitches = shards.column("id"), shards.column("pitch")
    return [
        _Note(f"{ids[row]}_{'up' if shift >= 0 else 'down'}{abs(shift)}", row, shift, int(pitches[row]) + shift)
        for shift in shifts
        for row in shards.rows(split="train")
        if 0 <= pitches[row] + shift < PITCHES
    ]


def embed(
    folder: Path,
    notes: Path,
    autoencoder: Path,
    config: SynthesisConfig,
    device: torch.device,
    listener: Listener = ignore,
    shard_bytes: int = SHARD_BYTES,
) -> dict[str, float]:
    """Write the embeddings of the training notes as shards; stopped and called again, it goes on.

    Returns:
        How many there are.

    Raises:
        FloatingPointError: an embedding is NaN or too large for float16.
    """
    shards, network = Shards(notes), load_autoencoder(autoencoder, device)
    todo = _notes(shards, config.pitch_shifts)
    writer = ShardWriter(folder, shard_bytes)
    progress = Progress("embed", total=len(todo), unit="notes", listener=listener)
    done, padding = writer.consumed, MARGIN + config.autoencoder.strip
    progress.skip(done)
    rate = SAMPLE_RATE / config.autoencoder.stride
    # Batches begin at multiples of their size even after a restart: a sum over another batch
    # size may round differently.
    for start in range(done // _BATCH * _BATCH, len(todo), _BATCH):
        batch = todo[start : start + _BATCH]
        embedded = zip(batch, _embed(network, shards, batch, padding, device), strict=True)
        for note, frames in islice(embedded, max(0, done - start), None):
            writer.add(Record(note.id, frames, rate))
            progress.advance()
    places = {note.id: number for number, note in enumerate(todo)}
    columns = {name: shards.column(name) for name in LABELS}

    def annotate(rows: pa.Table) -> pa.Table:
        found = [todo[places[one]] for one in rows["id"].to_pylist()]
        values = {name: [int(columns[name][note.row]) for note in found] for name in LABELS}
        values["pitch"] = [note.pitch for note in found]
        for name, column in values.items():
            rows = rows.append_column(name, pa.array(column, pa.int32()))
        return rows.append_column("split", pa.array(["train"] * len(found)))

    writer.commit(annotate)
    progress.finish()
    return {"notes": len(todo)}


def _embed(
    network: Autoencoder, shards: Shards, batch: Sequence[_Note], padding: int, device: torch.device
) -> Iterator[np.ndarray]:
    """Yield the embedding of each note as float16 (N, D)."""
    pcm = np.stack([shift_pitch(shards.read(note.row)[:, 0], note.shift) for note in batch])[..., None]
    with torch.no_grad():
        embedding = network.encoder(to_wave(pcm, device, padding))  # (B, D, N)
    frames = embedding.transpose(1, 2).half().cpu().numpy()  # (B, N, D)
    for note, one in zip(batch, frames, strict=True):
        if not np.isfinite(one).all():
            raise FloatingPointError(f"the embedding of {note.id} is NaN or beyond float16; train stage 1 again")
        yield one
