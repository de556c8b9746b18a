"""The front of the separation report."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eval.acceptance import Criterion
from eval.intervals import ends
from eval.report.document import Players
from eval.report.front import Front, Number, verdict
from eval.separation.players import Sounds, clips_of
from eval.separation.tables import CEILING, MIXTURE, figure, heading, medians, name_of

if TYPE_CHECKING:
    from eval.separation.report import Study

_METRIC = "uSDR"
_SECONDS = 6.0


def front_of(study: "Study", found: Mapping[str, Criterion], main: str) -> Front:
    """Return the front of the report.

    Args:
        study: the input of the report.
        found: the checks on the test songs.
        main: name of the main system with its setting, for readers.
    """
    gathered = medians(study.tracks)
    numbers = []
    for one in (*study.played, MIXTURE, CEILING):
        if one in gathered and gathered[one][_METRIC].count:
            median = gathered[one][_METRIC]
            interval = ends(median.low, median.high, "{:.1f}".format)
            label = f"{heading(_METRIC)}: {main if one == study.main else name_of(one).lower()}"
            numbers.append(Number(label, figure(median.median), interval))
    sounds, middle = (
        Sounds(study.songs, study.estimates),
        study.order[len(study.order) // 2 : len(study.order) // 2 + 1],
    )
    rows = [(track, clips_of(sounds, track, study.played, _SECONDS)) for track in middle]
    heads = ["Mixture", *(f"{name_of(one)}: vocals" for one in study.played), "True vocals"]
    return Front(
        f"Vocals were taken out of {study.where}, preset {study.provenance['preset']}."
        + (" These songs were made by a program." if study.embedded else ""),
        numbers,
        verdict(found, "Separation"),
        "",
        Players("A typical song", heads, rows, item="Song") if rows else None,
    )
