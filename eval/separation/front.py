"""The front of the separation report, and what its metrics are worth."""

from collections.abc import Mapping

from eval.acceptance import Criterion
from eval.report.blocks import Players, Text
from eval.report.front import Front, Number, verdict
from eval.report.numbers import with_interval
from eval.separation.champions import champion_told
from eval.separation.players import Sounds, clips_of
from eval.separation.report_input import Study
from eval.separation.tables import CEILING, MAIN, MIXTURE, heading, medians, name_of

_METRIC = "uSDR"
_SECONDS = 6.0


def front_of(study: Study, found: Mapping[str, Criterion]) -> Front:
    """Return the front of the report.

    Args:
        study: the input of the report.
        found: the checks on the test songs.
    """
    gathered = medians(study.tracks)
    numbers = []
    for one in (*study.played, MIXTURE, CEILING):
        if one in gathered and gathered[one][_METRIC].count:
            median = gathered[one][_METRIC]
            told = with_interval(median.median, median.low, median.high)
            label = f"{heading(_METRIC)}: {name_of(one)}"
            numbers.append(Number.of(label, told))
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
        champion_told(study.champions) if study.champions is not None else "",
        Players("A typical song", heads, rows, item="Song") if rows else None,
    )


def what_to_trust(study: Study) -> Text:
    """Return what the metrics are worth for the systems that ran."""
    heard = (
        "The specific loudness error knows no phase and no inaudible noise, but its agreement with listeners has not "
        "been measured. Read both, and listen."
    )
    if study.main != MAIN:
        return Text(f"What to trust: energy ratios such as uSDR count every sample. {heard}")
    if study.sampled == 1:
        return Text(
            "What to trust: latent diffusion took one step here, so its estimate is the mean of what could have been "
            f"sung: energy ratios such as uSDR reward that, and it sounds muffled. {heard}"
        )
    return Text(
        "What to trust: energy ratios such as uSDR count phases, and so punish a system that draws the vocals anew "
        f"even where nobody hears it. {heard}"
    )
