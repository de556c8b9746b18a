"""Names of the systems and conditions of the conversion study, and what the score tables have in common.

Two tables are judged. The scores of melodies (`eval.conversion.melody_score`) have the melody extractor, `MAIN`, beside
packaged pitch trackers under their names in `data.pitch.trackers`. The scores of converted voices
(`eval.conversion.score`) have the conversion system, `MAIN` too, beside the baselines named in `SYSTEMS`. A baseline
that separates with a published network is `SEPARATED`, "_", and the name of the network. The scores of copy synthesis
(`eval.conversion.vocoder_score`) have the vocoders named in `VOCODERS`.

Both tables have a row per (system, clip, condition). Clips of one song are not independent, so intervals and tests
resample whole songs (`with_group`).
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from eval.report.naming import with_setting
from eval.report.palette import Palette

MAIN = "proposed"
ORIGINAL, CREPE, SEPARATED, COPY = "original", "crepe", "separated_crepe", "copy_source"
SYSTEMS: Mapping[str, str] = {
    MAIN: "Proposed",
    ORIGINAL: "Original pitch & energy",
    CREPE: "CREPE",
    SEPARATED: "Separated + CREPE",
    f"{SEPARATED}_hdemucs": "Separated (Hybrid Demucs) + CREPE",
    f"{SEPARATED}_umxhq": "Separated (Open-Unmix umxhq) + CREPE",
    f"{SEPARATED}_umxl": "Separated (Open-Unmix umxl) + CREPE",
    f"{SEPARATED}_spleeter": "Separated (Spleeter) + CREPE",
    COPY: "Copy of the source",
}
GRIFFIN_LIM = "griffin_lim"
VOCODERS: Mapping[str, str] = {
    "hifigan": "HiFi-GAN", "vocos": "Vocos", "pulses": "Pulses and noise", GRIFFIN_LIM: "Griffin-Lim",
}  # fmt: skip
CLEAN = "clean"
GRID: Mapping[str, str] = {
    CLEAN: "clean", "snr15": "15 dB", "snr10": "10 dB", "snr5": "5 dB", "snr0": "0 dB",
}  # fmt: skip
GRADED: Mapping[str, str] = {
    "harmony": "with harmony", "separated": "separated lead", "reverb": "reverberation", "crowd": "crowd",
}  # fmt: skip
TEST, VALID = "test", "valid"
GROUP = "group"


def name_of(system: str) -> str:
    """Return the display name of a system, with its setting, or of a vocoder.

    A name that is not known here, such as that of a pitch tracker, is returned as it is.

    Example:
        >>> name_of("crepe"), name_of("hifigan")
        ('CREPE', 'HiFi-GAN')
    """
    return with_setting(system, {**SYSTEMS, **VOCODERS}.get(system, system))


def palette_of(*tables: pd.DataFrame) -> Palette:
    """Return the looks of the systems of tables of scores; the main one is the first, copies are grey."""
    there = list(dict.fromkeys([MAIN, *(one for table in tables if len(table) for one in systems_of(table))]))
    return Palette([name_of(one) for one in there if one != COPY], [name_of(COPY)])


def condition_name(condition: str) -> str:
    """Return the display name of a condition; the name itself for one that is not known here."""
    return {**GRID, **GRADED}.get(condition, condition)


def systems_of(scores: pd.DataFrame) -> list[str]:
    """Return the systems in a table of scores: those of `SYSTEMS` in their order, then others as they appear."""
    there = list(dict.fromkeys(scores["system"]))
    return [one for one in SYSTEMS if one in there] + [one for one in there if one not in SYSTEMS]


def conditions_of(scores: pd.DataFrame, known: Iterable[str] = (*GRID, *GRADED)) -> list[str]:
    """Return those of the `known` conditions that a table of scores has, in the order of `known`."""
    there = set(scores["condition"])
    return [one for one in known if one in there]


def with_group(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the table with a column `group`: singer and song of the clip, or the clip itself if the song is unknown.

    Args:
        scores: table with the columns clip, singer and song.
    """
    song = scores["song"].fillna("")
    named = scores["singer"].fillna("") + "/" + song
    return scores.assign(**{GROUP: named.where(song != "", scores["clip"])})


def scored(scores: pd.DataFrame, split: str, conditions: Sequence[str] = ()) -> pd.DataFrame:
    """Return the rows of one split that are scores, with the column `group` (`with_group`).

    Rows with a reason instead of scores are left out.

    Args:
        scores: table of melody or conversion scores.
        split: "valid" or "test".
        conditions: names of conditions; empty for all.
    """
    keep = (scores["split"] == split) & scores["reason"].isna()
    if conditions:
        keep &= scores["condition"].isin(list(conditions))
    return with_group(scores[keep])
