"""The choice between separation systems: by validation songs, with evidence, and never by luck."""

import numpy as np
import pandas as pd
import pytest

from eval.separation.promotion import best_system, promotion_criteria


def scores(usdr: dict[str, list[float]], split: str = "valid") -> pd.DataFrame:
    """Scores of the vocals by system and song; the specific loudness error falls as the uSDR rises."""
    return pd.DataFrame(
        [
            {"system": system, "track": f"{split} {number}", "split": split, "source": "vocals", "metric": metric,
             "value": value, "errata": ""}
            for system, values in usdr.items()
            for number, one in enumerate(values)
            for metric, value in (("uSDR", one), ("specific loudness error", 1 - one / 10))
        ]
    )  # fmt: skip


NOTHING = [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]


def above(gain: float) -> list[float]:
    return [one + gain + 0.1 * (place % 2) for place, one in enumerate(NOTHING)]


def passed(frame: pd.DataFrame, system: str, champion: pd.DataFrame | None = None) -> dict[str, bool]:
    return {name: one.passed for name, one in promotion_criteria(frame, system, champion).items()}


def test_the_best_on_validation_songs_challenges_whatever_the_test_songs_say():
    valid = scores({"mixture": NOTHING, "masks": above(4), "diffusion": above(2)})
    test = scores({"mixture": NOTHING, "masks": above(1), "diffusion": above(6)}, "test")
    frame = pd.concat([valid, test], ignore_index=True)
    assert best_system(frame) == "masks"
    assert all(passed(frame, "masks").values())


def test_a_song_that_is_missing_counts_as_nothing_done_and_fails():
    lost = above(4)
    lost[0] = np.nan
    frame = scores({"mixture": NOTHING, "masks": lost, "diffusion": above(3.6)})
    assert best_system(frame) == "diffusion"
    assert not passed(frame, "masks")["complete"]


def test_a_gain_on_one_song_is_luck():
    lucky = list(NOTHING)
    lucky[0] += 8
    found = promotion_criteria(scores({"mixture": NOTHING, "masks": lucky}), "masks", None)
    assert found["better_than_mixture"].found == pytest.approx(1.0)
    assert not found["better_than_mixture"].passed
    assert not found["heard_better_than_mixture"].passed


def test_the_champion_is_met_on_the_songs_both_have():
    frame = scores({"mixture": NOTHING, "masks": above(4)})
    for gain, better in ((3.0, True), (4.0, False), (5.0, False)):
        assert passed(frame, "masks", scores({"diffusion": above(gain)}))["better_than_champion"] == better
    elsewhere = scores({"diffusion": above(9)}).assign(track=lambda rows: "other " + rows["track"])
    found = promotion_criteria(frame, "masks", elsewhere)["better_than_champion"]
    assert found.passed
    assert "the data changed" in found.meaning


def test_one_song_is_no_evidence():
    frame = scores({"mixture": NOTHING[:1], "masks": above(4)[:1]})
    assert not passed(frame, "masks")["better_than_mixture"]
    with pytest.raises(ValueError, match="no system but mixture"):
        best_system(scores({"mixture": NOTHING}))
