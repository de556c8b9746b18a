"""Reads annotations of pitch, and puts them on the melody grid: 100 frames per second, frame n centred at 0.01·n s.

    f0      rows of seconds and Hz, separated by commas, tabs or blanks; 0 or less where unvoiced; a heading may precede
    pv      one MIDI pitch per line, 0 where unvoiced; every 20 ms, the first at 20 ms (MIR-1K)
    notes   rows of onset and offset in seconds and MIDI pitch (SSVD); between notes, and within 50 ms of their ends,
            where voices glide, nothing is known

Shapes: N frames, R rows of a table.
"""

import re
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.files.regular import printable, read_regular
from data.voices.index import FRAME_RATE

_GLIDE = 0.05  # seconds at both ends of a note; at most a third of the note
_PV_STEP = 0.02  # seconds
_LARGEST = 64 << 20  # bytes
_GAP = 0.05  # seconds: rows of a table that are further apart leave the frames between them unknown


def read_annotation(path: Path, kind: str, frames: int) -> np.ndarray:
    """Return the pitch that an annotation tells.

    Args:
        path: the annotation.
        kind: "f0", "pv" or "notes", see the head of this file.
        frames: number of frames N.

    Returns:
        float32, (N, 2): F0 in Hz, 0 where unvoiced or unknown; and 1 where the annotation says anything, else 0.

    Raises:
        InputError: the file is not a table of finite numbers of this kind; the message names the line.

    Example:
        >>> read_annotation(Path("vocadito_1_f0.csv"), "f0", frames=1_001)[500]  # doctest: +SKIP
    """
    rows = _numbers(path, {"f0": 2, "pv": 1, "notes": 3}[kind])
    grid = np.arange(frames) / FRAME_RATE
    if kind == "notes":
        return _from_notes(rows, grid)
    if kind == "pv":
        seconds = _PV_STEP * (1 + np.arange(len(rows)))
        hertz = np.where(rows[:, 0] > 0, 440 * 2 ** ((rows[:, 0] - 69) / 12), 0.0)
        return _from_f0(seconds, hertz, grid)
    return _from_f0(rows[:, 0], np.maximum(rows[:, 1], 0.0), grid)


def _numbers(path: Path, least: int) -> np.ndarray:
    """Return the rows of a table of numbers, (R, least); the first line may be a heading.

    Raises:
        InputError: a line has fewer numbers, a number is not finite, or there is none.
    """
    rows, text = [], read_regular(path, _LARGEST).decode("utf-8-sig", "replace")
    for number, line in enumerate(text.splitlines(), 1):
        fields = re.split(r"[,;\s]+", line.strip())
        if fields == [""]:
            continue
        try:
            row = [float(one) for one in fields[:least]]
        except ValueError:
            row = []
        if len(row) == least and np.isfinite(row).all():
            rows.append(row)
        elif rows or number > 1:
            raise InputError(
                f"{printable(path)}, line {number}: {line[:60]!r}, expected {least} numbers; correct or remove it"
            )
    if not rows:
        raise InputError(f"{printable(path)}: no numbers; correct or remove it")
    return np.array(rows, np.float64)


def _from_f0(seconds: np.ndarray, hertz: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return F0 on the grid, (N, 2): the nearest row decides on voicing; between two voiced rows log F0 is a line."""
    order = np.argsort(seconds, kind="stable")
    seconds, hertz = seconds[order], hertz[order]
    after = np.clip(np.searchsorted(seconds, grid), 1, max(1, len(seconds) - 1))
    before = np.minimum(after - 1, len(seconds) - 1)
    after = np.minimum(after, len(seconds) - 1)
    nearest = np.where(np.abs(seconds[after] - grid) < np.abs(seconds[before] - grid), after, before)
    both = (hertz[before] > 0) & (hertz[after] > 0)
    span = np.maximum(seconds[after] - seconds[before], 1e-9)
    share = np.clip((grid - seconds[before]) / span, 0.0, 1.0)
    line = np.exp(
        (1 - share) * np.log(np.maximum(hertz[before], 1e-9)) + share * np.log(np.maximum(hertz[after], 1e-9))
    )
    smooth = both & (np.abs(np.log2(np.maximum(hertz[after], 1) / np.maximum(hertz[before], 1))) < 0.25)
    found = np.where(hertz[nearest] > 0, np.where(smooth, line, hertz[nearest]), 0.0)
    known = np.abs(seconds[nearest] - grid) <= _GAP / 2
    return np.stack([np.where(known, found, 0.0), known], 1).astype(np.float32)


def _from_notes(rows: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return F0 on the grid, (N, 2): the pitch of the note that sounds; frames without a steady note are unknown."""
    found = np.zeros((len(grid), 2), np.float32)
    for onset, offset, pitch in rows:
        glide = min(_GLIDE, (offset - onset) / 3)
        inside = (grid >= onset + glide) & (grid < offset - glide)
        found[inside] = (440 * 2 ** ((pitch - 69) / 12), 1.0)
    return found
