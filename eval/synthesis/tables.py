"""Tables of the synthesis report, made from data frames of scores.

The data frames have the columns of scores.parquet (`eval.synthesis.score.write_scores`). Table cells are text: a mean
with its 95 % interval in brackets, a dash where nothing is published, and "no value" where nothing could be measured.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from eval.intervals import Interval
from eval.report.blocks import Table
from eval.report.naming import with_setting
from eval.report.numbers import UNKNOWN, chance, number, percent, with_interval
from eval.report.palette import Palette
from eval.synthesis.acceptance import by_note, loss_ratio
from eval.synthesis.note_metrics import LARGER_IS_BETTER, METRICS
from eval.synthesis.paper_results import SING_TABLE_1, SING_TABLE_2
from eval.table import Items, Metric, compare_systems, interval_of, summarise

NAMES = {
    "recording": "Recording",
    "sing": "SING",
    "harmonic": "Harmonic (beyond the paper)",
    "autoencoder": "Autoencoder (stage 1, hears the note)",
    "harmonic_autoencoder": "Harmonic autoencoder (stage 1, hears the note)",
    "nearest_pitch": "Copy of nearest training note",
    "silence": "Silence",
    "wavenet": "WaveNet autoencoder (hears the note)",
    "griffin_lim": "Griffin-Lim (oracle magnitudes)",
}
SHOWN = (
    "sing", "harmonic", "nearest_pitch", "silence", "wavenet", "autoencoder", "harmonic_autoencoder", "griffin_lim",
)  # fmt: skip
BEYOND = ("harmonic",)  # variants beyond the paper, whose systems have names of their own in the scores
BOUNDS = ("recording", "silence", "griffin_lim")
SETTINGS = {"spectral": "spectral loss", "waveform": "waveform loss", "no_time_embedding": "no time embedding"}
VARIANT_NAMES = {"spectral": "", "waveform": "", "no_time_embedding": ", no time embedding"}
HEADINGS = {
    "spectral": "Spectral loss",
    "multi_resolution": "Multi-res. STFT",
    "waveform_mse": "Waveform MSE",
    "waveform_l1": "Waveform L1",
    "pitch_error": "Pitch error, cents",
    "in_tune": "In tune",
    "pitch_accuracy": "Frames in tune",
    "loudness_error": "Loudness error, dB",
}


_LEADING = ("spectral", "in_tune", "pitch_error")  # the metrics that matter most
_ORDER = (*_LEADING, *(one for one in METRICS if one not in _LEADING))


EMBEDDED = "embedded synthetic notes"  # what a report calls notes that this program made
NOT_COMPARABLE = "embedded notes: not comparable"


def name_of(system: str, *, told: bool = False) -> str:
    """Return the display name of a system, with its setting; the name itself for a system that is not known here.

    Args:
        system: name of the system in the scores.
        told: whether to add in brackets what it is.
    """
    name, _, more = NAMES.get(system, system).partition(" (")
    return with_setting(system, name) + (f" ({more}" if told and more else "")


def palette_of(scores: pd.DataFrame) -> Palette:
    """Return the looks of the systems in a frame of scores; SING is the first, bounds are grey."""
    there = set(scores["system"])
    systems = [one for one in SHOWN if one in there and one not in BOUNDS]
    return Palette([name_of(one) for one in systems], [name_of(one) for one in BOUNDS])


def cell(one: Interval | None) -> str:
    """Return "mean [low, high]", with the number of measured items if some are missing; "no value" without items."""
    if one is None or not one.count:
        return UNKNOWN
    counted = f", {one.count} of {one.count + one.missing}" if one.missing else ""
    return f"{with_interval(one.mean, one.low, one.high)}{counted}"


def systems_table(scores: pd.DataFrame) -> Table:
    """Return the table of all metrics of all systems on the test notes.

    Args:
        scores: scores of SING, its autoencoder and the baselines.
    """
    test = scores[scores["split"] == "test"]
    summary = summarise(test, list(METRICS), group="instrument")
    headings, rows = [HEADINGS[metric] for metric in _ORDER], []
    headings.insert(1, "Spectral loss divided by silence's")
    losses = by_note(test, "spectral")
    for system in SHOWN:
        found = [interval_of(summary, metric, system=system) for metric in _ORDER]
        if found[0] is not None:
            pitched = next(one.count for name, one in zip(_ORDER, found, strict=True) if name == "in_tune" and one)
            shown = [*map(cell, found)]
            shown.insert(1, cell(loss_ratio(losses, system, "silence")))
            rows.append([name_of(system, told=True), str(found[0].count), str(pitched), *shown])
    return Table(
        "Unseen (instrument, pitch) pairs: mean and 95 % interval",
        ["System", "Notes", "Pitched", *headings],
        rows,
        note="Smaller is better but for “in tune” and “frames in tune”. Intervals: bootstrap over instruments. "
        "“n of N”: the metric does not apply to the other notes (a pitch "
        "error needs a pitch, loudness a sound). Systems that hear the note rebuild it; SING knows only labels, and so "
        "does Harmonic.",
        lead=7,
    )


def paired_table(scores: pd.DataFrame, system: str = "sing") -> Table:
    """Return the table of paired differences between a system and each other one on the same test notes.

    Args:
        scores: scores of SING and the other systems.
        system: name of the system, a key of `NAMES`.
    """
    name, others = name_of(system), [one for one in SHOWN if one != system]
    test = scores[scores["split"] == "test"]
    rows = []
    for metric in ("spectral", "multi_resolution", "in_tune"):
        smaller = metric not in LARGER_IS_BETTER
        found = compare_systems(test, system, others, Metric(metric, smaller), Items("note", "instrument"))
        for one in found.to_dict("records"):
            rows.append(
                [
                    HEADINGS[metric],
                    name_of(one["baseline"]),
                    str(one["count"]),
                    _difference(one),
                    chance(one["p"]),
                    percent(one["better"]),
                ]
            )
    return Table(
        f"{name} minus each other system, note by note",
        ["Metric", "Other system", "Notes", "Difference [95 %]", "p (Holm)", f"{name} better on"],
        rows,
        words=2,
        note="Two-sided Wilcoxon signed-rank test over instruments, adjusted for the number of systems.",
    )


def _difference(one: Mapping[Hashable, Any]) -> str:
    """Return the difference in a row of `eval.table.compare_systems`, with its interval, as text."""
    return with_interval(one["difference"], one["low"], one["high"], digits=3, signed=True)


def in_use_table(experiment: pd.DataFrame, in_use: pd.DataFrame) -> Table:
    """Return the table of paired differences between an experiment and the model in use on the same test notes.

    Args:
        experiment: scores of the experiment; only the system "sing" is used.
        in_use: scores of the model in use; only the system "sing" is used.
    """
    named = [
        scores[(scores["system"] == "sing") & (scores["split"] == "test")].assign(system=name)
        for name, scores in (("experiment", experiment), ("in use", in_use))
    ]
    both, rows = pd.concat(named, ignore_index=True), []
    for metric in ("spectral", "multi_resolution", "in_tune"):
        smaller = metric not in LARGER_IS_BETTER
        found = compare_systems(both, "experiment", ["in use"], Metric(metric, smaller), Items("note", "instrument"))
        for one in found.to_dict("records"):
            cells = [str(one["count"]), _difference(one), chance(one["p"]), percent(one["better"])]
            rows.append([HEADINGS[metric], *cells])
    return Table(
        "This experiment minus the model in use, note by note",
        ["Metric", "Notes", "Difference [95 %]", "p", "Experiment better on"],
        rows,
        note="Two-sided Wilcoxon signed-rank test over instruments.",
    )


def paper_tables(
    by_variant: Mapping[str, pd.DataFrame], cost: Mapping[str, float | str], measured_on: str, *, comparable: bool
) -> list[Table]:
    """Return the tables of the SING paper with the values measured here; the arguments are those of each table."""
    return [table_1(by_variant, measured_on, comparable=comparable), table_2(cost)]


def table_1(by_variant: Mapping[str, pd.DataFrame], measured_on: str, *, comparable: bool) -> Table:
    """Return Table 1 of the SING paper (losses), with the values measured by this project in extra columns.

    Args:
        by_variant: scores of each trained variant, by its name (keys of `VARIANT_NAMES`).
        measured_on: data and preset of the measurement, for the note of the table.
        comparable: whether results on these notes may stand beside published ones; if not, the table shows
            `NOT_COMPARABLE` instead of them.
    """
    rows = []
    for row in SING_TABLE_1:
        name = ("SING" if row.system == "sing" else "Autoencoder") + VARIANT_NAMES[row.variant]
        published = [row.spectral_train, row.spectral_test, row.mse_train, row.mse_test]
        mine = _measured(by_variant.get(row.variant), row.system) if comparable else [NOT_COMPARABLE]
        rows.append([name, row.training_loss, *map(number, published), *mine])
    losses = ("spectral train", "spectral test", "MSE train", "MSE test")
    return Table(
        "SING, Table 1: losses on training and on unseen pairs",
        [
            "Model", "Trained on",
            *(f"{what}, published" for what in losses),
            *((f"{what}, here" for what in losses) if comparable else ["here"]),
        ],
        rows,
        words=2,
        note="Published: paper size, about 231,000 training notes of NSynth (inferred), 120 GPU hours. Here: "
        f"{measured_on}; all test notes, a sample of the training notes. The columns show the order of systems, not "
        "a contest: other data, other sizes.",
    )  # fmt: skip


def _measured(scores: pd.DataFrame | None, system: str) -> list[str]:
    """Return the cells of one model: spectral loss and waveform MSE, each on training and on test notes."""
    if scores is None:
        return ["not trained"] * 4
    mine = scores[scores["system"] == system]
    return [
        number(float(mine[mine["split"] == split][metric].mean()))
        for metric in ("spectral", "waveform_mse")
        for split in ("train", "test")
    ]


def table_2(cost: Mapping[str, float | str]) -> Table:
    """Return Table 2 of the SING paper (cost), with the values measured by this project in extra columns.

    Args:
        cost: content of cost.json (`models.synthesis.cost.write_cost`).
    """
    prefixes = {"wavenet": "WaveNet", "sing": "SING"}
    rows = []
    for row in SING_TABLE_2:
        figures = ("training hours", "seconds of audio per second", "compression", "MiB")
        named = [f"{prefixes.get(row.system, '')} {what}" for what in figures]
        mine = [number(float(cost[name])) if name in cost else "–" for name in named]
        published = [row.training_gpu_hours, row.generation, row.compression, row.megabytes]
        mos = f"{row.mos[0]} ± {row.mos[1]}"
        rows.append([name_of(row.system), mos, *map(number, published), *mine])
    columns = ("training", "generation", "compression", "size")
    wavenet = "This preset trains no WaveNet."
    if "WaveNet MiB" in cost:
        wavenet = "The WaveNet here is small, trained for minutes: it says nothing of WaveNets at their published size."
    return Table(
        "SING, Table 2: cost",
        ["Model", "MOS, published", *(f"{one}, published" for one in columns), *(f"{one}, here" for one in columns)],
        rows,
        note=f"Training: hours times GPUs published, hours on this machine here. Generation: seconds of audio a "
        "second, "
        f"published on one GPU (a P100, not verified) at a batch not told; here on {cost['device']} with "
        f"{cost['threads']:.0f} threads, batch {cost['batch']:.0f}. Size: published MB are MiB of float32 weights for "
        f"SING and seem to include optimiser state for the WaveNet (inferred); here MiB of float32 weights. {wavenet}",
    )


def control_table(results: Mapping[str, float]) -> Table:
    """Return the table of disentanglement scores, with the meaning of each.

    Args:
        results: content of control.json (`eval.synthesis.sweeps.write_disentanglement`).
    """
    meanings = {
        "pitch follows": "share of swept notes within 50 cents of the pitch asked for",
        "instrument heard": "share of swept notes whose nearest recorded notes are of the instrument asked for",
        "instrument heard in recordings": "the same for real test notes: the ceiling of this listener",
        "instrument heard by chance": "the same by guessing",
        "median cents moved by the instrument": "standard deviation of pitch over all swept instruments at one pitch, "
        "median over the pitches",
        "monotonicity of interpolations": "rank correlation of mixing weight and progress from one timbre to the other",
        "worst cents on interpolations": "largest pitch error between two instruments, of those that keep a pitch",
        "interpolations that lose their pitch": "number of interpolations on which some step has no pitch",
    }
    rows = [[name, meanings[name], number(results[name])] for name in meanings if name in results]
    return Table("Does each control do its own thing?", ["Score", "Meaning", "Value"], rows, words=2)


def values_table(caption: str, results: Mapping[str, object], note: str = "") -> Table:
    """Return a table of names and values."""
    rows = [[name, number(value) if isinstance(value, float) else str(value)] for name, value in results.items()]
    return Table(caption, ["What", "Value"], rows, note=note)
