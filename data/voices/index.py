"""Describes the shards of singing: columns of the index, and clips with their parts.

A clip is up to three records of 16 kHz shards: `<clip>-voice` (int16, (T, 1)), `<clip>-accompaniment` (int16, (T, 1),
the accompaniment that belongs to the voice) and `<clip>-f0` (float32, (N, 2): F0 in Hz, 0 where unvoiced, and 1 where
the annotation says anything, else 0). An accompaniment without a voice is a clip too.

Frames lie on the melody grid: 100 per second, frame n centred at sample 160·n, N = 1 + floor(T / 160).

Shapes: T samples, N frames.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.files.audio import to_float
from data.shards.reader import Shards

RATE = 16_000  # Hz
HOP = 160  # samples
FRAME_RATE = RATE // HOP  # frames per second
PARTS = ("voice", "accompaniment", "f0")
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Label:
    """What the index says about a record besides its location.

    Attributes:
        clip: id shared by the parts of a clip.
        singer: name of the singer, "" for an accompaniment without a voice.
        song: name of the song, "" if unknown.
        language: language of the words, "" if unknown.
        split: "train", "valid" or "test".
        layout: name of the layout by which the recording was found.
        bandwidth: measured bandwidth of the recording in Hz.
        source_rate: sample rate of the recording in Hz.
        f0_source: "exact" for F0 known from synthesis, "human" for annotations by people, "table" for another table
            of F0, "" if there is no annotation.
    """

    clip: str
    singer: str
    song: str
    language: str
    split: str
    layout: str
    bandwidth: float
    source_rate: float
    f0_source: str = ""


_TYPES = {"bandwidth": pa.float64(), "source_rate": pa.float64()}


def frames_of(samples: int) -> int:
    """Return the number of frames of a recording of `samples` samples: 1 + floor(samples / 160)."""
    return 1 + samples // HOP


def record_id(clip: str, part: str) -> str:
    """Return the id of a part of a clip."""
    return f"{clip}-{part}"


def labelling(labels: Mapping[str, Label]) -> Callable[[pa.Table], pa.Table]:
    """Return the function that adds the label columns to index rows (`data.shards.units.Labelling`).

    Args:
        labels: labels by id of the record.
    """

    def annotate(rows: pa.Table) -> pa.Table:
        found = [asdict(labels[one]) for one in rows["id"].to_pylist()]
        for name in Label.__dataclass_fields__:
            column = pa.array([one[name] for one in found], _TYPES.get(name, pa.string()))
            rows = rows.append_column(name, column)
        return rows

    return annotate


@dataclass(frozen=True)
class Clip:
    """A clip and the index rows of its parts.

    Attributes:
        id: the clip.
        singer: name of the singer, "" for an accompaniment without a voice.
        song: name of the song, "" if unknown.
        split: "train", "valid" or "test".
        layout: name of the layout by which the recording was found.
        f0_source: kind of the annotation, "" for none.
        samples: length in samples.
        voice, accompaniment, f0: index row of the part, -1 if the clip has none.
    """

    id: str
    singer: str
    song: str
    split: str
    layout: str
    f0_source: str
    samples: int
    voice: int = -1
    accompaniment: int = -1
    f0: int = -1


_TEXTS = ("singer", "song", "split", "layout", "f0_source")


class Voices:
    """The clips of a finished folder of voices shards.

    Attributes:
        shards: the records.
        clips: all clips by id, in the order of the index.

    Example:
        >>> voices = Voices(Path("voices"))
        >>> for clip in voices.sung("test"):
        ...     pcm = voices.shards.read(clip.voice)[:, 0]  # int16, (T,)
    """

    def __init__(self, folder: Path) -> None:
        """Open `folder`.

        Raises:
            InputError: the shards are not finished or damaged.
        """
        self.shards = Shards(folder)
        names, parts = self.shards.column("clip"), self.shards.column("part")
        rows: dict[str, dict[str, int]] = {}
        for row, (name, part) in enumerate(zip(names, parts, strict=True)):
            rows.setdefault(str(name), {})[str(part)] = row
        self.clips = {name: self._clip(name, found) for name, found in rows.items()}

    def _clip(self, name: str, rows: dict[str, int]) -> Clip:
        """Return a clip from the index rows of its parts."""
        first = rows.get("voice", rows.get("accompaniment", -1))
        singer, song, split, layout, source = (str(self.shards.column(one)[first]) for one in _TEXTS)
        samples = int(self.shards.column("frames")[first])
        places = {part: rows.get(part, -1) for part in PARTS}
        return Clip(name, singer, song, split, layout, source, samples, **places)

    @property
    def target(self) -> str:
        """Name of the target singer."""
        return str(self.shards.metadata["target"])

    @property
    def target_f0(self) -> list[float]:
        """F0 of the target singer in Hz: 5th percentile, median and 95th percentile over voiced frames."""
        return [float(one) for one in self.shards.metadata["target_f0"]]

    def sung(self, split: str = "", singer: str = "") -> list[Clip]:
        """Return the clips with a voice, of one split or one singer if given, in the order of the index."""
        return [
            one
            for one in self.clips.values()
            if one.voice >= 0 and split in ("", one.split) and singer in ("", one.singer)
        ]

    def accompaniments(self, split: str) -> list[Clip]:
        """Return the clips of a split that have an accompaniment, with or without a voice."""
        return [one for one in self.clips.values() if one.accompaniment >= 0 and one.split == split]

    def singers(self, split: str = "") -> list[str]:
        """Return the names of the singers, of one split if given, sorted."""
        return sorted({one.singer for one in self.sung(split)})

    def wave(self, row: int) -> np.ndarray:
        """Return a voice or an accompaniment by its index row: float32, full scale [-1, 1], (T,)."""
        return to_float(self.shards.read(row)[:, 0])
