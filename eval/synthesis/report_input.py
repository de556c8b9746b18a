"""What the report of synthesis is written from: folders, tables of scores, requirements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.files.audio import to_float
from data.shards.reader import Shards
from eval.report.blocks import Clip
from eval.report.document import Block
from eval.report.excerpts import level_of, player
from eval.synthesis.acceptance import Bounds
from eval.synthesis.tables import BEYOND, SETTINGS, name_of


@dataclass(frozen=True)
class Study:
    """The input data of the synthesis report. All scores have the columns of scores.parquet (`eval.synthesis.score`).

    Attributes:
        notes: folder of the shards of recordings.
        outputs: folders of the shards of notes made by SING and its autoencoder, and by variants beyond the paper.
        baseline_outputs: folder of the shards of notes made by the baselines.
        scores: scores of each trained variant by its name; the first is the main variant.
        baseline_scores: scores of the baselines.
        instruments: folder of the instrument map (`eval.synthesis.instruments.write_map`).
        control: folder of the scores of the sweeps (`eval.synthesis.sweeps.write_disentanglement`).
        sweeps: folder of the shards of sweeps.
        cost: folder with cost.json (`models.synthesis.cost.write_cost`).
        histories: training history of each stage, by its name.
        bounds: bounds of the acceptance checks.
        champions: one entry for each champion so far, oldest first: "model" (fingerprint), "commit" and "criteria".
        provenance: where the data and the model come from, by name; "data" and "preset" are required.
        in_use: if the report is on an experiment, scores of the model in use; None if there is none.
        listening: blocks of the section on what listeners said (`eval.listening.tables.listening_blocks`).
    """

    notes: Path
    outputs: Sequence[Path]
    baseline_outputs: Path
    scores: Mapping[str, pd.DataFrame]
    baseline_scores: pd.DataFrame
    instruments: Path
    control: Path
    sweeps: Path
    cost: Path
    histories: Mapping[str, pd.DataFrame]
    bounds: Bounds
    champions: Sequence[Mapping[str, Any]]
    provenance: Mapping[str, str]
    in_use: pd.DataFrame | None = None
    listening: Sequence[Block] = ()

    @property
    def settings(self) -> Mapping[str, str]:
        """Setting of each system that has one: what the main variant was trained on."""
        return {"sing": SETTINGS.get(next(iter(self.scores)), "")}

    @cached_property
    def all_scores(self) -> pd.DataFrame:
        """Scores of the main variant, of the baselines and of variants beyond the paper, concatenated."""
        main, beyond = next(iter(self.scores.values())), [self.scores[name] for name in self.scores if name in BEYOND]
        return pd.concat([main, self.baseline_scores, *beyond], ignore_index=True)

    @cached_property
    def sounds(self) -> dict[tuple[str, str], tuple[Shards, int]]:
        """The shards and the row of each (system, note)."""
        recorded, found = Shards(self.notes), {}
        for row, note in enumerate(recorded.column("id")):
            found["recording", note] = (recorded, row)
        for shards in map(Shards, (*self.outputs, self.baseline_outputs)):
            for row, key in enumerate(zip(shards.column("system"), shards.column("note"), strict=True)):
                found[key] = (shards, row)
        return found

    def wave(self, system: str, note: str) -> tuple[np.ndarray | None, int]:
        """Return a note of a system, float32, (T, 1), and its sample rate in Hz; None and 0 if it made none."""
        if (system, note) not in self.sounds:
            return None, 0
        shards, row = self.sounds[system, note]
        return to_float(shards.read(row)), round(float(shards.column("sample_rate")[row]))

    def clip(self, system: str, note: str, figures: Sequence[str] = ()) -> Clip:
        """Return the player of a note of a system, as loud as the recording, without sound if it made none.

        Args:
            system: name of the system.
            note: id of the note.
            figures: scores of the note, as text.
        """
        (wave, rate), (recorded, _) = self.wave(system, note), self.wave("recording", note)
        level = level_of(recorded, rate) if recorded is not None and rate else float("nan")
        return player(f"{name_of(system)}, note {note}", wave, level, rate, figures)
