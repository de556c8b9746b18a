"""The checks of the conversion branch ask what they say they ask, on the clips that both systems have."""

import numpy as np
import pandas as pd
import pytest

from eval.acceptance import Criterion
from eval.conversion.acceptance import Bounds, Evidence, acceptance_criteria
from eval.conversion.comparisons import best_of, compare, means_of_both
from eval.conversion.systems import scored

MELODY = {
    ("proposed", "clean"): (0.95, 0.9), ("proposed", "snr5"): (0.93, 0.85), ("proposed", "snr0"): (0.85, 0.8),
    ("swift-f0", "clean"): (0.97, 0.9), ("swift-f0", "snr5"): (0.90, 0.6), ("swift-f0", "snr0"): (0.76, 0.5),
    ("pesto", "clean"): (0.90, 0.8), ("pesto", "snr5"): (0.70, 0.7), ("pesto", "snr0"): (0.50, 0.6),
}  # fmt: skip
# Key-free error in cents, F0CORR, and whether it is nearer to the target.
VOICE = {
    ("proposed", "clean"): (50.0, 0.95, 1.0), ("proposed", "snr5"): (52.0, 0.94, 1.0),
    ("proposed", "snr0"): (60.0, 0.92, 1.0), ("original", "clean"): (40.0, 0.96, 1.0),
    ("original", "snr5"): (200.0, 0.5, 1.0), ("original", "snr0"): (300.0, 0.3, 1.0),
    ("crepe", "clean"): (45.0, 0.95, 1.0), ("crepe", "snr5"): (100.0, 0.8, 1.0), ("crepe", "snr0"): (200.0, 0.6, 1.0),
}  # fmt: skip
Change = dict[tuple[str, str, str], float]


def frame(values: dict, names: tuple[str, ...], change: Change, clips: int = 8) -> pd.DataFrame:
    """Clips of a song each whose values lie around those given; in validation all is bad."""
    rows = []
    for split, good in (("test", True), ("valid", False)):
        for number in range(clips):
            for (system, condition), numbers in values.items():
                told = {
                    name: change.get((system, condition, name), one) for name, one in zip(names, numbers, strict=True)
                }
                spread = 1 + 0.002 * (number - (clips - 1) / 2)
                told = {name: one * (spread if name != "nearer" else 1) if good else 1e6 for name, one in told.items()}
                rows.append(
                    {"system": system, "clip": f"{split} {number}", "condition": condition, "singer": "s",
                     "song": f"song {number}", "split": split, "reason": None, "speaker_encoder": "toy",
                     "voicing_recall": change.get((system, condition, "voicing_recall"), 0.95), **told}
                )  # fmt: skip
    return pd.DataFrame(rows)


def vocoder(share: float = 0.97, distance: float = 1.0, baseline: float = 1.5) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"system": system, "clip": f"c{number}", "split": "test", "frames": (100, 300)[number],
             "within_50_cents": part + (0.03, -0.01)[number], "mr_stft": far, "reason": None}
            for system, part, far in (("vocos", share, distance), ("griffin_lim", 0.5, baseline))
            for number in range(2)
        ]
    )  # fmt: skip


def evidence(melody: Change | None = None, voice: Change | None = None, **copies: float) -> Evidence:
    return Evidence(
        frame(VOICE, ("f0_rmse_cents_keyfree", "f0_corr", "nearer"), voice or {}),
        frame(MELODY, ("rpa", "oa"), melody or {}),
        vocoder(**copies),
    )


def judged(one: Evidence, bounds: Bounds | None = None) -> dict[str, Criterion]:
    return acceptance_criteria(one, bounds or Bounds())


def test_a_good_branch_passes_all():
    found = judged(evidence())
    assert {name: one.passed for name, one in found.items()} == dict.fromkeys(
        ("melody_0db", "melody_overall_0db", "melody_5db", "melody_clean", "above_trackers", "complete", "keeps_melody",
         "keeps_voicing", "in_tune", "robust", "beats_baselines", "sounds_like_target", "vocoder_in_tune",
         "vocoder_beats_griffin_lim"),
        True,
    )  # fmt: skip
    assert found["melody_0db"].found == pytest.approx(0.85)
    assert found["robust"].found == pytest.approx(1.2)
    assert found["beats_baselines"].found == found["beats_baselines"].bound == 4
    # The share is over all voiced frames: 100 at 1.00 and 300 at 0.96.
    assert found["vocoder_in_tune"].found == pytest.approx(0.97)
    assert found["vocoder_beats_griffin_lim"].found == pytest.approx(2 / 3)
    assert "encoder: toy" in found["sounds_like_target"].meaning


@pytest.mark.parametrize(
    ("melody", "voice", "copies", "failing"),
    [
        ({("proposed", "snr0", "rpa"): 0.81}, {}, {}, "melody_0db"),
        ({("proposed", "snr0", "oa"): 0.74}, {}, {}, "melody_overall_0db"),
        ({("proposed", "snr5", "rpa"): 0.91}, {}, {}, "melody_5db"),
        ({("proposed", "clean", "rpa"): 0.92}, {}, {}, "melody_clean"),
        ({("proposed", "clean", "rpa"): np.nan}, {}, {}, "melody_clean"),
        ({("swift-f0", "snr0", "rpa"): 0.86}, {}, {}, "above_trackers"),
        ({("pesto", "snr5", "oa"): 0.86}, {}, {}, "above_trackers"),
        ({}, {("proposed", "clean", "f0_corr"): 0.89}, {}, "keeps_melody"),
        ({}, {("proposed", "clean", "voicing_recall"): 0.89}, {}, "keeps_voicing"),
        ({}, {("proposed", "clean", "f0_rmse_cents_keyfree"): 71.0}, {}, "in_tune"),
        ({}, {("proposed", "snr0", "f0_rmse_cents_keyfree"): 63.0}, {}, "robust"),
        ({}, {("crepe", "snr5", "f0_rmse_cents_keyfree"): 52.0}, {}, "beats_baselines"),
        ({}, {("original", "snr0", "f0_rmse_cents_keyfree"): np.nan}, {}, "beats_baselines"),
        ({}, {("proposed", "snr0", "nearer"): 0.0}, {}, "sounds_like_target"),
        ({}, {}, {"share": 0.94}, "vocoder_in_tune"),
        ({}, {}, {"distance": 1.5}, "vocoder_beats_griffin_lim"),
        ({}, {}, {"baseline": np.nan}, "vocoder_beats_griffin_lim"),
    ],
)
def test_each_bound_is_asked(melody, voice, copies, failing):
    found = judged(evidence(melody, voice, **copies))
    assert not found[failing].passed
    assert found[failing].advice


def test_bounds_can_be_set():
    strict = Bounds(rpa_0db=0.86, keyfree_cents=49, growth=1.1, within_50_cents=0.98, baselines=("original",))
    found = judged(evidence(), strict)
    assert [name for name, one in found.items() if not one.passed] == [
        "melody_0db", "in_tune", "robust", "vocoder_in_tune",
    ]  # fmt: skip
    assert found["beats_baselines"].bound == 2


def test_a_difference_that_may_be_chance_is_no_win():
    one = evidence()
    few = one.melody[one.melody["clip"].isin([f"test {number}" for number in range(5)])]
    found = judged(Evidence(one.scores, few, one.vocoder))["above_trackers"]
    assert (found.passed, found.found) == (False, 0)
    assert "p untested" in found.meaning
    # Clips of one song are one observation.
    same = one.melody.assign(song="one song")
    assert not judged(Evidence(one.scores, same, one.vocoder))["above_trackers"].passed


def test_growth_is_of_clips_that_have_both():
    one = evidence()
    lost = (one.scores["condition"] == "clean") & (one.scores["clip"] == "test 0")
    far = (one.scores["condition"] == "snr0") & (one.scores["clip"] == "test 0") & (one.scores["system"] == "proposed")
    changed = one.scores.copy()
    changed.loc[far, "f0_rmse_cents_keyfree"] = 1e5
    found = judged(Evidence(changed[~lost], one.melody, one.vocoder))
    assert found["robust"].found == pytest.approx(1.2)
    assert not judged(Evidence(changed, one.melody, one.vocoder))["robust"].passed


def test_a_clip_that_is_missing_fails_the_system():
    one = evidence()
    lost = one.scores["system"].eq("proposed") & one.scores["clip"].eq("test 2") & one.scores["condition"].eq("snr0")
    told = one.scores.copy()
    told.loc[lost, "reason"] = "it is silent"
    for frame_ in (one.scores[~lost], told):
        found = judged(Evidence(frame_, one.melody, one.vocoder))["complete"]
        assert (found.passed, found.found) == (False, pytest.approx(23 / 24))


def test_absence_of_evidence_passes_nothing():
    empty = Evidence()
    for found in (judged(empty), judged(Evidence(*(one.iloc[:0] for one in (evidence().scores, evidence().melody))))):
        assert len(found) == 14
        assert not any(one.passed for one in found.values())
        assert all(one.meaning and one.advice for one in found.values())
    assert not any(one.passed for one in judged(Evidence(**{**vars(evidence()), "split": "nothing"})).values())


def test_the_chosen_vocoder_is_judged():
    copies = pd.concat([vocoder(), vocoder(share=0.5, distance=9).query("system == 'vocos'").assign(system="pulses")])
    one = evidence()
    assert judged(Evidence(one.scores, one.melody, copies, "vocos"))["vocoder_in_tune"].passed
    assert not judged(Evidence(one.scores, one.melody, copies, "pulses"))["vocoder_in_tune"].passed
    assert not judged(Evidence(one.scores, one.melody, copies, "unknown"))["vocoder_in_tune"].passed


def test_comparisons_by_hand():
    scores = evidence().scores
    loud, middle, clean = (scored(scores, "test", [one]) for one in ("snr0", "snr5", "clean"))
    found = compare(loud, "proposed", ["original", "crepe", "nobody"], "f0_rmse_cents_keyfree")
    assert found["baseline"].tolist() == ["original", "crepe"]
    assert found["difference"].tolist() == pytest.approx([-240, -140])
    assert found["p"].tolist() == pytest.approx([2 * 2 / 2**8] * 2)  # all eight of one sign, times two tests
    assert found["wins"].tolist() == [True, True]
    other = compare(loud, "original", ["proposed"], "f0_corr")
    assert (other["difference"].iloc[0] < 0, other["wins"].iloc[0]) == (True, False)
    assert best_of(middle, ["original", "crepe"], "f0_rmse_cents_keyfree") == "crepe"
    assert best_of(clean, ["original", "crepe"], "f0_corr") == "original"
    assert best_of(clean, [], "f0_corr") == ""
    assert means_of_both(scores, "crepe", "f0_corr", ("clean", "snr0")) == pytest.approx((0.95, 0.6))
    assert len(compare(loud, "proposed", ["original"], "mcd")) == 0
