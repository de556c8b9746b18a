"""Inspects sources before they are stored: where to cut them, what is silent, pitch, bandwidth, and what is wrong.

Shards are written in units of known size, so the slices of all recordings must be known first. What was found is kept
in a folder beside the shards until they are finished: a killed run repeats at most `_GROUP` inspections.
"""

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.files.checked_json import read_checked_json, write_checked_json
from data.processes import map_in_order
from data.progress import Progress
from data.shards.quality import SILENCE_PEAK
from data.voices.annotations import read_annotation
from data.voices.index import PARTS, frames_of
from data.voices.measures import Measures, measure
from data.voices.slices import Slicing, cut
from data.voices.sources import Source

_GROUP = 25


@dataclass(frozen=True)
class Inspected:
    """What was found about a source.

    Attributes:
        id: id of the source.
        fault: why it cannot be used, "" if it can.
        slices: pairs (first sample, sample after the last) at 16 kHz.
        silent: for each part, "voice" or "accompaniment", whether each slice is silent.
        annotated: whether there is an annotation of pitch that can be read.
        annotation_fault: why the annotation cannot be used, "" otherwise.
        rate: sample rate in Hz.
        bandwidth, hertz, centroid: see `measures.Measures`.
        sha256: SHA-256 of the file, "" for a track.
    """

    id: str
    fault: str = ""
    slices: list[list[int]] = field(default_factory=list)
    silent: dict[str, list[bool]] = field(default_factory=dict)
    annotated: bool = False
    annotation_fault: str = ""
    rate: float = 0.0
    bandwidth: float = 0.0
    hertz: list[float] = field(default_factory=list)
    centroid: float = 0.0
    sha256: str = ""

    @property
    def measures(self) -> Measures:
        """The measures of the source."""
        return Measures(self.bandwidth, tuple(self.hertz), self.centroid)

    @property
    def parts(self) -> list[str]:
        """Names of the parts that the source has, in the order of `PARTS`; a file of JSON does not keep an order."""
        return [part for part in PARTS if part in self.silent]

    @property
    def voiced_samples(self) -> int:
        """Number of samples at 16 kHz of the slices whose voice is not silent."""
        quiet = self.silent.get("voice", [True] * len(self.slices))
        return sum(stop - start for (start, stop), one in zip(self.slices, quiet, strict=True) if not one)


def inspect_all(
    folder: Path, sources: Sequence[Source], slicing: Slicing, progress: Progress, workers: int = 1
) -> list[Inspected]:
    """Inspect sources in order; what an earlier run found in `folder` is not inspected again.

    Args:
        folder: folder of the findings; `forget` deletes it.
        sources: what to inspect.
        slicing: lengths of slices.
        progress: advanced by the number of sources.
        workers: largest number of processes that inspect; the findings do not depend on it.
    """
    groups = {folder / f"{start:07d}.json": sources[start : start + _GROUP] for start in range(0, len(sources), _GROUP)}
    earlier = {path: _found_earlier(path) for path in groups}
    todo = [source for path, group in groups.items() if earlier[path] is None for source in group]
    found: list[Inspected] = []
    with closing(map_in_order(partial(inspect, slicing=slicing), todo, workers)) as inspected:
        for path, group in groups.items():
            known = earlier[path]
            if known is not None:
                progress.skip(len(group))
            else:
                known = []
                for _ in group:
                    known.append(next(inspected))
                    progress.advance()
                write_checked_json(path, {"found": [asdict(one) for one in known]})
            found += known
    progress.finish()
    return found


def _found_earlier(path: Path) -> list[Inspected] | None:
    """Return the findings in a file; None if there is none, or if it is damaged."""
    try:
        return [Inspected(**one) for one in read_checked_json(path)["found"]]
    except InputError:
        return None


def forget(folder: Path) -> None:
    """Delete the findings in `folder`."""
    shutil.rmtree(folder, ignore_errors=True)


def inspect(source: Source, slicing: Slicing) -> Inspected:
    """Return what is found about a source; one that cannot be used is told by `fault`, not raised."""
    try:
        sound = source.read()
        sha256 = source.digest()
    except (InputError, OSError) as error:
        return Inspected(source.id, str(error))
    waves = sound.parts
    main = next(iter(waves.values()))
    slices = cut(main, slicing)
    silent = {
        name: [bool(np.abs(wave[start:stop]).max() * 32767 < SILENCE_PEAK) for start, stop in slices]
        for name, wave in waves.items()
    }
    if all(all(one) for one in silent.values()):
        return Inspected(source.id, "silent")
    found, fault = measure(sound.original, sound.rate, main if sound.voice is not None else main[:0]), ""
    annotation = source.recording.annotation if source.recording else None
    if source.recording and annotation:
        try:
            read_annotation(annotation, source.recording.kind, frames_of(len(main)))
        except (InputError, OSError) as error:
            fault = str(error)
    return Inspected(
        source.id,
        slices=[[start, stop] for start, stop in slices],
        silent=silent,
        annotated=annotation is not None and not fault,
        annotation_fault=fault,
        rate=sound.rate,
        bandwidth=found.bandwidth,
        hertz=list(found.hertz),
        centroid=found.centroid,
        sha256=sha256,
    )
