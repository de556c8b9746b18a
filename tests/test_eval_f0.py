"""Pitch tables and the F0 family: hand values, and equality with mir_eval.melody."""

import warnings

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from eval.metrics.f0 import COUNTS, METRICS, F0Config, best_lag, compare, f0_family, shifted
from eval.metrics.melody import PitchTable, measures, together

NAMES = {
    "voicing_recall": "Voicing Recall",
    "voicing_false_alarm": "Voicing False Alarm",
    "rpa": "Raw Pitch Accuracy",
    "rca": "Raw Chroma Accuracy",
    "oa": "Overall Accuracy",
}
GRID = np.arange(12) * 0.01
SONG = np.array([0, 0, 220, 222, 225, 230, 0, 440, 440, 445, 0, 0.0])


def table(times: object, hertz: object) -> PitchTable:
    return PitchTable(np.asarray(times, float), np.asarray(hertz, float))


CASES = {
    "equal": (table(GRID, SONG), table(GRID, SONG)),
    "negative guesses": (table(GRID, SONG), table(GRID, np.where(np.arange(12) % 2, SONG, -SONG))),
    "negative reference": (table(GRID, np.where(np.arange(12) % 3, SONG, -SONG)), table(GRID, SONG * 1.01)),
    "octave too high": (table(GRID, SONG), table(GRID, 2 * SONG)),
    "sixty cents off": (table(GRID, SONG), table(GRID, SONG * 2 ** (60 / 1200))),
    "other hop": (table(GRID, SONG), table(np.arange(21) * 0.0058, np.repeat([0, 219, 0, 232, 441, 439, 0], 3))),
    "other hop, guesses": (table(GRID, SONG), table(np.arange(7) * 0.017, [0, -221, 224, 0, -435, 445, 0])),
    "starts late": (table(GRID + 0.03, SONG), table(GRID + 0.011, SONG)),
    "shorter": (table(GRID, SONG), table(GRID[:5], SONG[:5])),
    "longer": (table(GRID[:5], SONG[:5]), table(GRID, SONG)),
    "one frame": (table([0.0], [220.0]), table([0.0], [221.0])),
    "one frame, many": (table([0.0], [220.0]), table(GRID, SONG)),
    "nothing voiced in the reference": (table(GRID, 0 * SONG), table(GRID, SONG)),
    "nothing voiced in the estimate": (table(GRID, SONG), table(GRID, 0 * SONG)),
    "nothing voiced at all": (table(GRID, 0 * SONG), table(GRID, 0 * SONG)),
    "all voiced": (table(GRID, SONG + 100), table(GRID, SONG + 101)),
}


def theirs(reference: PitchTable, estimate: PitchTable) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = mir_eval.melody.evaluate(
            reference.times.copy(), reference.hertz.copy(), estimate.times.copy(), estimate.hertz.copy()
        )
    return {name: float(found[theirs]) for name, theirs in NAMES.items()}


@pytest.mark.parametrize("name", CASES)
def test_measures_equal_mir_eval(name: str) -> None:
    reference, estimate = CASES[name]
    assert measures(*together(reference, estimate)) == pytest.approx(theirs(reference, estimate), abs=1e-9)


pitches = st.one_of(st.just(0.0), st.floats(70, 900), st.floats(-900, -70))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(pitches, min_size=1, max_size=30),
    st.lists(pitches, min_size=2, max_size=40),
    st.sampled_from([0.01, 0.005, 0.0116, 0.02]),
    st.sampled_from([0.0, 0.004]),
)
def test_measures_equal_mir_eval_on_any_table(true: list[float], found: list[float], hop: float, start: float) -> None:
    reference = table(np.arange(len(true)) * 0.01, true)
    estimate = table(start + np.arange(len(found)) * hop, found)
    assert measures(*together(reference, estimate)) == pytest.approx(theirs(reference, estimate), abs=1e-9)


def test_a_semitone_up_is_a_key_shift_of_100_cents_and_nothing_else() -> None:
    reference = PitchTable.regular(200 + 50 * np.sin(np.arange(300) / 20))
    found = f0_family(reference, PitchTable.regular(reference.hertz * 2 ** (1 / 12)))
    assert found["key_shift_cents"] == pytest.approx(100, abs=1e-9)
    assert found["f0_rmse_cents_keyfree"] == pytest.approx(0, abs=1e-9)
    assert found["f0_rmse_zlog"] == pytest.approx(0, abs=1e-9)
    assert found["f0_rmse_ln"] == pytest.approx(np.log(2) / 12)
    assert found["f0_corr"] == pytest.approx(1)
    assert (found["rpa"], found["rpa_keyfree"]) == (0, 1)


def test_the_family_on_frames_computed_by_hand() -> None:
    reference = np.array([100, 200, 200, 100, 0, 0, 0, 100.0])
    estimate = np.array([100, 200, 400, 110, 0, 0, 50, 0.0])
    found = compare(reference, estimate, least=2)
    logs = np.array([0, 0, np.log(2), np.log(1.1)])
    assert found["f0_rmse_ln"] == pytest.approx(np.sqrt(np.mean(logs**2)))
    assert found["f0_rmse_hz"] == pytest.approx(np.sqrt((200**2 + 10**2) / 4))
    shift = 1200 * np.log2(1.1) / 2  # between 0 and 165 cents
    assert found["key_shift_cents"] == pytest.approx(shift)
    cents = np.array([0, 0, 1200, 1200 * np.log2(1.1)])
    assert found["f0_rmse_cents_keyfree"] == pytest.approx(np.sqrt(np.mean((cents - shift) ** 2)))
    assert found["gpe"] == 1 / 4
    assert found["fpe_cents"] == pytest.approx(np.std(cents[[0, 1, 3]]))
    assert found["vuv_error"] == 2 / 8
    assert found["ffe"] == 3 / 8
    assert found["f0_corr"] == pytest.approx(np.corrcoef(reference[:4], estimate[:4])[0, 1])
    assert found["f0_corr_all"] == pytest.approx(np.corrcoef(reference, estimate)[0, 1])
    z = [(one - one.mean()) / one.std() for one in (np.log(reference[:4]), np.log(estimate[:4]))]
    assert found["f0_rmse_zlog"] == pytest.approx(np.sqrt(np.mean((z[0] - z[1]) ** 2)))
    counts = {name: found[name] for name in COUNTS if name != "lag_frames"}
    assert counts == {"frames": 8, "voiced_reference": 5, "voiced_estimate": 5, "voiced_both": 4}


def test_too_few_voiced_frames_are_not_applicable_and_counted() -> None:
    reference, estimate = np.zeros(50), np.zeros(50)
    reference[:9] = estimate[:9] = 220
    found = compare(reference, estimate)
    missing = {name for name in METRICS if np.isnan(found[name])}
    assert missing == {
        "f0_rmse_ln", "f0_rmse_cents_keyfree", "key_shift_cents", "f0_rmse_zlog", "f0_rmse_hz", "f0_corr",
        "rpa_keyfree", "rca_keyfree", "gpe", "fpe_cents",
    }  # fmt: skip
    assert found["voiced_both"] == 9
    silent = compare(np.zeros(50), np.zeros(50))
    assert all(np.isnan(silent[name]) for name in ("rpa", "rca", "voicing_recall", "f0_corr_all"))
    assert (silent["oa"], silent["vuv_error"], silent["voicing_false_alarm"]) == (1, 0, 0)


def test_the_best_lag_is_found_and_removed() -> None:
    reference = np.where(np.arange(200) % 50 > 8, 200 + 40 * np.sin(np.arange(200) / 9), 0.0)
    late = shifted(reference, -4) * 1.3
    assert best_lag(reference, late, 6) == 4
    tables = PitchTable.regular(reference), PitchTable.regular(late)
    found = f0_family(*tables, F0Config("lag"))
    assert found["lag_frames"] == 4
    assert found["f0_rmse_cents_keyfree"] == pytest.approx(0, abs=1e-6)
    assert f0_family(*tables)["f0_rmse_cents_keyfree"] > 50
    assert best_lag(np.zeros(5), np.zeros(5), 6) == 0


def test_warping_undoes_a_change_of_tempo() -> None:
    reference = 200 + 60 * np.sin(np.arange(300) / 25)
    slower = np.interp(np.arange(300) + 8 * np.sin(np.arange(300) / 95), np.arange(300), reference)
    tables = PitchTable.regular(reference), PitchTable.regular(slower)
    before, after = (f0_family(*tables, F0Config(one, lag_frames=20)) for one in ("none", "dtw"))
    assert before["f0_rmse_cents_keyfree"] > 50
    assert after["f0_rmse_cents_keyfree"] < 15


def test_wrong_tables_and_settings_are_refused() -> None:
    for times, hertz, message in (
        ([], [], "no rows"),
        ([0, 1], [220], "as many times"),
        ([0, 0], [220, 220], "rise"),
        ([-1, 0], [220, 220], "0 s or later"),
        ([0, 1], [220, np.nan], "NaN"),
    ):
        with pytest.raises(InputError, match=message):
            table(times, hertz)
    with pytest.raises(InputError, match="choose one of none, lag, dtw"):
        F0Config("best")
    with pytest.raises(ValueError, match="same number of frames"):
        compare(np.zeros(3), np.zeros(4))
