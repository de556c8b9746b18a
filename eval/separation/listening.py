"""Listening tests of separated vocals: which songs are played, and what the tables say beside the ratings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from data.shards.reader import Shards
from eval.listening.design import Item
from eval.listening.items import chosen
from eval.listening.tables import Subject
from eval.report.excerpts import most_energy
from eval.separation.players import Sounds
from eval.separation.tables import CEILING, MAIN, MASKS, REFINED, by_track, learnt_of, metrics_of, name_of

KINDS = ("mushra",)
_TEST = "test"


def listening_items(songs: Path, estimates: Sequence[Path], count: int, seconds: float) -> tuple[list[Item], int]:
    """Return test songs for a listening test of their vocals, by every separation system that made all of them.

    Bounds that need the true vocals are left out; the hidden reference and the anchors take their place.

    Args:
        songs: shards of the true sources.
        estimates: shards of estimated vocals.
        count: number of songs.
        seconds: length of the stretch with the most singing that is kept of each song, so that memory does not grow
            with the length of the songs.

    Returns:
        The items, and the sample rate in Hz.

    Example:
        >>> items, rate = listening_items(Path("songs"), [Path("baselines"), Path("diffusion")], 10, 8.0)
    """
    sounds, shards = Sounds(songs, estimates), Shards(songs)
    pairs = zip(shards.column("track"), shards.column("split"), strict=True)
    tracks = chosen({str(track): str(track) for track, split in pairs if split == _TEST}, count)
    systems = learnt_of(pd.DataFrame({"system": [str(one) for folder in estimates for one in _systems(folder)]}))
    items, length = [], round(seconds * sounds.sample_rate)
    for track in tracks:
        vocals = sounds.part(track, "vocals")
        start = most_energy(np.square(vocals, dtype=np.float64).sum(1), length)
        here = slice(start, start + length)
        made = {one: wave[here].copy() for one in systems if (wave := sounds.estimate(one, track)) is not None}
        items.append(Item(track, made, vocals[here].copy()))
    common = [one for one in systems if all(one in item.sounds for item in items)]
    kept = [Item(one.name, {name: one.sounds[name] for name in common}, one.reference) for one in items]
    return kept, sounds.sample_rate


def listening_subject(scores: pd.DataFrame, commit: str) -> Subject:
    """Return what the tables of listening tests say beside the ratings.

    Args:
        scores: rows of scores.parquet of every system (`eval.separation.score.write_scores`).
        commit: commit of the model.
    """
    by_song = by_track(scores, "vocals").rename(columns={"track": "item"})
    metrics = tuple(one for one in metrics_of(scores) if one in by_song)
    masking = dict.fromkeys((MASKS, "spleeter", "umxhq", "umxl"), "masking")
    kinds = {**masking, REFINED: "generative", MAIN: "generative", CEILING: "generative"}
    return Subject("separation", name_of, {}, by_song, metrics, kinds, commit)


def _systems(folder: Path) -> list[str]:
    """Return the names of the systems in a folder of estimates."""
    return list(dict.fromkeys(map(str, Shards(folder).column("system"))))
