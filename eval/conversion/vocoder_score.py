"""Score copy synthesis: how well vocoders make recorded voices again from their mel spectrograms.

Columns of vocoder_scores.parquet, one row per (system, clip):

* labels: `system` (the vocoder; "griffin_lim" is the baseline), `clip`, `singer`, `split`
* `seconds` of the copy, `tracker`, and `frames`: number of frames that are voiced in the recording
* `within_50_cents`: share of these that are voiced in the copy and within 50 cents; NaN if there are none
* `mr_stft`: multi-resolution STFT distance; NaN if the recording is silent
* `reason`: None for a score; else why there is none

Shapes: T samples, N frames.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_float
from data.files.tables import read_frame, read_table, write_frame
from data.pitch.trackers import JUDGE, RATE, track
from data.pitch.tracks import count_in_tune
from data.processes import Reopened
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from data.voices.index import Clip, Voices
from eval.metrics.spectral import multi_resolution
from eval.parts import clear_parts, evaluate_in_parts

TABLE = "vocoder_scores.parquet"
_SLACK = 0.05  # seconds by which a copy may be shorter or longer than the recording
_LEAST = 1025  # samples of the shortest sound that has the STFT distance


def score_vocoders(execution: Execution, copies: Path, voices: Path, tracker: str = JUDGE) -> dict[str, int]:
    """Score copies of recorded voices and write vocoder_scores.parquet (columns: module docstring).

    The scores of each clip are stored when they are computed; a second call after an interruption resumes.

    Args:
        execution: its folder receives the table, and its listener the progress reports, counted in clips.
        copies: shards of copies, int16, (T, 1), with the labels `system` and `clip`. In the quarantine table, `part`
            is the system and `id` is `<system>-<clip>`.
        voices: shards of the recordings (`data.voices.ingest`).
        tracker: pitch tracker (`data.pitch.trackers`).

    Returns:
        Number of copies that were "scored" and "not scored".

    Raises:
        InputError: there are no copies, or one belongs to no recording or differs from it in length.

    Example:
        >>> score_vocoders(Execution(Path("scores")), Path("copies"), Path("voices"))
        {'scored': 60, 'not scored': 0}
    """
    path = execution.folder / TABLE
    if not path.is_file():
        evaluation = _Evaluation(copies, voices, tracker)
        clips = evaluation.clips
        progress = Progress("score vocoders", total=len(clips), unit="clips", listener=execution.listener)
        found = evaluate_in_parts(execution, ("scores",), clips, evaluation.score, progress)
        frames = [one for one in (found["scores"], pd.DataFrame(evaluation.missing())) if len(one)]
        if not frames:
            raise InputError(f"{copies}: no copies and no reasons why; make the copies again")
        write_frame(path, pd.concat(frames, ignore_index=True))
    clear_parts(execution)
    reasons = read_frame(path, ["reason"])["reason"]
    return {"scored": int(reasons.isna().sum()), "not scored": int(reasons.notna().sum())}


class _Evaluation(Reopened):
    """Copies and recordings."""

    def __init__(self, copies: Path, voices: Path, tracker: str) -> None:
        self._copies, self._made, self._voices, self._tracker = copies, Shards(copies), Voices(voices), tracker
        self._rows: dict[str, list[int]] = {}
        for row, clip in enumerate(self._made.column("clip")):
            self._rows.setdefault(str(clip), []).append(row)

    @property
    def clips(self) -> list[str]:
        """Names of the clips of which there are copies."""
        return list(self._rows)

    def _clip(self, name: str) -> Clip:
        """Return a recorded clip.

        Raises:
            InputError: there is no such recording.
        """
        found = self._voices.clips.get(name)
        if found is None or found.voice < 0:
            raise InputError(f"{self._copies}: a copy of {name}, of which there is no recording; make the copies again")
        return found

    def score(self, name: str) -> dict[str, pd.DataFrame]:
        """Return the scores of all copies of a clip: the table "scores"."""
        clip = self._clip(name)
        wave = self._voices.wave(clip.voice)
        true, _ = track(self._tracker, wave)
        rows = []
        for row in self._rows[name]:
            system, copy = str(self._made.column("system")[row]), to_float(self._made.read(row))[:, 0]
            if abs(len(copy) - len(wave)) > _SLACK * RATE:
                raise InputError(
                    f"{self._copies}: {system} of {name} has {len(copy)} samples, the recording {len(wave)}; "
                    "make the copies again"
                )
            values = self._values(wave, true, copy)
            rows.append({"system": system, "clip": name, "singer": clip.singer, "split": clip.split, **values})
        return {"scores": pd.DataFrame(rows)}

    def _values(self, wave: np.ndarray, true: np.ndarray, copy: np.ndarray) -> dict[str, Any]:
        """Return the measures of one copy."""
        found, _ = track(self._tracker, copy)
        near, voiced = count_in_tune(true, found)
        count = min(len(wave), len(copy))
        distance = float("nan")
        if count >= _LEAST and wave[:count].any():
            distance = float(multi_resolution(wave[:count], copy[:count]))
        return {
            "seconds": len(copy) / RATE,
            "tracker": self._tracker,
            "frames": voiced,
            "within_50_cents": near / voiced if voiced else float("nan"),
            "mr_stft": distance,
            "reason": None,
        }

    def missing(self) -> list[dict[str, Any]]:
        """Return one row with a reason for every copy in the quarantine table."""
        rows = []
        for one in read_table(self._copies / QUARANTINE).to_pylist():
            system = str(one["part"])
            clip = self._voices.clips.get(str(one["id"]).removeprefix(f"{system}-"))
            if clip is not None:
                labels = {"system": system, "clip": clip.id, "singer": clip.singer, "split": clip.split}
                rows.append({**labels, "frames": 0, "reason": one["reason"]})
        return rows
