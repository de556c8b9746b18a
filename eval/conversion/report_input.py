"""What the report of conversion is written from: folders, tables of scores, requirements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from data.pitch.trackers import JUDGE
from eval.conversion.acceptance import Bounds, Evidence
from eval.conversion.players import Sounds, open_sounds
from eval.conversion.studies import Studies
from eval.conversion.systems import MAIN, TEST, condition_name, conditions_of, scored
from eval.conversion.tables import hardest_of, ordered
from eval.report.document import Block
from eval.report.numbers import number_of


@dataclass(frozen=True)
class Folders:
    """The shards that the report plays.

    Attributes:
        voices: clean voices.
        targets: targets of the clean voices.
        mixtures: mixtures.
        converted: folders of converted voices.
        melodies: folders of melodies; they are drawn, not played.
    """

    voices: Path
    targets: Path
    mixtures: Path
    converted: Sequence[Path]
    melodies: Sequence[Path] = ()


@dataclass(frozen=True)
class Study:
    """The input of the report. Optional parts that are not given have no section.

    Attributes:
        folders: the shards.
        scores: rows of scores.parquet of every system (`eval.conversion.score`).
        bounds: minimum requirements.
        provenance: where data and models come from, as text. It must have "data" and "preset"; the value of "data" must
            contain the word "embedded" if the singing is synthetic.
        melody: rows of melody_scores.parquet (`eval.conversion.melody_score`).
        vocoder: rows of vocoder_scores.parquet (`eval.conversion.vocoder_score`).
        chosen_vocoder: name of the vocoder in use; "" if there is one only.
        embeddings: rows of embeddings.parquet (`eval.conversion.score`).
        studies: results of the studies.
        histories: training history by stage (`eval.report.training.training_charts`).
        cost: cost of the stages and of the whole (`eval.conversion.chapters.cost_blocks`).
        champions: one entry for each champion so far, oldest first: "model" (fingerprint), "commit" and "criteria".
        in_use: for a report on an experiment, the scores of the system in use; None if there are none.
        listening: blocks of the section on what listeners said (`eval.listening.tables.listening_blocks`).
    """

    folders: Folders
    scores: pd.DataFrame
    bounds: Bounds
    provenance: Mapping[str, str]
    melody: pd.DataFrame = field(default_factory=pd.DataFrame)
    vocoder: pd.DataFrame = field(default_factory=pd.DataFrame)
    chosen_vocoder: str = ""
    embeddings: pd.DataFrame = field(default_factory=pd.DataFrame)
    studies: Studies = field(default_factory=Studies)
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    champions: Sequence[Mapping[str, Any]] = ()
    in_use: pd.DataFrame | None = None
    listening: Sequence[Block] = ()

    @cached_property
    def sounds(self) -> Sounds:
        """The sounds that the report plays."""
        one = self.folders
        return open_sounds(one.voices, one.targets, one.mixtures, one.converted, one.melodies)

    @cached_property
    def hardest(self) -> str:
        """The last condition of the SNR grid that the main system has test scores of."""
        return hardest_of(self.scores)

    @cached_property
    def order(self) -> list[str]:
        """The test clips from the worst to the best, by the key-free error of the main system in that condition."""
        return ordered(self.scores, self.hardest)

    @property
    def settings(self) -> Mapping[str, str]:
        """Setting of each system that has one: the encoder that the main system hears by."""
        encoder = self.provenance.get("encoder", "")
        return {MAIN: "own encoder" if encoder == "trained here" else encoder}

    @property
    def embedded(self) -> bool:
        """True if the singing is synthetic, so that scores are not comparable with published ones."""
        return "embedded" in self.provenance["data"].lower()

    @property
    def tracker(self) -> str:
        """Name of the tracker that judged the converted voices."""
        named = self.scores["tracker"].dropna() if "tracker" in self.scores else pd.Series(dtype=str)
        return str(named.iloc[0]) if len(named) else JUDGE

    @cached_property
    def where(self) -> str:
        """Description of the test clips: number, singers, songs, conditions and data set."""
        test = scored(self.scores, TEST)
        clips, singers, songs = (test[one].nunique() for one in ("clip", "singer", "group"))
        shown = ", ".join(condition_name(one) for one in conditions_of(test))
        return (
            f"{number_of(clips, 'test clip')} of {number_of(singers, 'singer')}, {number_of(songs, 'song')} "
            f"({shown}), of {self.provenance['data']}"
        )

    @property
    def evidence(self) -> Evidence:
        """What the acceptance criteria judge."""
        return Evidence(self.scores, self.melody, self.vocoder, self.chosen_vocoder)
