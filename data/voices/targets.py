"""Writes the training targets of voices as shards: F0, energy and voicing of every clip.

Shapes: T samples, N frames.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from data.execution import Execution
from data.pitch.octaves import check_octaves
from data.pitch.trackers import track
from data.processes import Reopened
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import Labelling, units_by_processes, write_units
from data.shards.writer import Record
from data.voices.index import FRAME_RATE, HOP, RATE, Clip, Voices, frames_of

ENERGY_WINDOW = 400  # samples, 25 ms
ENERGY_FLOOR = 1e-5


def log_energy(wave: np.ndarray) -> np.ndarray:
    """Return the energy of a wave on the melody grid: natural logarithm of the RMS, weighted by a Hann window of 25 ms.

    Args:
        wave: float, (T,), full scale [-1, 1], 16 kHz; beyond its ends it is taken as silence.

    Returns:
        float32, (N,), at least ln(1e-5); frame n is centred at sample 160·n.

    Example:
        >>> float(log_energy(np.ones(16_000, np.float32))[50].round(3)) + 0.0
        0.0
    """
    window = np.hanning(ENERGY_WINDOW + 2)[1:-1]
    power = np.pad(np.square(wave, dtype=np.float64), (ENERGY_WINDOW // 2, ENERGY_WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(power, ENERGY_WINDOW)[::HOP][: frames_of(len(wave))]
    rms = np.sqrt(frames @ (window / window.sum()))
    return np.log(np.maximum(rms, ENERGY_FLOOR)).astype(np.float32)


def write_targets(execution: Execution, voices: Path, tracker: str) -> dict[str, int | float]:
    """Write F0, energy and voicing of every voice as shards; if it is killed and called again, it resumes.

    A record is float32, (N, 3): F0 in Hz (0 where unvoiced), energy (`log_energy`) and voicing (0 or 1), at 100 frames
    per second. Tracked F0 above 1 kHz, and what would be above it an octave higher, is checked against the spectrum
    (`data.pitch.octaves`) and corrected. Its id is that of the clip; the columns are clip, singer, split and tracker.

    Args:
        execution: output folder of the shards, and listener.
        voices: folder of the voices shards.
        tracker: name of the pitch tracker (`data.pitch.trackers`), or "exact" for annotated F0 that is exact.

    Returns:
        Numbers of "clips" and of "frames", and the share "voiced" of the frames.

    Raises:
        InputError: there is no such tracker, or its package is missing.

    Example:
        >>> write_targets(Execution(Path("targets")), Path("voices"), "pyin")  # doctest: +SKIP
    """
    clips = {one.id: one for one in Voices(voices).sung()}
    units = units_by_processes(_Tracking(voices, tracker).target, list(clips.values()), execution.workers)
    progress = Progress(f"targets by {tracker}", total=len(units), unit="clips", listener=execution.listener)

    def annotate(rows: pa.Table) -> pa.Table:
        found = [clips[one] for one in rows["id"].to_pylist()]
        columns = {
            "clip": [one.id for one in found],
            "singer": [one.singer for one in found],
            "split": [one.split for one in found],
            "tracker": [tracker] * len(found),
        }
        for name, column in columns.items():
            rows = rows.append_column(name, pa.array(column, pa.string()))
        return rows

    write_units(execution.folder, units, progress, Labelling(annotate), shard_bytes=1 << 20)
    return _describe(execution.folder)


class _Tracking(Reopened):
    """Makes targets of voices by a tracker."""

    def __init__(self, voices: Path, tracker: str) -> None:
        self._voices, self._tracker = Voices(voices), tracker

    def target(self, clip: Clip) -> Record:
        """Return the target of a clip."""
        wave, tracker = self._voices.wave(clip.voice), self._tracker
        if tracker == "exact" and clip.f0_source == "exact":
            hertz = self._voices.shards.read(clip.f0)[:, 0]
            voicing = (hertz > 0).astype(np.float32)
        else:
            hertz, voicing = track("pyin" if tracker == "exact" else tracker, wave, RATE)
            hertz = check_octaves(wave, hertz, RATE).hertz
        values = np.stack([np.where(voicing >= 0.5, hertz, 0.0), log_energy(wave), voicing >= 0.5], 1)
        return Record(clip.id, values.astype(np.float32), FRAME_RATE, "target")


def _describe(folder: Path) -> dict[str, int | float]:
    """Return the figures of `write_targets` of finished shards."""
    shards = Shards(folder)
    voicing = np.concatenate([shards.read(row)[:, 2] for row in range(len(shards))])
    return {"clips": len(shards), "frames": len(voicing), "voiced": round(float(voicing.mean()), 4)}
