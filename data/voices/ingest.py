"""Writes recordings of singing as shards of clips at 16 kHz: voice, accompaniment and annotated F0.

    recordings ┐                                         ┌ clips ── shards
               ├ inspect ── split singers ── slice, check ┤
    tracks ────┘                                         └ rejections ── quarantine

A recording that cannot be used becomes a row of the quarantine table with its reason, and so does a silent slice, an
annotation that cannot be read, and a song that is also sung in a stricter split. Each file is decoded twice: once to
find out how it is cut, and once to store it.

Shapes: T samples, N frames.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_pcm16
from data.files.tables import read_table
from data.progress import Progress
from data.shards.quality import flags
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, units_in_processes, write_units
from data.shards.writer import QUARANTINE, Item, Record, Rejection, is_committed
from data.voices.annotations import read_annotation
from data.voices.index import FRAME_RATE, HOP, RATE, SPLITS, Label, Voices, frames_of, labelling, record_id
from data.voices.inspection import Inspected, forget, inspect_all
from data.voices.layouts import Recording
from data.voices.measures import rate_flags
from data.voices.slices import Slicing
from data.voices.sources import Sound, Source, from_recordings, from_tracks
from data.voices.splits import Splitting, choose_target, songs_to_leave_out, split_singers

_INSPECTED = "inspected"
_OFFSET = 0.01  # mean of a recording, relative to full scale, from which it is flagged
_TO_COMPARE = 3  # recordings of a singer from which on a single one can stand out


@dataclass(frozen=True)
class Ingesting:
    """How recordings become clips.

    Attributes:
        splitting: target singer and split of singers.
        slicing: lengths of clips.
        tracks: folders of shards of MUSDB18 tracks, whose accompaniments become clips without a voice.
        vocals: whether the vocals of these tracks become voices too.
    """

    splitting: Splitting = field(default_factory=Splitting)
    slicing: Slicing = field(default_factory=Slicing)
    tracks: tuple[Path, ...] = ()
    vocals: bool = False


def ingest_voices(
    execution: Execution, recordings: Sequence[Recording], options: Ingesting = Ingesting()
) -> dict[str, int]:
    """Write recordings as shards of clips; if it is killed and called again, it resumes and produces the same bytes.

    The index has the columns of `index.Label`; its metadata has "target", the name of the target singer, and
    "target_f0", the 5th, 50th and 95th percentile of the target's F0 in Hz.

    Args:
        execution: output folder of the shards, listener, and number of processes, which share out the recordings.
        recordings: what to read (`layouts.find_recordings`).
        options: split, lengths of clips, and tracks that give accompaniments.

    Returns:
        The numbers of `describe`.

    Raises:
        InputError: no recording can be used, or a singer set by hand does not exist.

    Example:
        >>> ingest_voices(Execution(Path("voices")), find_recordings(Path("singers")))["clips"]  # doctest: +SKIP
        205
    """
    folder = execution.folder
    if not is_committed(folder):
        sources = from_recordings(recordings) + from_tracks(options.tracks, vocals=options.vocals)
        progress = Progress("inspect", total=len(sources), unit="recordings", listener=execution.listener)
        inspected = inspect_all(folder / _INSPECTED, sources, options.slicing, progress, execution.workers)
        plan = _Plan(sources, inspected, options.splitting)
        units = units_in_processes(plan.units(), execution.workers)
        total = sum(unit.count for unit in units)
        progress = Progress("voices", total=total, unit="records", listener=execution.listener)
        write_units(folder, units, progress, Labelling(labelling(plan.labels), plan.metadata), SMALL_SHARD_BYTES)
    forget(folder / _INSPECTED)
    return describe(folder)


def describe(folder: Path) -> dict[str, int]:
    """Return the numbers of clips, singers, songs, accompaniments, annotated clips, quarantined items and seconds.

    "train_seconds", "valid_seconds" and "test_seconds" count singing.
    """
    voices = Voices(folder)
    sung = voices.sung()
    samples: Counter[str] = Counter(dict.fromkeys(SPLITS, 0))
    for one in sung:
        samples[one.split] += one.samples
    return {
        "clips": len(sung),
        "singers": len(voices.singers()),
        "songs": len({one.song for one in sung if one.song}),
        "accompaniments": sum(len(voices.accompaniments(split)) for split in SPLITS),
        "annotated": sum(one.f0 >= 0 for one in sung),
        "quarantined": len(read_table(folder / QUARANTINE)),
        **{f"{split}_seconds": round(samples[split] / RATE) for split in SPLITS},
    }


class _Plan:
    """What is stored of which source, and its labels.

    Attributes:
        labels: labels by the id of the record.
    """

    def __init__(self, sources: Sequence[Source], inspected: Sequence[Inspected], splitting: Splitting) -> None:
        """Split the singers.

        Raises:
            InputError: no source can be used, or a singer set by hand does not exist.
        """
        self._pairs = list(zip(sources, inspected, strict=True))
        seconds: dict[str, float] = defaultdict(float)
        songs: dict[str, set[str]] = defaultdict(set)
        for source, found in self._pairs:
            if not found.fault and source.names.singer and not source.split:
                seconds[source.names.singer] += found.voiced_samples / RATE
                songs[source.names.singer].add(source.names.song)
        if not seconds:
            reasons = [f"{source.id}: {found.fault}" for source, found in self._pairs[:3] if found.fault]
            raise InputError(f"no recording of singing can be used ({'; '.join(reasons) or 'none was given'})")
        self._target = choose_target(seconds, splitting)
        self._splits = split_singers(seconds, splitting, {singer: len(several) for singer, several in songs.items()})
        usable = [(source.names.song, self._split(source)) for source, found in self._pairs if not found.fault]
        self._left_out = songs_to_leave_out(usable)
        self._others = self._by_singer()
        self.labels: dict[str, Label] = {}

    def _split(self, source: Source) -> str:
        """Return the split of a source."""
        return source.split or self._splits[source.names.singer]

    def _by_singer(self) -> Mapping[str, list[Inspected]]:
        """Return the usable sources of each singer."""
        found: dict[str, list[Inspected]] = defaultdict(list)
        for source, one in self._pairs:
            if source.names.singer and not one.fault:
                found[source.names.singer].append(one)
        return found

    def _compared(self, source: Source, found: Inspected) -> dict[str, float]:
        """Return the typical pitch and brightness of the same singer's other recordings; empty if they are few."""
        others = [one.measures for one in self._others.get(source.names.singer, []) if one.id != found.id]
        if len(others) < _TO_COMPARE:
            return {}
        pitches = [one.median for one in others if one.median]
        return {
            "median": float(np.median(pitches)) if pitches else 0.0,
            "centroid": float(np.median([one.centroid for one in others])),
        }

    def units(self) -> list[Unit]:
        """Return a unit for each source, and fill `labels`."""
        return [self._unit(source, found) for source, found in self._pairs]

    def _unit(self, source: Source, found: Inspected) -> Unit:
        """Return the unit of a source: its clips, or one rejection."""
        fault = found.fault
        if not fault and self._left_out.get(source.names.song, self._split(source)) != self._split(source):
            fault = f"song {source.names.song!r} is also sung in the split {self._left_out[source.names.song]!r}"
        if fault:
            return Unit(1, partial(iter, [Rejection(source.id, fault, "recording")]))
        names = source.names
        kinds = [*found.parts, *(["f0"] if found.annotated else [])]
        for number in range(len(found.slices)):
            clip = clip_id(source.id, number)
            f0_source = source.recording.f0_source if source.recording and found.annotated else ""
            label = Label(
                clip, names.singer, names.song, names.language, self._split(source), names.layout,
                found.bandwidth, found.rate, f0_source,
            )  # fmt: skip
            self.labels |= {record_id(clip, kind): label for kind in kinds}
        marks = rate_flags(found.measures, found.rate, self._compared(source, found)) if "voice" in kinds else []
        count = len(kinds) * len(found.slices) + bool(found.annotation_fault)
        return Unit(count, partial(_clips, source, found, marks))

    def metadata(self, _: object) -> dict[str, object]:
        """Return the target singer and the target's range of F0 for the metadata of the index."""
        hertz = [one for found in self._others[self._target] for one in found.hertz]
        middle = np.percentile(hertz, [5, 50, 95]).round(2).tolist() if hertz else [0.0, 0.0, 0.0]
        return {"target": self._target, "target_f0": middle}


def clip_id(source: str, number: int) -> str:
    """Return the id of slice `number` of a source."""
    return f"{source}-{number:03d}"


def _clips(source: Source, found: Inspected, marks: list[str]) -> Iterator[Item]:
    """Yield the records of all slices of a source; a silent part of a slice is a rejection."""
    sound = source.read()
    annotation, first = None, next(iter(sound.parts.values()))
    if found.annotated and source.recording and source.recording.annotation:
        annotation = read_annotation(source.recording.annotation, source.recording.kind, frames_of(len(first)))
    for number, (start, stop) in enumerate(found.slices):
        clip, length = clip_id(source.id, number), max(stop - start, RATE)
        for part in found.parts:
            if found.silent[part][number]:
                where = f"from {start / RATE:.1f} to {stop / RATE:.1f} s"
                yield Rejection(record_id(clip, part), f"silent {where}", part)
            else:
                yield _record(sound, found, (clip, part, start, stop), marks if part == "voice" else [])
        if annotation is not None:
            piece = annotation[start // HOP : start // HOP + frames_of(stop - start)]
            padded = np.pad(piece, ((0, frames_of(length) - len(piece)), (0, 0)))
            yield Record(record_id(clip, "f0"), padded, FRAME_RATE, "f0", [], found.sha256)
    if found.annotation_fault:
        yield Rejection(record_id(source.id, "f0"), found.annotation_fault, "f0")


def _record(sound: Sound, found: Inspected, place: tuple[str, str, int, int], marks: list[str]) -> Record:
    """Return the record of a part of a slice; `place` is its clip, part, first sample and sample after the last."""
    clip, part, start, stop = place
    pcm = to_pcm16(sound.parts[part][start:stop])
    padded = np.pad(pcm, (0, max(0, RATE - len(pcm))))
    more = {"padded"} if len(padded) > len(pcm) else set()
    if part == "voice" and abs(sound.offset) > _OFFSET:
        more.add("dc")
    more.update(sound.marks)
    return Record(
        record_id(clip, part), padded[:, None], RATE, part, sorted({*flags(pcm), *marks, *more}), found.sha256
    )
