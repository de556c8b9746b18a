"""What the report of separation is written from: folders, tables of scores, requirements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from eval.report.document import Block
from eval.report.numbers import number_of
from eval.separation.acceptance import Bounds
from eval.separation.players import Sounds, ordered
from eval.separation.tables import (
    MAIN,
    MASKS,
    REFINED,
    by_track,
    learnt_of,
    systems_of,
)


@dataclass(frozen=True)
class Study:
    """The input of the report. Optional parts that are not given have no section.

    Attributes:
        songs: shards of the true vocals and accompaniment (`data.musdb.vocals`).
        estimates: folders of shards of the estimated vocals (`models.separation.estimates`).
        scores: rows of scores.parquet of every system (`eval.separation.score.write_scores`).
        seconds: rows of seconds.parquet of every system.
        bounds: minimum requirements for the systems.
        provenance: origin of data and models as text. It must have "data" and "preset"; the value of "data" must
            contain the word "embedded" if the songs are synthetic.
        histories: training history by stage (`eval.report.training.training_charts`).
        steps: study of the number of DDIM steps (`steps_blocks`).
        noise: study of noise on the latent (`noise_blocks`).
        weights: study of the moving average of the weights (`weights_blocks`).
        variants: scores of the variants of latent diffusion, the main variant first (`variants_blocks`).
        cost: cost of separation (`cost_blocks`).
        in_use: for a report on an experiment, the scores of the system in use; None if there are none.
        listening: blocks of the section on what listeners said (`eval.listening.tables.listening_blocks`).
        sampled: number of DDIM steps that latent diffusion took; 0 if it is not known.
        validation: scores of the contestants on the validation songs, by which the champion is chosen.
        champions: one entry for each champion so far (`champion_blocks`); None if it is not known.
    """

    songs: Path
    estimates: Sequence[Path]
    scores: pd.DataFrame
    seconds: pd.DataFrame
    bounds: Bounds
    provenance: Mapping[str, str]
    histories: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    steps: pd.DataFrame | None = None
    noise: pd.DataFrame | None = None
    weights: pd.DataFrame | None = None
    variants: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    cost: Mapping[str, Any] = field(default_factory=dict)
    in_use: pd.DataFrame | None = None
    listening: Sequence[Block] = ()
    sampled: int = 0
    validation: pd.DataFrame = field(default_factory=pd.DataFrame)
    champions: Sequence[Mapping[str, Any]] | None = None

    @cached_property
    def tracks(self) -> pd.DataFrame:
        """One row per (system, test song), as `by_track` returns it."""
        return by_track(self.scores)

    @cached_property
    def played(self) -> list[str]:
        """Names of the systems that have players; the last one is the main system of the report."""
        ours = [one for one in (MASKS, REFINED, MAIN) if one in set(self.scores["system"])]
        return ours or learnt_of(self.scores)[-2:] or systems_of(self.scores)[-1:]

    @property
    def settings(self) -> Mapping[str, str]:
        """Setting of each system that has one."""
        return {MAIN: number_of(self.sampled, "step")} if self.sampled else {}

    @property
    def main(self) -> str:
        """Name of the main system of the report."""
        return self.played[-1]

    @cached_property
    def order(self) -> list[str]:
        """Names of the test songs, from the lowest to the highest uSDR of the main system."""
        return ordered(self.tracks, self.main)

    @property
    def embedded(self) -> bool:
        """True if the songs are synthetic, so that scores are not comparable with published ones."""
        return "embedded" in self.provenance["data"].lower()

    @cached_property
    def where(self) -> str:
        """Description of the test songs: number, seconds, sample rate, channels and data set."""
        sounds = Sounds(self.songs, [])
        test = self.scores[self.scores["split"] == "test"]
        vocals = test[(test["metric"] == "cSDR") & (test["source"] == "vocals")]
        seconds = int(vocals.drop_duplicates("track")["frames"].sum())
        channels = {1: "mono", 2: "stereo"}.get(sounds.channels, f"{sounds.channels} channels")
        return (
            f"{len(self.order)} test songs, {seconds:,} s at {sounds.sample_rate / 1000:g} kHz {channels}, of "
            f"{self.provenance['data']}"
        )
