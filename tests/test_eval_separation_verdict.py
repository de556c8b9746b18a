"""The checks of separation ask what they say they ask, on the songs both systems have."""

import numpy as np
import pandas as pd
import pytest

from eval.separation.acceptance import BETTER_THAN_MIXTURE, Bounds, acceptance_criteria

GOOD = {
    "mixture": {"uSDR": 0.0, "SI-SDR": 0.0, "cSIR": -5.0, "specific loudness error": 2.0, "MR-STFT": 3.0},
    "codec_ceiling": {"uSDR": 14.0, "SI-SDR": 15.0, "cSIR": 40.0, "specific loudness error": 0.3, "MR-STFT": 0.5},
    "masks": {"uSDR": 4.0, "SI-SDR": 5.0, "cSIR": 10.0, "specific loudness error": 1.0, "MR-STFT": 1.5},
    "refine": {"uSDR": 4.0, "SI-SDR": 5.0, "cSIR": 10.0, "specific loudness error": 0.8, "MR-STFT": 1.2},
    "diffusion": {"uSDR": 3.0, "SI-SDR": 9.5, "cSIR": 12.0, "specific loudness error": 0.9, "MR-STFT": 1.4},
}


def scores(change: dict[tuple[str, str], float] | None = None, songs: int = 3) -> pd.DataFrame:
    """Songs that differ by 2 dB in turn, so that the median is the second; training songs where all is bad."""
    values = {(system, metric): value for system, by in GOOD.items() for metric, value in by.items()} | (change or {})
    rows = [
        {"system": system, "track": f"{split} {number}", "split": split, "errata": "", "source": source,
         "metric": metric, "value": value + 2 * (number - 1) if good else -99.0}
        for split, good in (("test", True), ("train", False))
        for number in range(songs)
        for source in ("vocals", "accompaniment")
        for (system, metric), value in values.items()
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    frame.loc[frame["source"] == "accompaniment", "value"] -= 50
    return frame


def passed(frame: pd.DataFrame) -> dict[str, bool]:
    return {name: one.passed for name, one in acceptance_criteria(frame, Bounds()).items()}


def test_good_systems_pass_all():
    found = acceptance_criteria(scores(), Bounds())
    assert {name: one.passed for name, one in found.items()} == dict.fromkeys(
        ("complete", "masks_separate", "better_than_mixture", "near_codec_ceiling", "refining_helps"), True
    )
    assert found["masks_separate"].found == pytest.approx(4.0)
    assert found["near_codec_ceiling"].found == pytest.approx(5.5)
    assert (found["better_than_mixture"].found, found["better_than_mixture"].bound) == (4, 4)
    assert "SI-SDR +9.50" in found["better_than_mixture"].meaning
    assert "specific loudness error +1.10" in found["better_than_mixture"].meaning


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({("masks", "uSDR"): 3.5}, "masks_separate"),
        ({("masks", "uSDR"): np.nan}, "masks_separate"),
        ({("refine", "uSDR"): 3.9}, "refining_helps"),
        ({("refine", "MR-STFT"): 1.5}, "refining_helps"),
        ({("refine", "MR-STFT"): np.nan}, "refining_helps"),
        ({("diffusion", "SI-SDR"): 8.9}, "near_codec_ceiling"),
        ({("codec_ceiling", "SI-SDR"): np.nan}, "near_codec_ceiling"),
        *(({("diffusion", metric): GOOD["mixture"][metric]}, "better_than_mixture") for metric in BETTER_THAN_MIXTURE),
        ({("diffusion", "specific loudness error"): 2.1}, "better_than_mixture"),
        ({("diffusion", "cSIR"): np.nan}, "better_than_mixture"),
    ],
)
def test_each_bound_is_asked(change, failing):
    found = passed(scores(change))
    assert not found[failing]


def test_bounds_can_be_set():
    strict = Bounds(mask_usdr=4.1, below_ceiling=5.4)
    found = acceptance_criteria(scores(), strict)
    assert not found["masks_separate"].passed
    assert not found["near_codec_ceiling"].passed
    assert found["masks_separate"].bound == 4.1


def test_medians_are_of_songs_both_were_judged_on():
    frame = scores()
    lost = (frame["system"] == "codec_ceiling") & (frame["track"] == "test 0")
    frame.loc[(frame["system"] == "diffusion") & (frame["track"] == "test 0"), "value"] = -1000
    assert acceptance_criteria(frame[~lost], Bounds())["near_codec_ceiling"].found == pytest.approx(5.5)


def test_a_song_that_is_missing_fails_the_system():
    frame = scores()
    lost = (frame["system"] == "diffusion") & (frame["track"] == "test 2")
    found = acceptance_criteria(frame[~lost], Bounds())["complete"]
    assert (found.passed, found.found) == (False, pytest.approx(2 / 3))
    # As `write_scores` says it: a row with the reason, and without a metric, instead of the scores.
    reason = frame[lost].iloc[:1].assign(source=None, metric=None, value=float("nan"), reason="it is silent")
    told = pd.concat([frame[~lost], reason], ignore_index=True)
    found = acceptance_criteria(told, Bounds())["complete"]
    assert (found.passed, found.found) == (False, pytest.approx(2 / 3))


@pytest.mark.parametrize("system", ["mixture", "codec_ceiling", "masks", "diffusion"])
def test_absence_of_evidence_promotes_nothing(system):
    found = acceptance_criteria(scores()[lambda frame: frame["system"] != system], Bounds())
    assert not all(one.passed for one in found.values())
    for one in found.values():
        assert one.meaning
        assert one.advice
    assert not any(passed(scores().iloc[:0]).values())
