"""Score melodies of mixtures, stored in shards, with the whole F0 family.

The reference of a clip is its annotation, exact or by people, where it has one, and otherwise its target, which a
tracker found in the clean voice; each row names it. Only frames of which the annotation says anything are scored.

Columns of melody_scores.parquet, one row per (system, clip, condition):

* labels: `system`, `clip`, `condition`, `singer`, `song`, `split`, `genre` (of the accompaniment, "" for none)
* `reference` ("exact", "human", "table" or "tracker: NAME") and `seconds` of the clip
* every column of `eval.conversion.judges.F0_COLUMNS`: the counts frames (those that are scored), voiced_reference,
  voiced_estimate and voiced_both, and the F0 family: rpa, rca, oa, voicing_recall, voicing_false_alarm, vuv_error,
  f0_corr, f0_corr_all, f0_rmse_ln, f0_rmse_hz, f0_rmse_zlog, f0_rmse_cents_keyfree, key_shift_cents, rpa_keyfree,
  rca_keyfree, gpe, fpe_cents, ffe; NaN where a measure does not apply
* `reason`: None for a score; else why there is none, and all measures are NaN

Shapes: N frames.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from data.errors import InputError
from data.execution import Execution
from data.files.tables import read_frame, write_frame
from data.pitch.trackers import HOP, RATE
from data.processes import Reopened
from data.progress import Progress
from eval.conversion.inputs import Made, Mixtures, Reference, References, scores_frame
from eval.conversion.judges import f0_scores
from eval.parts import clear_parts, evaluate_in_parts

TABLE = "melody_scores.parquet"
_SLACK = 10  # frames by which a melody may be shorter or longer than its reference


def score_melodies(execution: Execution, melodies: Path, mixtures: Path, voices: Path, targets: Path) -> dict[str, int]:
    """Score the melodies that systems found in mixtures and write melody_scores.parquet (columns: module docstring).

    The scores of each clip are stored when they are computed; a second call after an interruption resumes with the
    clips that are left.

    Args:
        execution: its folder receives the table, and its listener the progress reports, counted in clips.
        melodies: shards of melodies with the labels `system`, `clip` and `condition`; a record is float32, (N, 2): F0
            in Hz and voicing (0 to 1). A frame of voicing below 0.5, or with F0 of 0 or below, is unvoiced; the size of
            its F0 is then the system's guess, which raw pitch accuracy counts. In the quarantine table of these
            shards, `part` is the name of the system.
        mixtures: shards of the mixtures (`data.voices.mixtures`).
        voices: shards of the clean voices, with annotations where there are any (`data.voices.ingest`).
        targets: shards of the targets (`data.voices.targets`).

    Returns:
        Number of melodies that were "scored" and "not scored".

    Raises:
        InputError: there are no melodies at all, or one belongs to no mixture or differs from it in length.

    Example:
        >>> folders = (Path("melodies"), Path("mixtures"), Path("voices"), Path("targets"))
        >>> score_melodies(Execution(Path("scores")), *folders)
        {'scored': 320, 'not scored': 0}
    """
    path = execution.folder / TABLE
    if not path.is_file():
        evaluation = _Evaluation(Made(melodies), Mixtures(mixtures), References(voices, targets))
        clips = evaluation.clips
        progress = Progress("score melodies", total=len(clips), unit="clips", listener=execution.listener)
        found = evaluate_in_parts(execution, ("scores",), clips, evaluation.score, progress)
        frame = scores_frame(found["scores"], list(evaluation.mixtures.missing(melodies)))
        if frame.empty:
            raise InputError(f"{melodies}: no melodies and no reasons why; find the melodies again")
        write_frame(path, frame)
    clear_parts(execution)
    reasons = read_frame(path, ["reason"])["reason"]
    return {"scored": int(reasons.isna().sum()), "not scored": int(reasons.notna().sum())}


class _Evaluation(Reopened):
    """Melodies, mixtures and references."""

    def __init__(self, melodies: Made, mixtures: Mixtures, references: References) -> None:
        self._made, self.mixtures, self._references = melodies, mixtures, references

    @property
    def clips(self) -> list[str]:
        """Names of the clips of which there is any melody, each once."""
        return list(dict.fromkeys(clip for clip, _ in self._made.pairs))

    def score(self, clip: str) -> dict[str, pd.DataFrame]:
        """Return the scores of all melodies of a clip: the table "scores"."""
        reference = self._references.best(clip)
        rows = []
        for _, condition in (one for one in self._made.pairs if one[0] == clip):
            labels = self.mixtures.labels_of(clip, condition, self._made.folder)
            for system in self._made.systems(clip, condition):
                hertz = self._melody(system, clip, condition, len(reference.f0))
                rows.append({"system": system, **labels, **_row(reference, hertz), "reason": None})
        return {"scores": pd.DataFrame(rows)}

    def _melody(self, system: str, clip: str, condition: str, count: int) -> np.ndarray:
        """Return a melody in Hz, (N,): 0 or a negative guess where unvoiced.

        Raises:
            InputError: it differs in length from the reference of `count` frames.
        """
        values = self._made.read(system, clip, condition)
        if abs(len(values) - count) > _SLACK:
            raise InputError(
                f"{self._made.folder}: {system} of {clip} {condition} has {len(values)} frames, its reference {count}; "
                "find the melodies again"
            )
        return signed(values[:, 0], values[:, 1])


def signed(f0: np.ndarray, voicing: np.ndarray) -> np.ndarray:
    """Return F0 in Hz where frames are voiced, and the guess as a negative number (or 0) elsewhere, float64, (N,).

    Args:
        f0: in Hz, (N,); its size is a guess where it is not positive or the frame is unvoiced.
        voicing: 0 to 1, (N,); voiced from 0.5.

    Example:
        >>> signed(np.array([220.0, 230.0, -240.0, 0.0]), np.array([0.9, 0.1, 0.9, 0.9])).tolist()
        [220.0, -230.0, -240.0, 0.0]
    """
    size = np.abs(f0.astype(np.float64))
    return np.where((voicing >= 0.5) & (f0 > 0), size, -size) + 0.0


def _row(reference: Reference, hertz: np.ndarray) -> dict[str, float | str]:
    """Return reference, counts and the F0 family of one melody, on the frames that both have and that are known."""
    count = min(len(reference.f0), len(hertz))
    known = reference.known[:count]
    true, found = reference.f0[:count][known], hertz[:count][known]
    return {
        "reference": reference.name,
        "seconds": len(reference.f0) * HOP / RATE,
        **f0_scores(true, found),
    }
