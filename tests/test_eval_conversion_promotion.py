"""Promotion looks at validation clips only, asks for evidence, and compares with the champion on the same clips."""

import numpy as np
import pandas as pd
import pytest

from eval.conversion.acceptance import Bounds
from eval.conversion.promotion import Promotion, promotion_criteria

NOTHING = pd.DataFrame()


def scores(cents: float = 50.0, target: float = 0.8, split: str = "valid", clips: range = range(4)) -> pd.DataFrame:
    rows = [
        {"system": "proposed", "clip": f"c{number}", "condition": condition, "singer": "s", "song": "", "split": split,
         "f0_rmse_cents_keyfree": cents + number, "f0_corr": 0.95, "voicing_recall": 0.95, "nearer": 1.0,
         "speaker_target": target, "speaker_source": 0.5, "speaker_encoder": "toy", "reason": None}
        for number in clips
        for condition in ("clean", "snr0")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def promoted(challenger: pd.DataFrame, champion: pd.DataFrame | None, promotion: Promotion | None = None) -> bool:
    found = promotion_criteria(challenger, NOTHING, promotion or Promotion(), champion)
    return all(one.passed for one in found.values() if one.required)


def test_the_first_good_system_is_promoted():
    found = promotion_criteria(scores(), NOTHING, Promotion(), None)
    assert promoted(scores(), None)
    assert not found["beats_baselines"].required
    assert not found["melody_clean"].required
    assert "there is none yet" in found["in_tune_as_champion"].meaning


def test_test_clips_play_no_part():
    both = pd.concat([scores(), scores(cents=1e4, target=-1.0, split="test")])
    assert promoted(both, None)
    assert not promoted(pd.concat([scores(cents=1e4), scores(split="test")]), None)
    assert not promoted(scores(split="test"), None)
    # A champion that was only judged on test clips was judged on other clips.
    found = promotion_criteria(scores(), NOTHING, Promotion(), scores(cents=1, split="test"))
    assert found["in_tune_as_champion"].passed
    assert "judged on other clips" in found["in_tune_as_champion"].meaning


@pytest.mark.parametrize(
    ("challenger", "failing"),
    [
        (scores(cents=51), "in_tune_as_champion"),
        (scores(target=0.77), "sounds_as_champion"),
        (scores(cents=80), "in_tune"),
        (scores().assign(f0_corr=0.8), "keeps_melody"),
        (scores().assign(nearer=0.0), "sounds_like_target"),
        (scores().assign(f0_rmse_cents_keyfree=np.nan), "in_tune_as_champion"),
    ],
)
def test_each_required_criterion_can_keep_the_champion(challenger, failing):
    found = promotion_criteria(challenger, NOTHING, Promotion(), scores())
    assert not found[failing].passed
    assert found[failing].required
    assert not promoted(challenger, scores())


def test_the_comparison_is_on_the_clips_both_have():
    champion = pd.concat([scores(clips=range(2, 4)), scores(cents=1.0, clips=range(4, 9))])
    found = promotion_criteria(scores(), NOTHING, Promotion(), champion)["in_tune_as_champion"]
    assert (found.found, found.passed) == (1.0, True)
    better = promotion_criteria(scores(cents=40, target=0.9), NOTHING, Promotion(), scores())
    assert better["in_tune_as_champion"].found == pytest.approx(41.5 / 51.5)
    assert better["sounds_as_champion"].found == pytest.approx(-0.1)


def test_bounds_can_be_set():
    lenient = Promotion(Bounds(keyfree_cents=200), worse=2.0)
    assert promoted(scores(cents=90, target=0.9), scores(), lenient)
    assert not promoted(scores(cents=110, target=0.9), scores(), lenient)
    everything = Promotion(required=("beats_baselines",))
    assert not promoted(scores(), None, everything)
    assert not promoted(NOTHING, None)


@pytest.mark.parametrize(
    ("challenger", "better"),
    [
        (scores(cents=45), True),
        (scores(target=0.85), True),
        (scores(), False),
        (scores(cents=49.99).assign(f0_rmse_cents_keyfree=[20.0, 20.0, 51.0, 51.0, 52.0, 52.0, 53.0, 53.0]), False),
    ],
    ids=["in melody", "in likeness", "in nothing", "on one clip, by luck"],
)
def test_a_champion_is_replaced_by_what_is_clearly_better(challenger, better):
    found = promotion_criteria(challenger, NOTHING, Promotion(), scores())["better_than_champion"]
    assert (found.passed, found.required) == (better, True)
    assert "all of one interval" in found.meaning
