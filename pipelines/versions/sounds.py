"""The same items as players: the recording that was asked for, and what each version made of it."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.versions.lineage import Evaluated
from pipelines.versions.measures import SECONDS, Measures, Played

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from data.shards.reader import Shards
    from eval.report.blocks import Clip, Players

_PLAYED = 4  # items with sounds
_LOUDNESS = -23.0  # LUFS, of all sounds (EBU R 128)


def players(measures: Measures, versions: Sequence[Evaluated], scores: "Mapping[str, pd.DataFrame]") -> "Players":
    """Return players of the same items by all versions: those at the ends and in the middle of the first version.

    The recordings come first, so that every version can be compared with them. Of a long item, the seconds with the
    most energy of the recording are played, the same of every sound.

    Args:
        measures: what is compared of the system.
        versions: the versions; the first one decides on the order of the items.
        scores: scores on the test items by the name of the version.
    """
    from eval.report.blocks import Players

    metric = next(iter(measures.metrics.values()))
    common = set.intersection(*({str(one) for one in frame[measures.items.column]} for frame in scores.values()))
    first = next(iter(scores.values())).sort_values(metric.column, ascending=metric.smaller_is_better)
    order = [str(one) for one in first[measures.items.column] if str(one) in common]
    places = sorted({round(one * (len(order) - 1) / max(1, _PLAYED - 1)) for one in range(_PLAYED)}) if order else []
    found = {one.heading: _Sounds(one, _folder(versions, one.asset)) for one in measures.references}
    found = {heading: one for heading, one in found.items() if one.folder is not None}
    guides = list(found.values())
    found |= {one.name: _Sounds(measures.made, one.made.get(measures.made.asset)) for one in versions}
    key = next(iter(measures.metrics))
    figures = {name: _figures(key, frame, measures) for name, frame in scores.items()}
    rows = [(order[place], _clips(found, guides, order[place], figures)) for place in places]
    if not rows:
        return Players("The versions have no test item in common", [], [])
    note = (
        f"From the best to the worst item of “{next(iter(scores))}” by {key}, which stands under every sound. All "
        "sounds are made equally loud, by the gain told as “level”."
    )
    return Players("One item, all versions", list(found), rows, note=note, item="Item")


def _figures(key: str, frame: "pd.DataFrame", measures: Measures) -> dict[str, str]:
    """Return the first metric of each item as text, after its name."""
    from eval.report.numbers import number

    values = zip(frame[measures.items.column], frame[measures.metrics[key].column], strict=True)
    return {str(item): f"{key}: {number(float(value))}" for item, value in values}


def _folder(versions: Sequence[Evaluated], asset: str) -> Path | None:
    """Return the folder of an asset that versions have in common, such as the data; None if it is no longer there."""
    return next((one.made[asset] for one in versions if asset in one.made), None)


class _Sounds:
    """The sounds of one column of the table, by item."""

    def __init__(self, played: Played, folder: Path | None) -> None:
        self._played, self.folder = played, folder

    @cached_property
    def _shards(self) -> "Shards":
        from data.shards.reader import Shards

        assert self.folder is not None
        return Shards(self.folder)

    @cached_property
    def _rows(self) -> dict[str, int]:
        names = [self._shards.column(one) for one in self._played.named]
        labels = self._played.labels
        each = (self._shards.rows(**dict(zip(labels, one, strict=True))) for one in product(*labels.values()))
        rows = next((one for one in each if len(one)), ())
        return {", ".join(str(name[row]) for name in names): int(row) for row in rows}

    def wave(self, item: str) -> "tuple[np.ndarray, int] | None":
        """Return the sound of an item, float32, (T, K), and its sample rate in Hz; None if there is none."""
        from data.files.audio import to_float

        name = item if len(self._played.named) == self._played.parts else item.rpartition(", ")[0]
        row = self._rows.get(name) if self.folder is not None else None
        if row is None:
            return None
        return to_float(self._shards.read(row)), int(self._shards.column("sample_rate")[row])


def _clips(
    found: Mapping[str, _Sounds], guides: Sequence[_Sounds], item: str, figures: Mapping[str, Mapping[str, str]]
) -> "list[Clip]":
    """Return the players of one item; the last recording says which seconds are played."""
    from eval.report.blocks import Clip
    from eval.report.excerpts import most_energy, player

    guide = guides[-1].wave(item) if guides else None
    start = most_energy((guide[0] ** 2).sum(1), int(SECONDS * guide[1])) / guide[1] if guide is not None else 0.0
    clips = []
    for heading, one in found.items():
        label, sound = f"{item}, {heading}", one.wave(item)
        if sound is None:
            clips.append(Clip(label, None))
            continue
        wave, rate = sound
        first = round(start * rate)
        told = [figures[heading][item]] if heading in figures else []
        clips.append(player(label, wave[first : first + int(SECONDS * rate)], _LOUDNESS, rate, told))
    return clips
