"""Listening tests of converted voices: which clips are played, and what the tables say beside the ratings.

The conversion paper has two: NMOS, how natural a voice sounds, and SMOS, how similar it is to the target singer.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from data.pitch.trackers import RATE
from data.shards.reader import Shards
from eval.conversion.measures import MEASURES
from eval.conversion.players import Sounds
from eval.conversion.systems import COPY, GRID, MAIN, SYSTEMS, TEST, name_of
from eval.listening.design import Item
from eval.listening.items import chosen
from eval.listening.kinds import RECORDING
from eval.listening.tables import Subject

KINDS = ("nmos", "smos")
_PLAYED = "snr5"  # accompaniment at 5 dB, if there is such a condition


def listening_items(sounds: Sounds, mixtures: Path, kind: str, count: int) -> tuple[list[Item], int]:
    """Return test clips for a listening test, spread over the singers, by every system that converted all of them.

    Args:
        sounds: the sounds (`eval.conversion.players.open_sounds`).
        mixtures: shards of the mixtures.
        kind: "nmos", beside the recorded source, or "smos", beside a clip of the target singer. There the source
            takes part as a system: it shows how similar the two singers are.
        count: number of clips.

    Returns:
        The items, and the sample rate in Hz.

    Example:
        >>> items, rate = listening_items(sounds, Path("mixtures"), "smos", 20)
    """
    shards = Shards(mixtures)
    columns = (map(str, shards.column(name)) for name in ("clip", "condition", "singer", "split"))
    rows = [one for one in zip(*columns, strict=True) if one[3] == TEST]
    there = {condition for _, condition, _, _ in rows}
    condition = _PLAYED if _PLAYED in there else next((one for one in GRID if one in there), "")
    clips = chosen({clip: singer for clip, one, singer, _ in rows if one == condition}, count)
    made = {clip: _made(sounds, clip, condition) for clip in clips}
    systems = [one for one in SYSTEMS if one != COPY and all(one in found for found in made.values())]
    target, items = sounds.of_target(), []
    for clip in clips:
        voice, played = sounds.references.wave(clip)[:, None], {one: made[clip][one] for one in systems}
        if kind == "smos":
            reference = voice if target is None else target[:, None]
            items.append(Item(f"{clip} {condition}", {COPY: voice, **played}, reference))
        else:
            items.append(Item(f"{clip} {condition}", {RECORDING: voice, **played}, voice))
    return items, RATE


def listening_subject(scores: pd.DataFrame, commit: str) -> Subject:
    """Return what the tables of listening tests say beside the ratings.

    Args:
        scores: rows of scores.parquet of every system (`eval.conversion.score`).
        commit: commit of the acoustic model.
    """
    named = scores.assign(item=scores["clip"] + " " + scores["condition"])
    metrics = tuple(one for one in MEASURES if one in named)
    kinds = {one: "converting" for one in (MAIN, *SYSTEMS) if one != COPY}
    headings = {one: MEASURES[one].heading for one in metrics}
    return Subject("conversion", name_of, {}, named, metrics, {**kinds, COPY: "copying"}, commit, headings)


def _made(sounds: Sounds, clip: str, condition: str) -> dict[str, np.ndarray]:
    """Return the converted voices of a clip by system, (T, 1)."""
    found = {one: sounds.made(one, clip, condition) for one in SYSTEMS}
    return {one: wave[:, None] for one, wave in found.items() if wave is not None}
