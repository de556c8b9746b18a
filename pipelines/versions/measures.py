"""What is compared of each system: its scores as one table, the items that they are paired by, and its sounds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from eval.table import Items, Metric

SECONDS = 8.0  # of a sound, at most


@dataclass(frozen=True)
class Played:
    """Sounds that are played of every item.

    Attributes:
        heading: heading of the column; "" for the name of the version.
        asset: name of the asset with the sounds, as shards.
        labels: for columns of its index the values that these sounds may have: all sounds of a version have the same.
        named: columns of its index that name an item together, joined by a comma and a space.
        parts: number of columns that name an item in the scores. Sounds named by fewer do not depend on the last one,
            such as a voice that is the same in every mixture.
    """

    heading: str
    asset: str
    labels: Mapping[str, tuple[str, ...]]
    named: tuple[str, ...]
    parts: int = 1


@dataclass(frozen=True)
class Measures:
    """What is compared of a system.

    Attributes:
        metrics: name for readers and metric, the most important one first.
        items: the columns by which scores are paired.
        scores: function that returns the scores of the system on the test items, given the folder of the scores: one
            row for each item, one column for each metric.
        made: what a version made of every item.
        references: recordings to compare that with; the last one is what was asked for.
    """

    metrics: "Mapping[str, Metric]"
    items: "Items"
    scores: "Callable[[Path], pd.DataFrame]"
    made: Played
    references: tuple[Played, ...]


def measures_of(system: str) -> Measures:
    """Return what is compared of a system.

    Example:
        >>> list(measures_of("separation").metrics)
        ['uSDR, dB', 'SI-SDR, dB', 'cSDR, dB', 'MR-STFT distance']
    """
    known = {"synthesis": _synthesis, "separation": _separation, "conversion": _conversion}
    return known[system]()


def _synthesis() -> Measures:
    from eval.synthesis.note_metrics import LARGER_IS_BETTER
    from eval.synthesis.tables import BEYOND
    from eval.table import Items, Metric

    columns = {
        "spectral loss": "spectral",
        "MR-STFT distance": "multi_resolution",
        "within 50 cents": "in_tune",
        "loudness error, dB": "loudness_error",
    }
    systems = ("sing", *BEYOND)  # a version has one of them
    metrics = {name: Metric(one, one not in LARGER_IS_BETTER) for name, one in columns.items()}
    return Measures(
        metrics,
        Items("note", "instrument"),
        partial(_rows, systems),
        Played("", "synthesis_notes", {"system": systems}, ("note",)),
        (Played("Recording", "nsynth_shards", {}, ("id",)),),
    )


def _rows(systems: tuple[str, ...], folder: Path) -> "pd.DataFrame":
    """Return the rows on the test items of that one of several systems that a version has."""
    from data.files.tables import read_frame

    scores = read_frame(folder / "scores.parquet")
    return scores[scores["system"].isin(systems) & (scores["split"] == "test")].reset_index(drop=True)


def _separation() -> Measures:
    from eval.separation.tables import MAIN
    from eval.table import Items, Metric

    metrics = {
        "uSDR, dB": Metric("uSDR", False),
        "SI-SDR, dB": Metric("SI-SDR", False),
        "cSDR, dB": Metric("cSDR", False),
        "MR-STFT distance": Metric("MR-STFT"),
    }
    return Measures(
        metrics,
        Items("track"),
        _songs,
        Played("", "separation_vocals", {"system": (MAIN,)}, ("track",)),
        (Played("True vocals", "separation_songs", {"source": ("vocals",)}, ("track",)),),
    )


def _songs(folder: Path) -> "pd.DataFrame":
    """Return the scores of latent diffusion on the vocals of the test songs."""
    from data.files.tables import read_frame
    from eval.separation.tables import MAIN, by_track

    songs = by_track(read_frame(folder / "scores.parquet"))
    return songs[songs["system"] == MAIN].reset_index(drop=True)


def _conversion() -> Measures:
    from eval.conversion.systems import MAIN
    from eval.table import Items, Metric

    metrics = {
        "F0RMSE key-free, cents": Metric("f0_rmse_cents_keyfree"),
        "F0CORR": Metric("f0_corr", False),
        "similarity to the target": Metric("speaker_target", False),
        "voicing recall": Metric("voicing_recall", False),
    }
    named = ("clip", "condition")
    return Measures(
        metrics,
        Items("item", "song"),
        _clips,
        Played("", "conversion_converted", {"system": (MAIN,)}, named, 2),
        (
            Played("Mixture", "conversion_mixtures", {}, named, 2),
            Played("Source voice", "voices_clips", {"part": ("voice",)}, ("clip",), 2),
        ),
    )


def _clips(folder: Path) -> "pd.DataFrame":
    """Return the scores of the converted voices; an item is a clip in one condition."""
    from eval.conversion.systems import MAIN

    rows = _rows((MAIN,), folder)
    return rows.assign(item=rows["clip"] + ", " + rows["condition"])
