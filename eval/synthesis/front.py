"""The front of the synthesis report."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from eval.acceptance import Criterion
from eval.intervals import mean_interval
from eval.report.blocks import Players
from eval.report.front import Front, Number, champion_sentence, verdict
from eval.report.numbers import number_of, percent, with_interval
from eval.synthesis.acceptance import by_note, loss_ratio
from eval.synthesis.report_input import Study
from eval.synthesis.tables import name_of

_PLAYED = ("recording", "sing", "nearest_pitch", "silence")


def front_of(study: Study, found: Mapping[str, Criterion], control: Mapping[str, float], order: list[str]) -> Front:
    """Return the front of the report.

    Args:
        study: the input of the report.
        found: the checks on the test notes.
        control: numbers on what the labels control (`eval.synthesis.sweeps`).
        order: the test notes from the worst to the best.
    """
    test = study.all_scores[study.all_scores["split"] == "test"]
    middle = order[len(order) // 2 : len(order) // 2 + 1]
    names = [one for one in _PLAYED[:3] if any((one, note) in study.sounds for note in middle)]
    rows = [(note, [study.clip(one, note) for one in names]) for note in middle]
    heard = control.get("instrument heard", float("nan"))
    chance = control.get("instrument heard by chance", float("nan"))
    known = np.isfinite([heard, chance]).all()
    told = Criterion(
        bool(heard >= 2 * chance), heard, 2 * chance,
        "share of swept notes whose instrument is recognised (asked: twice chance)", "", required=False,
    )  # fmt: skip
    notes, instruments = test["note"].nunique(), test["instrument_name"].nunique()
    return Front(
        f"SING was trained on {study.provenance['data']} (preset {study.provenance['preset']}; "
        f"{study.provenance['notes']} notes) and judged on {number_of(notes, 'note')} of "
        f"{number_of(instruments, 'instrument')} whose pair of instrument and pitch it had not heard.",
        [
            *_numbers(test),
            *([Number("instrument recognised (chance)", f"{percent(heard)} ({percent(chance)})")] if known else []),
        ],
        verdict({**found, **({"instrument_recognised": told} if known else {})}, "SING"),
        champion_sentence(study.champions, study.provenance.get("model fingerprint", "")),
        Players("A typical note", [name_of(one) for one in names], rows) if names else None,
    )


def _numbers(test: pd.DataFrame) -> list[Number]:
    """Return the numbers on the test notes."""
    losses, found = by_note(test, "spectral"), []
    for other, label in (
        ("silence", "spectral loss divided by silence's"),
        ("nearest_pitch", "spectral loss divided by the nearest copy's"),
    ):
        one = loss_ratio(losses, "sing", other)
        if one.count:
            found.append(Number.of(label, with_interval(one.mean, one.low, one.high)))
    sing = test[test["system"] == "sing"]
    tuned = mean_interval(sing["in_tune"].to_numpy(float), sing["instrument"].tolist())
    if tuned.count:
        told = percent(tuned.mean, tuned.low, tuned.high, interval=True)
        found.append(Number.of("notes within 50 cents", told))
    return found
