"""Promotion asks what it says it asks, and absence of evidence promotes nothing."""

import numpy as np
import pandas as pd
import pytest

from eval.synthesis.acceptance import Bounds, acceptance_criteria

BOUNDS = Bounds(silence_ratio=0.6, nearest_required=True, pitch_accuracy=0.9)


def scores(sing: float = 0.05, tuned: float = 1.0, count: int = 10, start: int = 0, **others: float) -> pd.DataFrame:
    """Test notes with these losses, and notes of other splits on which everything is the other way round."""
    systems = {"sing": sing, "silence": 0.1, "nearest_pitch": 0.07} | others
    test = [
        {"system": system, "note": f"n{start + number}", "instrument": number // 2, "split": "test", "spectral": loss,
         "in_tune": tuned}
        for system, loss in systems.items()
        for number in range(count)
    ]  # fmt: skip
    others = [{**row, "note": f"{split}-{row['note']}", "split": split, "spectral": 1 - row["spectral"],
               "in_tune": 1 - row["in_tune"]} for row in test for split in ("train", "valid")]  # fmt: skip
    return pd.DataFrame(test + others)


def passed(frame: pd.DataFrame, champion: pd.DataFrame | None = None) -> dict[str, bool]:
    return {name: one.passed for name, one in acceptance_criteria(frame, BOUNDS, champion).items()}


def test_a_good_model_passes_all():
    assert passed(scores()) == dict.fromkeys(
        ("complete", "better_than_silence", "better_than_nearest_pitch", "in_tune", "better_than_champion"), True
    )


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({"sing": 0.061}, "better_than_silence"),
        ({"sing": 0.05, "nearest_pitch": 0.05}, "better_than_nearest_pitch"),
        ({"tuned": 0.89}, "in_tune"),
        ({"tuned": np.nan}, "in_tune"),
        ({"sing": np.nan}, "better_than_silence"),
    ],
)
def test_each_bound_is_asked(change, failing):
    assert not passed(scores(**change))[failing]


def test_the_champion_is_compared_on_the_notes_both_have():
    champion = scores(sing=0.049, count=6)
    found = acceptance_criteria(scores(sing=0.0489), BOUNDS, champion)["better_than_champion"]
    assert found.passed
    assert found.found == pytest.approx(0.0489 / 0.049)
    for worse in (0.049, 0.05):
        assert not passed(scores(sing=worse), champion)["better_than_champion"]


def test_failed_verdicts_advise():
    for one in acceptance_criteria(scores(sing=1.0, tuned=0.0), BOUNDS, None).values():
        assert one.advice
        assert one.meaning


def test_a_note_that_is_missing_fails_the_model():
    frame = scores()
    frame.loc[(frame["system"] == "sing") & (frame["note"] == "n3"), "spectral"] = np.nan
    found = acceptance_criteria(frame, BOUNDS, None)["complete"]
    assert (found.passed, found.found) == (False, pytest.approx(0.9))


def test_a_champion_of_other_notes_stands_in_nobodys_way():
    found = acceptance_criteria(scores(), BOUNDS, scores(sing=0.01, start=100))["better_than_champion"]
    assert found.passed
    assert "the data changed" in found.meaning


def test_what_is_not_required_can_fail_without_consequence():
    lenient = Bounds(silence_ratio=0.6, nearest_required=False, pitch_accuracy=0.9)
    found = acceptance_criteria(scores(nearest_pitch=0.02), lenient, None)["better_than_nearest_pitch"]
    assert (found.passed, found.required, found.bound) == (False, False, 1.0)


def test_promotion_looks_at_validation_notes_only():
    found = acceptance_criteria(scores(), BOUNDS, split="valid")
    assert found["better_than_silence"].found == pytest.approx(0.95 / 0.9)
    assert not found["in_tune"].passed
    assert "validation notes" in found["complete"].meaning


def test_better_by_luck_is_not_better():
    """Better on the mean of 5 instruments, because of one of them: the interval reaches beyond 1."""
    frame = scores()
    lucky = (frame["system"] == "sing") & (frame["split"] == "test") & (frame["instrument"] != 0)
    frame.loc[lucky, "spectral"] = 0.072
    found = acceptance_criteria(frame, BOUNDS)["better_than_nearest_pitch"]
    assert found.found < 1
    assert not found.passed


def test_the_share_of_silence_is_asked_only_where_a_copy_need_not_be_beaten():
    for required in (True, False):
        bounds = Bounds(0.6, required, 0.9)
        assert acceptance_criteria(scores(), bounds)["better_than_silence"].required != required
