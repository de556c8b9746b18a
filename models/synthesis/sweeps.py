"""Generates notes that test each control: pitch sweeps, instrument sweeps, instrument interpolation.

They show whether the pitch label changes only the pitch, and the instrument label only the timbre.

Shapes: T samples.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from data.execution import Execution
from data.shards.reader import Shards
from models.synthesis.estimates import Estimates, Labels, write_estimates
from models.synthesis.synthesize import NoteLabel, interpolate, synthesize
from models.synthesis.train import load_sing

WEIGHTS = tuple(round(share / 8, 3) for share in range(9))
VELOCITY = 100
_INSTRUMENTS, _PITCHES, _SHARED, _PATHS = 16, 12, 4, 4
_MORE, _FEW = 64, 3  # number of further instruments that are played on the map, and of pitches of each
_BATCH = 16


@dataclass(frozen=True)
class Range:
    """Pitch range of an instrument in the training notes.

    Attributes:
        instrument: number of the instrument.
        family: name of its family, such as "brass".
        lowest: lowest MIDI pitch.
        highest: highest MIDI pitch.
    """

    instrument: int
    family: str
    lowest: int
    highest: int

    def pitches(self, most: int = _PITCHES) -> list[int]:
        """Return at most `most` MIDI pitches, spread evenly over the range."""
        count = min(most, self.highest - self.lowest + 1)
        return [round(one) for one in np.linspace(self.lowest, self.highest, count)]


def ranges(shards: Shards) -> tuple[list[Range], list[Range]]:
    """Return the ranges of at most 16 instruments, spread evenly over all with training notes, and of 64 others."""
    pitches: dict[tuple[int, str], list[int]] = defaultdict(list)
    columns = (shards.column(name) for name in ("instrument", "family", "pitch"))
    for row, (instrument, family, pitch) in enumerate(zip(*columns, strict=True)):
        if shards.column("split")[row] == "train":
            pitches[int(instrument), str(family)].append(int(pitch))
    found = [Range(*key, min(values), max(values)) for key, values in sorted(pitches.items())]
    chosen = _spread(found, _INSTRUMENTS)
    return chosen, _spread([one for one in found if one not in chosen], _MORE)


def _spread(found: list[Range], most: int) -> list[Range]:
    """Return at most `most` of the ranges, spread evenly over them."""
    return [found[one] for one in np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int)]


def shared_pitches(known: list[Range]) -> list[int]:
    """Return at most 4 pitches, spread evenly over those that lie in the ranges of the most instruments."""
    counts = {
        pitch: sum(one.lowest <= pitch <= one.highest for one in known)
        for pitch in range(min(one.lowest for one in known), max(one.highest for one in known) + 1)
    }
    best = [pitch for pitch, count in counts.items() if count == max(counts.values())]
    return sorted({best[place] for place in np.linspace(0, len(best) - 1, _SHARED).round().astype(int)})


def pairs(known: list[Range]) -> list[tuple[Range, Range, int]]:
    """Return at most 4 pairs of instruments of different families, each with a pitch in both ranges."""
    found = []
    for place, first in enumerate(known):
        for second in known[place + 1 :]:
            low, high = max(first.lowest, second.lowest), min(first.highest, second.highest)
            if first.family != second.family and low <= high:
                found.append((first, second, (low + high) // 2))
                break
    return found[:_PATHS]


def write_sweeps(execution: Execution, notes: Path, model: Path) -> dict[str, float]:
    """Generate four kinds of sweeps with SING, and write them as shards.

    All notes have velocity 100. The index has these columns:

    * kind: "grid" (pitch sweep over the range of each instrument), "shared" (a few pitches, each with all instruments
      whose range contains it), "map" (three pitches of further instruments, only to be heard) or "path" (interpolation
      from one instrument to another)
    * instrument, pitch: labels of the note; for "path" the first instrument
    * other: second instrument of a "path"; -1 for the other kinds
    * weight: share of the second instrument in [0, 1]; 0 for the other kinds

    Args:
        execution: folder of the shards, device, and listener for progress reports.
        notes: folder with the shards of the recorded notes, from which the pitch ranges are taken.
        model: folder of the trained SING.

    Returns:
        The number of "notes", of "instruments" and of "paths".

    Example:
        >>> write_sweeps(Execution(Path("sweeps")), Path("shards"), Path("stage-3"))
    """
    (known, more), network = ranges(Shards(notes)), load_sing(model, torch.device(execution.device))
    paths = pairs(known)
    swept = [("grid", NoteLabel(one.instrument, pitch, VELOCITY)) for one in known for pitch in one.pitches()]
    swept += [
        ("shared", NoteLabel(one.instrument, pitch, VELOCITY))
        for pitch in shared_pitches(known)
        for one in known
        if one.lowest <= pitch <= one.highest
    ]
    swept += [("map", NoteLabel(one.instrument, pitch, VELOCITY)) for one in more for pitch in one.pitches(_FEW)]

    def played(some: list[tuple[str, NoteLabel]]) -> Iterator[np.ndarray]:
        return synthesize(network, [label for _, label in some])

    def mixed(first: Range, second: Range, pitch: int) -> np.ndarray:
        start, stop = (NoteLabel(one.instrument, pitch, VELOCITY) for one in (first, second))
        return interpolate(network, start, stop, WEIGHTS)

    batches = [swept[start : start + _BATCH] for start in range(0, len(swept), _BATCH)]
    units = [
        Estimates([_labels(kind, one.instrument, -1, one.pitch, 0.0) for kind, one in some], partial(played, some))
        for some in batches
    ]
    units += [
        Estimates([_labels("path", one.instrument, two.instrument, pitch, weight) for weight in WEIGHTS],
                  partial(mixed, one, two, pitch))
        for one, two, pitch in paths
    ]  # fmt: skip
    return {"notes": write_estimates(execution, units), "instruments": len(known), "paths": len(paths)}


def _labels(kind: str, instrument: int, other: int, pitch: int, weight: float) -> Labels:
    return {"kind": kind, "instrument": instrument, "other": other, "pitch": pitch, "weight": weight}
