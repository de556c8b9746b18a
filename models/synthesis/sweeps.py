"""Notes that show whether each control does its own thing: pitch and instrument swept, instruments mixed.

Shapes: T samples.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data.progress import Listener, ignore
from data.reader import Shards
from models.synthesis.outputs import write_labelled
from models.synthesis.synthesize import NoteLabel, interpolate, synthesize
from models.synthesis.train import load_sing

WEIGHTS = tuple(round(share / 8, 3) for share in range(9))
VELOCITY = 100
_INSTRUMENTS, _PITCHES, _PATHS = 16, 12, 4


@dataclass(frozen=True)
class Range:
    """What is known of an instrument from its training notes."""

    instrument: int
    family: str
    lowest: int
    highest: int

    def pitches(self) -> list[int]:
        """Return at most 12 pitches spread over the range."""
        count = min(_PITCHES, self.highest - self.lowest + 1)
        return [round(one) for one in np.linspace(self.lowest, self.highest, count)]


def ranges(shards: Shards) -> list[Range]:
    """Return at most 16 instruments with training notes, spread over all of them."""
    pitches: dict[tuple[int, str], list[int]] = defaultdict(list)
    columns = (shards.column(name) for name in ("instrument", "family", "pitch"))
    for row, (instrument, family, pitch) in enumerate(zip(*columns, strict=True)):
        if shards.column("split")[row] == "train":
            pitches[int(instrument), str(family)].append(int(pitch))
    found = [Range(*key, min(values), max(values)) for key, values in sorted(pitches.items())]
    chosen = np.linspace(0, len(found) - 1, min(_INSTRUMENTS, len(found))).round().astype(int)
    return [found[one] for one in chosen]


def pairs(known: list[Range]) -> list[tuple[Range, Range, int]]:
    """Return pairs of instruments of different families, with a pitch in both their ranges."""
    found = []
    for place, first in enumerate(known):
        for second in known[place + 1 :]:
            low, high = max(first.lowest, second.lowest), min(first.highest, second.highest)
            if first.family != second.family and low <= high:
                found.append((first, second, (low + high) // 2))
                break
    return found[:_PATHS]


def write_sweeps(
    folder: Path, notes: Path, model: Path, device: torch.device, listener: Listener = ignore
) -> dict[str, float]:
    """Write the grid (instrument x pitch) and the paths between instruments as shards.

    Records carry the labels kind ("grid" or "path"), instrument, other, pitch and weight.
    """
    known, network = ranges(Shards(notes)), load_sing(model, device)
    grid = [NoteLabel(one.instrument, pitch, VELOCITY) for one in known for pitch in one.pitches()]
    paths = pairs(known)

    def outputs() -> Iterator[tuple[dict[str, object], np.ndarray]]:
        for label, wave in zip(grid, synthesize(network, grid, listener=listener), strict=True):
            yield _labels("grid", label.instrument, -1, label.pitch, 0.0), wave
        for first, second, pitch in paths:
            start, stop = (NoteLabel(one.instrument, pitch, VELOCITY) for one in (first, second))
            for weight, wave in zip(WEIGHTS, interpolate(network, start, stop, WEIGHTS), strict=True):
                yield _labels("path", first.instrument, second.instrument, pitch, weight), wave

    count = write_labelled(folder, outputs(), len(grid) + len(paths) * len(WEIGHTS), listener)
    return {"notes": count, "instruments": len(known), "paths": len(paths)}


def _labels(kind: str, instrument: int, other: int, pitch: int, weight: float) -> dict[str, object]:
    return {"kind": kind, "instrument": instrument, "other": other, "pitch": pitch, "weight": weight}
