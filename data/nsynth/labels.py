"""Joins labels to the stored notes: metadata, split, and duplicates found by comparing all notes."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pyarrow as pa

from data.errors import InputError
from data.files.names import make_id
from data.files.tables import read_table, read_table_metadata, write_table
from data.nsynth.dataset import KEYBOARD, Part, completion_split
from data.nsynth.metadata import Metadata
from data.shards.duplicates import copies_to_remove, identical_audio
from data.shards.writer import Rejection, ShardWriter


def metadata_path(folder: Path, part: Part) -> Path:
    """Return where the metadata of a part is stored while the part is ingested."""
    return folder / f"metadata-{make_id(part.name)}.parquet"


def keep_metadata(metadata: Metadata, folder: Path, part: Part) -> None:
    """Store the metadata of a part in `folder`, so that a restart need not parse it again."""
    write_table(metadata_path(folder, part), [metadata.table], {"faults": metadata.faults})


class Labels:
    """The metadata and split of all notes of all parts, found by (part, id)."""

    def __init__(self, parts: Sequence[Part], folder: Path, writer: ShardWriter) -> None:
        """Read the stored metadata and compare it with the notes that `writer` has stored.

        Args:
            parts: the NSynth parts.
            folder: folder of the shards and of the stored metadata.
            writer: the writer of the shards, after all notes were added.

        Raises:
            InputError: an archive contains no `examples.json`, or no note was stored.
        """
        tables, splits, keys = [], [], []
        self._faults: dict[tuple[str, str], str] = {}
        trained = _split_part(parts)
        for part in parts:
            path = metadata_path(folder, part)
            if not path.is_file():
                raise InputError(f"{part.path}: no examples.json inside, so the notes have no labels")
            table = read_table(path)
            self._faults |= {(part.name, one): why for one, why in read_table_metadata(path)["faults"]}
            tables.append(table)
            keys += [(part.name, one) for one in table["id"].to_pylist()]
            columns = [table[name].to_pylist() for name in ("id", "instrument", "pitch")]
            splits += completion_split(*columns) if part == trained else [""] * len(table)
        table = pa.concat_tables(tables)
        self._table = table.drop_columns(["id"]).append_column("split", pa.array(splits, pa.string()))
        self._row = {key: number for number, key in enumerate(keys)}
        self._compare_audio(folder, writer)

    def _compare_audio(self, folder: Path, writer: ShardWriter) -> None:
        """Find duplicate notes, the copies to remove, and all notes that were found in the source."""
        writer.flush()
        columns = ["id", "part", "shard", "offset", "nbytes", "crc32"]
        pieces = [rows.select(columns) for rows in writer.rows()]
        if not any(map(len, pieces)):
            raise InputError(_nothing_usable(list(writer.rejections())))
        stored = pa.concat_tables(pieces)
        ids, parts = stored["id"].to_pylist(), stored["part"].to_pylist()
        split_of = self._table["split"].to_pylist()
        splits = [
            split_of[self._row[key]] if (key := (part, one)) in self._row else ""
            for part, one in zip(parts, ids, strict=True)
        ]
        groups = identical_audio(folder, stored)
        self._twice = {ids[number] for group in groups for number in group}
        self._removed = copies_to_remove(groups, ids, splits)
        self._seen = set(zip(parts, ids, strict=True)) | {(one.part, one.id) for one in writer.rejections()}

    def without_sound(self) -> list[Rejection]:
        """Return a rejection for every note of the metadata that has no WAV file."""
        return [
            Rejection(one, self._faults.get((part, one), "metadata without a WAV"), part)
            for part, one in chain(self._row, self._faults)
            if (part, one) not in self._seen
        ]

    def join(self, rows: pa.Table) -> pa.Table:
        """Return index rows with label columns, split and flags added, and a reason where a note is rejected.

        Args:
            rows: accepted index rows (`data.shards.writer.LOCATION`).
        """
        keys = list(zip(rows["part"].to_pylist(), rows["id"].to_pylist(), strict=True))
        numbers = [self._row.get(key) for key in keys]
        labels = self._table.take(pa.array(numbers, pa.int64()))
        pitches, flags, reasons = labels["pitch"].to_pylist(), [], []
        for key, pitch, marks in zip(keys, pitches, rows["flags"].to_pylist(), strict=True):
            beyond = pitch is not None and pitch not in KEYBOARD
            flags.append(sorted({*marks, *["beyond_keyboard"] * beyond, *["duplicate"] * (key[1] in self._twice)}))
            unknown = self._faults.get(key) or (None if key in self._row else "no metadata")
            reasons.append(unknown or self._removed.get(key[1]))
        rows = rows.set_column(rows.schema.get_field_index("flags"), "flags", pa.array(flags, pa.list_(pa.string())))
        rows = rows.set_column(rows.schema.get_field_index("reason"), "reason", pa.array(reasons, pa.string()))
        for name in labels.column_names:
            rows = rows.append_column(name, labels[name])
        return rows


def _nothing_usable(rejections: Sequence[Rejection]) -> str:
    """Return a message that says why there is no usable note, and what to do."""
    if not rejections:
        return "TESSITURA_NSYNTH: not one usable note (no WAV files at all); name a folder with notes in audio/"
    (reason, count), *_ = Counter(one.reason for one in rejections).most_common()
    remedy = "set TESSITURA_CONVERT_NOTES=true" if ", expected " in reason else "see what is wrong with them"
    return f"TESSITURA_NSYNTH: not one usable note of {len(rejections)}; {count} notes: {reason}; {remedy}"


def _split_part(parts: Sequence[Part]) -> Part | None:
    """Return the part that SING splits and trains on: the training part, or the only part there is."""
    if len(parts) == 1:
        return parts[0]
    return next((part for part in parts if part.name == "nsynth-train"), None)
