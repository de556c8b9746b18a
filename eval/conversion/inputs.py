"""The shards that conversions and melodies are judged by: clean voices, their targets, mixtures, and what was made.

All sound is 16 kHz mono. Melodies lie on the melody grid of 100 frames per second: frame n is centred at sample 160·n.

Shapes: T samples, N frames.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from data.errors import InputError
from data.files.audio import to_float
from data.files.names import fit_id
from data.files.tables import read_table
from data.processes import Reopened
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from data.voices.index import Voices

LABELS = ("clip", "condition", "singer", "song", "split", "genre")


@dataclass(frozen=True)
class Reference:
    """The melody that a melody is compared with.

    Attributes:
        f0: in Hz, float64, (N,), 0 where unvoiced.
        known: where the reference says anything, bool, (N,). Frames that are not known are not scored.
        name: "exact" or "human" for an annotation, "table" for another table of F0, or "tracker: NAME" for a target.
    """

    f0: np.ndarray
    known: np.ndarray
    name: str


class References(Reopened):
    """Clean voices, their annotations and their targets.

    Attributes:
        voices: the clips of the voices shards.

    Example:
        >>> references = References(Path("voices"), Path("targets"))
        >>> references.best("yifen-1-01").name
        'tracker: pyin'
    """

    def __init__(self, voices: Path, targets: Path) -> None:
        """Open the shards.

        Raises:
            InputError: shards are incomplete or damaged.
        """
        self.voices, self._targets = Voices(voices), Shards(targets)
        self._rows = {str(clip): row for row, clip in enumerate(self._targets.column("clip"))}

    def wave(self, clip: str) -> np.ndarray:
        """Return the clean voice of a clip, float32, (T,).

        Raises:
            InputError: there is no such voice.
        """
        found = self.voices.clips.get(clip)
        if found is None or found.voice < 0:
            raise InputError(
                f"{self.voices.shards.folder}: no voice of {clip}, which was mixed; make the mixtures anew"
            )
        return self.voices.wave(found.voice)

    def target(self, clip: str) -> np.ndarray:
        """Return F0 in Hz (0 unvoiced), energy (ln RMS) and voicing (0 or 1) of a clean voice, float32, (N, 3).

        Raises:
            InputError: the clip has no target.
        """
        if clip not in self._rows:
            raise InputError(f"{self._targets.folder}: no target of {clip}; make the targets of these voices anew")
        return self._targets.read(self._rows[clip])

    def tracked(self, clip: str) -> Reference:
        """Return the target of a clip as a reference."""
        values = self.target(clip)
        f0 = np.where(values[:, 2] > 0.5, values[:, 0], 0.0).astype(np.float64)
        tracker = str(self._targets.column("tracker")[self._rows[clip]])
        name = tracker if tracker == "exact" else f"tracker: {tracker}"
        return Reference(f0, np.ones(len(f0), bool), name)

    def best(self, clip: str) -> Reference:
        """Return the annotation of a clip if it has one, else its target."""
        found = self.voices.clips.get(clip)
        if found is None or found.f0 < 0:
            return self.tracked(clip)
        values = self.voices.shards.read(found.f0).astype(np.float64)
        known = values[:, 1] > 0.5
        return Reference(np.where(known, values[:, 0], 0.0), known, found.f0_source or "table")


class Mixtures(Reopened):
    """The evaluation mixtures with their labels.

    Attributes:
        folder: folder of the shards.
        labels: labels (`LABELS`) by (clip, condition).

    Example:
        >>> mixtures = Mixtures(Path("mixtures"))
        >>> wave = mixtures.wave("yifen-1-01", "snr0")
    """

    def __init__(self, folder: Path) -> None:
        """Open the shards.

        Raises:
            InputError: shards are incomplete or damaged.
        """
        self.folder, self._shards = folder, Shards(folder)
        table = self._shards.table.select(["id", *LABELS]).to_pylist()
        self.labels = {(one["clip"], one["condition"]): {name: one[name] for name in LABELS} for one in table}
        self._ids = {(one["clip"], one["condition"]): str(one["id"]) for one in table}
        self._rows = {key: row for row, key in enumerate(self.labels)}

    def wave(self, clip: str, condition: str) -> np.ndarray:
        """Return a mixture, float32, (T,)."""
        return to_float(self._shards.read(self._rows[clip, condition]))[:, 0]

    def labels_of(self, clip: str, condition: str, maker: Path) -> Mapping[str, str]:
        """Return the labels of a mixture.

        Raises:
            InputError: `maker`, the folder of what was made of it, names a mixture that does not exist.
        """
        if (clip, condition) not in self.labels:
            raise InputError(
                f"{maker}: made of {clip} {condition}, which {self.folder} lacks; make it of these mixtures"
            )
        return self.labels[clip, condition]

    def missing(self, made: Path) -> Iterator[dict[str, str]]:
        """Yield system, labels and reason of everything in the quarantine table of the folder `made`."""
        rows = read_table(made / QUARANTINE).to_pylist()
        systems = dict.fromkeys(str(one["part"]) for one in rows)
        keys = {
            (system, fit_id(f"{system}-{name}")): key for system in systems for key, name in self._ids.items()
        }  # of everything that a system could have been asked to make
        for one in rows:
            key = keys.get((str(one["part"]), str(one["id"])))
            if key is not None:
                yield {"system": str(one["part"]), **self.labels[key], "reason": str(one["reason"])}


class Made(Reopened):
    """Shards of converted voices or of melodies, by system, clip and condition.

    Attributes:
        folder: folder of the shards.
        shards: the records.
    """

    def __init__(self, folder: Path) -> None:
        """Open the shards.

        Raises:
            InputError: shards are incomplete or damaged.
        """
        self.folder, self.shards = folder, Shards(folder)
        columns = (self.shards.column(name) for name in ("system", "clip", "condition"))
        keys = [(str(system), str(clip), str(condition)) for system, clip, condition in zip(*columns, strict=True)]
        self.rows = {key: row for row, key in enumerate(keys)}

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The (clip, condition) of which anything was made, each once, in the order of the shards."""
        return list(dict.fromkeys((clip, condition) for _, clip, condition in self.rows))

    def systems(self, clip: str, condition: str) -> list[str]:
        """Return the systems that made something of a mixture, in the order of the shards."""
        return self._systems[clip, condition]

    @cached_property
    def _systems(self) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for system, clip, condition in self.rows:
            found.setdefault((clip, condition), []).append(system)
        return found

    def read(self, system: str, clip: str, condition: str) -> np.ndarray:
        """Return a record as stored: int16 (T, 1) of a voice, float32 (N, 2) of a melody."""
        return self.shards.read(self.rows[system, clip, condition])

    def wave(self, system: str, clip: str, condition: str) -> np.ndarray | None:
        """Return a converted voice, float32, (T,); None if the system made nothing of the mixture."""
        if (system, clip, condition) not in self.rows:
            return None
        return to_float(self.read(system, clip, condition))[:, 0]

    def number(self, name: str, key: tuple[str, str, str]) -> float:
        """Return a number of the index, such as "shift_cents", by (system, clip, condition); NaN if it has none."""
        if name not in self.shards.table.column_names:
            return float("nan")
        value = self.shards.table[name][self.rows[key]].as_py()
        return float("nan") if value is None else float(value)

    def text(self, name: str, key: tuple[str, str, str]) -> str:
        """Return a text of the index by (system, clip, condition); "" if it has no such column."""
        if name not in self.shards.table.column_names:
            return ""
        return str(self.shards.table[name][self.rows[key]].as_py() or "")


def scores_frame(scored: pd.DataFrame, missing: list[dict[str, str]]) -> pd.DataFrame:
    """Return the rows of scores, then a row with a reason for everything that was not made.

    Args:
        scored: rows of scores, with a column `reason` that is None.
        missing: labels and reasons (`Mixtures.missing`).
    """
    frames = [one for one in (scored, pd.DataFrame(missing)) if len(one)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
