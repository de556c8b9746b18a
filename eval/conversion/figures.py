"""Charts of the conversion report: curves over conditions, layer weights, and F0 curves over each other."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from eval.conversion.measures import MEASURES, there_in
from eval.conversion.systems import GRID, TEST, condition_name, conditions_of, name_of, scored, systems_of
from eval.report.curves import Curves, Panel
from eval.report.spreads import Spread

_MOST_SECONDS = 8.0


def condition_charts(scores: pd.DataFrame, measures: Sequence[str], what: str) -> list[Curves]:
    """Return one chart of measures against the SNR, a curve per system; nothing with fewer than two conditions.

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
    panels = []
    for measure in there:
        means = part.groupby(["system", "condition"])[measure].mean().unstack()
        means = means.reindex(index=systems_of(part), columns=shown).dropna(how="all")
        curves = {name_of(str(system)): row.to_numpy(float) for system, row in means.iterrows()}
        one = MEASURES[measure]
        unit = f"{one.better} is better" if one.better else one.heading
        ticks = [condition_name(condition) for condition in shown]
        panels.append(Panel(one.heading, unit, list(range(len(shown))), curves, ticks, digits=one.digits))
    question = f"How much does accompaniment harm the {what}?"
    return [Curves(question, panels, "voice to accompaniment", "Means over test clips.")]


def distribution_charts(scores: pd.DataFrame, measure: str, condition: str) -> list[Spread]:
    """Return a chart of one measure over test clips, a box per system, a point per clip; nothing without values."""
    part = scored(scores, TEST, [condition]) if len(scores) else scores
    if not len(part) or not there_in(part, (measure,)):
        return []
    values = {
        name_of(system): dict(zip(mine["clip"].astype(str), mine[measure].astype(float), strict=True))
        for system in systems_of(part)
        for mine in [part[part["system"] == system]]
    }
    one = MEASURES[measure]
    unit = f"{one.heading}{f' ({one.better} is better)' if one.better else ''}"
    question = f"How much does {one.heading} differ from clip to clip, {condition_name(condition)}?"
    return [Spread(question, unit, values, "clip", one.digits)]


def layer_chart(weights: pd.DataFrame) -> Curves:
    """Return the weights that the extractor gives to the layers of its encoder, before and after fine-tuning.

    Args:
        weights: one row per (encoder, stage, layer), with the columns `encoder`, `stage` (such as "before" and
            "after"), `layer` (0 is the output of the convolutions) and `weight`.
    """
    panels = []
    for encoder, part in weights.groupby("encoder", sort=False):
        wide = part.pivot(index="layer", columns="stage", values="weight")
        curves = {f"{stage} fine-tuning": wide[stage].to_numpy(float) for stage in dict.fromkeys(part["stage"])}
        layers = [int(one) for one in wide.index]
        panels.append(Panel(str(encoder), "weight", layers, curves, [str(one) for one in layers], digits=3))
    note = "Layer 0 is the output of the convolutions; a curve sums to 1."
    return Curves("Which layers of the encoder does the extractor listen to?", panels, "layer", note)


def f0_charts(clips: Mapping[str, Mapping[str, np.ndarray]], note: str) -> list[Curves]:
    """Return F0 curves over each other, a panel per clip, the first 8 seconds; nothing without clips.

    Args:
        clips: for each panel its curves by name: F0 in Hz on the melody grid (100 frames per second), 0 where
            unvoiced. The first curve is the source.
        note: text below the chart.
    """
    panels = []
    for title, curves in clips.items():
        count = min(int(100 * _MOST_SECONDS), *(len(one) for one in curves.values()))
        shown = {name: np.where(one[:count] > 0, one[:count], np.nan) for name, one in curves.items()}
        panels.append(Panel(title, "F0, Hz", (np.arange(count) / 100).tolist(), shown, digits=0))
    question = "Does the converted voice follow the melody of the source?"
    return [Curves(question, panels, "second", note, wide=True, marked=False)] if panels else []
