"""Plots of the conversion report: curves over conditions, layer weights, and F0 curves over each other."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from eval.conversion.measures import MEASURES, figure, there_in
from eval.conversion.systems import GRID, TEST, condition_name, conditions_of, name_of, scored, systems_of
from eval.report.document import Picture
from eval.report.figures import Panel, distributions, panels, png

_MOST_SECONDS = 8.0


def condition_picture(scores: pd.DataFrame, measures: Sequence[str], what: str) -> list[Picture]:
    """Return one picture of measures against the SNR, a curve per system; nothing with fewer than two conditions.

    Args:
        scores: table of melody or conversion scores.
        measures: columns, a panel each.
        what: what is scored, in words.
    """
    part = scored(scores, TEST) if len(scores) else scores
    shown = conditions_of(part, GRID) if len(part) else []
    there = there_in(part, tuple(measures)) if shown else []
    if len(shown) < 2 or not there:
        return []
    drawn, told = [], []
    for measure in there:
        means = part.groupby(["system", "condition"])[measure].mean().unstack()
        means = means.reindex(index=systems_of(part), columns=shown).dropna(how="all")
        curves = {name_of(str(system)): row.to_numpy(float) for system, row in means.iterrows()}
        better = MEASURES[measure].better
        unit = f"{better} is better" if better else MEASURES[measure].heading
        ticks = [condition_name(one) for one in shown]
        drawn.append(Panel(MEASURES[measure].heading, unit, list(range(len(shown))), curves, ticks))
        told += [
            f"{MEASURES[measure].heading}, {name}: "
            + ", ".join(f"{tick} {figure(float(one), measure)}" for tick, one in zip(ticks, values, strict=True))
            for name, values in curves.items()
        ]
    return [
        Picture(
            png(panels(drawn, "voice to accompaniment", columns=min(3, len(drawn)))),
            f"Curves of the {what} from clean to 0 dB. {'; '.join(told)}",
            f"The {what} with more and more accompaniment: means over test clips.",
        )
    ]


def distribution_pictures(scores: pd.DataFrame, measure: str, condition: str) -> list[Picture]:
    """Return box plots of one measure over test clips, one box per system; nothing if there are no values."""
    part = scored(scores, TEST, [condition]) if len(scores) else scores
    if not len(part) or not there_in(part, (measure,)):
        return []
    values = {
        name_of(one): np.asarray(part.loc[part["system"] == one, measure], float)
        for one in systems_of(part)
        if np.isfinite(np.asarray(part.loc[part["system"] == one, measure], float)).any()
    }
    heading = MEASURES[measure].heading
    told = ", ".join(f"{name} {figure(float(np.nanmedian(one)), measure)}" for name, one in values.items())
    drawn = distributions(values, f"{heading}, {condition_name(condition)}, a point a clip", heading)
    return [
        Picture(
            png(drawn), f"Box plots of {heading} by system; medians: {told}", f"{heading}: distribution over clips."
        )
    ]


def layer_picture(weights: pd.DataFrame) -> Picture:
    """Return the weights that the extractor gives to the layers of its encoder, before and after fine-tuning.

    Args:
        weights: one row per (encoder, stage, layer), with the columns `encoder`, `stage` (such as "before" and
            "after"), `layer` (0 is the output of the convolutions) and `weight`.
    """
    drawn, told = [], []
    for encoder, part in weights.groupby("encoder", sort=False):
        wide = part.pivot(index="layer", columns="stage", values="weight")
        stages = list(dict.fromkeys(part["stage"]))
        curves = {f"{stage} fine-tuning": wide[stage].to_numpy(float) for stage in stages}
        layers = [int(one) for one in wide.index]
        drawn.append(Panel(str(encoder), "weight", layers, curves, [str(one) for one in layers]))
        for stage in stages:
            listed = ", ".join(f"{layer}: {weight:.3f}" for layer, weight in wide[stage].items())
            told.append(f"{encoder}, {stage}: {listed}")
    return Picture(
        png(panels(drawn, "layer", columns=min(3, len(drawn)))),
        f"Weights of the layers of each encoder. {'; '.join(told)}",
        "Weights of the encoder's layers; layer 0 is the output of its convolutions; a curve sums to 1.",
    )


def f0_picture(clips: Mapping[str, Mapping[str, np.ndarray]], caption: str) -> list[Picture]:
    """Return F0 curves over each other, a panel per clip, the first 8 seconds; nothing without clips.

    Args:
        clips: for each panel its curves by name: F0 in Hz on the melody grid (100 frames per second), 0 where
            unvoiced. The first curve is the source.
        caption: text below the picture.
    """
    drawn, told = [], []
    for title, curves in clips.items():
        count = min(int(100 * _MOST_SECONDS), *(len(one) for one in curves.values()))
        shown = {name: np.where(one[:count] > 0, one[:count], np.nan) for name, one in curves.items()}
        drawn.append(Panel(title, "F0, Hz", (np.arange(count) / 100).tolist(), shown))
        known = {name: one for name, one in shown.items() if np.isfinite(one).any()}
        middle = ", ".join(f"{name} {np.nanmedian(one):.0f} Hz" for name, one in known.items())
        told.append(f"{title}: {middle or 'nothing voiced'}")
    if not drawn:
        return []
    alt = f"Curves of F0 over time, gaps where unvoiced. Medians: {'; '.join(told)}"
    return [Picture(png(panels(drawn, "second", columns=1, marker=False)), alt, caption)]
