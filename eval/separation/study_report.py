"""Sections of the separation report on the studies: DDIM steps, noise on the latent, weights, variants, cost.

Each function takes the results of one study and returns the content of its section as blocks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from eval.intervals import median_interval
from eval.metrics.sdr import DEFINITIONS
from eval.report.blocks import Table
from eval.report.curves import Curves, Panel
from eval.report.document import Block
from eval.report.numbers import number
from eval.separation.tables import (
    MAIN,
    by_track,
    digits_of,
    figure,
    heading,
    larger_is_better,
    medians,
    name_of,
    paired_table,
    with_interval,
)

_SPEED = "real-time factor"


def _ordered(metrics: Sequence[str]) -> list[str]:
    """Return the names of metrics without repetition: those of `eval.metrics.sdr` in its order, then the others."""
    there = list(dict.fromkeys(metrics))
    return [one for one in DEFINITIONS if one in there] + [one for one in there if one not in DEFINITIONS]


def steps_blocks(steps: pd.DataFrame) -> list[Block]:
    """Return a chart and a table of quality and speed against the number of DDIM steps.

    Args:
        steps: one row per (number of steps, track, metric), with the columns `steps`, `track`, `metric`, `value` and
            `real_time_factor` (seconds of computing per second of sound).
    """
    metrics = _ordered(steps["metric"].tolist())
    counts = sorted(set(steps["steps"].astype(int)))
    rows, curves = [], {one: [] for one in (*metrics, _SPEED)}
    for count in counts:
        part = steps[steps["steps"] == count]
        found = {one: median_interval(part.loc[part["metric"] == one, "value"].to_numpy(float)) for one in metrics}
        speed = float(part.drop_duplicates("track")["real_time_factor"].median())
        rows.append(
            [str(count), str(part["track"].nunique()), *(with_interval(found[one], one) for one in metrics),
             number(speed)]
        )  # fmt: skip
        for metric in metrics:
            curves[metric].append(found[metric].median)
        curves[_SPEED].append(speed)
    places = list(range(len(counts)))
    groups = [
        ("Ratios, larger is better", "dB", [one for one in metrics if larger_is_better(one)]),
        ("Distances, smaller is better", "distance", [one for one in metrics if not larger_is_better(one)]),
        ("Speed, smaller is faster", _SPEED, [_SPEED]),
    ]
    drawn = [
        Panel(
            title,
            unit,
            places,
            {one: curves[one] for one in names},
            [str(one) for one in counts],
            digits=2 if unit == "dB" else None,
        )
        for title, unit, names in groups
        if names
    ]
    return [
        Curves("How many steps of DDIM are worth their time?", drawn, "steps of DDIM", "Medians over songs."),
        Table(
            "Steps of DDIM: median over songs and 95 % interval",
            ["Steps", "Songs", *map(heading, metrics), "Real-time factor"],
            rows,
            note="Real-time factor: seconds of computing a second of sound, median over songs. One step gives the "
            "mean, as the network has learnt it, of all vocals that the mixture allows.",
        ),
    ]


def noise_blocks(noise: pd.DataFrame) -> list[Block]:
    """Return a chart and a table of the quality of sound that is decoded from a latent with added noise.

    The study shows how exactly latent diffusion must estimate the latent.

    Args:
        noise: one row per (excerpt, setting, metric), with the columns `what` ("vocals" or "mixture"), `quantised`
            (whether the latent was quantised after the noise was added), `snr_db` (signal-to-noise ratio in the latent
            in dB, inf without noise), `metric` and `value`.
    """
    metrics = _ordered(noise["metric"].tolist())
    levels = sorted(set(noise["snr_db"].astype(float)), reverse=True)
    names = ["no noise" if np.isinf(one) else number(one) for one in levels]
    curves: dict[str, dict[str, list[float]]] = {metric: {} for metric in metrics}
    for (what, quantised), part in noise.groupby(["what", "quantised"], sort=False):  # type: ignore[misc]
        wide = part.groupby(["snr_db", "metric"])["value"].median().unstack().reindex(index=levels, columns=metrics)
        for metric in metrics:
            curves[metric][f"{what}, quantised" if quantised else str(what)] = wide[metric].tolist()
    drawn = [
        Panel(heading(metric), "distance" if not larger_is_better(metric) else "dB", list(range(len(levels))),
              curves[metric], names, digits=digits_of(metric))
        for metric in metrics
    ]  # fmt: skip
    return [
        Curves(
            "How exactly must diffusion hit the latent?",
            drawn,
            "signal to noise in the latent, dB",
            "Sound decoded from a latent with noise on it against the sound itself, medians; less noise to the left.",
        ),
        Table(
            "Noise on the latent: median, by the ratio of signal to noise in the latent in dB",
            ["Metric", "Sound", *names],
            [
                [heading(metric), curve, *(figure(one, metric) for one in values)]
                for metric in metrics
                for curve, values in curves[metric].items()
            ],
            words=2,
            note="White Gaussian noise in proportion to the standard deviation of each channel. It needs the codec "
            "only: where the curves fall tells how exactly the diffusion must hit the latent.",
        ),
    ]


def weights_blocks(weights: pd.DataFrame) -> list[Block]:
    """Return a table that compares the moving average of the denoiser's weights with the last weights.

    Args:
        weights: one row per (weights, track, metric), with the columns `weights` (name of the set of weights),
            `track`, `metric` and `value`.
    """
    metrics = _ordered(weights["metric"].tolist())
    rows = []
    for name, part in weights.groupby("weights", sort=False):
        values = {one: part.loc[part["metric"] == one, "value"].to_numpy(float) for one in metrics}
        intervals = [with_interval(median_interval(found), one) for one, found in values.items()]
        rows.append([str(name), str(part["track"].nunique()), *intervals])
    return [
        Table(
            "Weights of the denoiser: median over excerpts and 95 % interval",
            ["Weights", "Songs", *map(heading, metrics)],
            rows,
            note="Excerpts of at most 10 s with the most singing; the same noise for both.",
        )
    ]


def variants_blocks(variants: Mapping[str, pd.DataFrame]) -> list[Block]:
    """Return the scores of latent diffusion in each variant, and paired differences of the first and each other one.

    Args:
        variants: rows of scores.parquet (`eval.separation.score.write_scores`) by name of the variant. Of each, only
            the system "diffusion" on the test songs is used.
    """
    frames = [frame[frame["system"] == MAIN].assign(system=name) for name, frame in variants.items()]
    scores = pd.concat(frames, ignore_index=True)
    tracks = by_track(scores)
    found = medians(tracks)
    metrics = [one for one in tracks.columns if one not in ("system", "track", "errata")]
    rows = [
        [name, str(max(one.count for one in values.values())), *(with_interval(values[one], one) for one in metrics)]
        for name, values in found.items()
    ]
    first, *others = variants
    blocks: list[Block] = [
        Table(
            "Variants of latent diffusion: median over songs and 95 % interval",
            ["Variant", "Songs", *map(heading, metrics)],
            rows,
            lead=5,
        )
    ]
    return [*blocks, paired_table(tracks, first, others, {one: one for one in variants})] if others else blocks


def cost_blocks(cost: Mapping[str, Any]) -> list[Block]:
    """Return a table of computing time and memory of each system.

    Args:
        cost: content of cost.json (`models.separation.cost`): "device", "threads", and "systems", which maps the name
            of a system to its "real_time_factor" (seconds of computing per second of sound), "first_sound_seconds"
            (seconds until the first output) and "memory" (peak memory in MiB, by length of the sound in seconds).
    """
    systems: Mapping[str, Mapping[str, Any]] = cost["systems"]
    lengths = sorted({float(one) for results in systems.values() for one in results["memory"]})
    rows = []
    for system, results in systems.items():
        memory = {float(length): float(one) for length, one in results["memory"].items()}
        rows.append(
            [name_of(system), number(results["real_time_factor"]), number(results["first_sound_seconds"]),
             *(f"{memory[one]:,.0f}" if one in memory else "–" for one in lengths)]
        )  # fmt: skip
    return [
        Table(
            "What separating costs",
            ["System", "Real-time factor", "First sound, s", *(f"MiB, {one:g} s" for one in lengths)],
            rows,
            note="Real-time factor: seconds of computing a second of sound, smaller is faster. First sound: from the "
            "call to the first separated sample. MiB: memory at the peak, by the length of the song; it does not grow "
            f"with the song if the columns agree. Measured on {cost['device']} with {float(cost['threads']):.0f} "
            "threads.",
        )
    ]
