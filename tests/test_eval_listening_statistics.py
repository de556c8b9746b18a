"""Statistics of listening tests, against hand-checked values, published examples and a second implementation."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from listening_coverage import coverage
from mean_opinion_score import get_ci95, get_mos
from scipy.stats import binomtest, spearmanr
from simulated_listeners import Crowd, ratings_of, session
from tiny_listening import QUALITY, written_test

from eval.listening.agreement import alpha, alpha_of
from eval.listening.choices import detections, preferences
from eval.listening.correlation import ALL, correlations
from eval.listening.opinion import opinion
from eval.listening.ratings import collected
from eval.listening.results import COLUMNS, collect
from eval.listening.screening import screened
from eval.listening.tables import Subject, listening_blocks
from eval.report.blocks import Table, Text
from eval.report.document import Document, Section, render

EVIL = "</script><img src=x onerror=alert(1)>"


@settings(deadline=None)  # a busy machine is slow now and then
@given(st.integers(0, 10_000), st.integers(2, 9), st.integers(2, 12), st.floats(0.3, 1))
def test_opinions_equal_those_of_the_published_package(seed, listeners, items, share):
    draw = np.random.default_rng(seed)
    ratings = ratings_of(3.5, Crowd(), draw, listeners, items, scale=(1, 5))
    ratings[draw.random(ratings.shape) >= share] = np.nan
    ratings = ratings[~np.isnan(ratings).all(1)][:, ~np.isnan(ratings).all(0)]
    one = opinion(ratings)
    known = ~np.isnan(ratings)
    if min(ratings.shape, default=0) >= 2 and known.sum(0).max() >= 2 and known.sum(1).max() >= 2:
        assert one.mean == pytest.approx(get_mos(ratings), rel=1e-6)
        assert (one.high - one.low) / 2 == pytest.approx(get_ci95(ratings), rel=1e-5, abs=1e-6)
    elif min(ratings.shape, default=0) < 2:
        assert np.isnan(one.low)


@pytest.mark.parametrize(("listeners", "each"), [(5, 10), (50, 1)])
def test_intervals_cover_the_truth_where_each_item_or_each_listener_has_one_rating(listeners, each):
    crowd, draw, covered = Crowd(), np.random.default_rng(0), 0
    for _ in range(300):
        items = listeners * each if each > 1 else 5
        ratings = np.full((listeners, items), np.nan)
        of_items = crowd.items * draw.standard_normal(items)
        for listener in range(listeners):
            own = range(listener * each, (listener + 1) * each) if each > 1 else [listener % items]
            effect = crowd.listeners * draw.standard_normal()
            for item in own:
                ratings[listener, item] = 3 + effect + of_items[item] + crowd.rest * draw.standard_normal()
        one = opinion(ratings)
        covered += one.low <= 3 <= one.high
    assert covered >= 0.93 * 300


def test_intervals_cover_the_truth_where_those_of_independent_ratings_do_not():
    ours, independent = coverage(3.5, 12, 16, 1.0, trials=300)
    assert ours >= 0.92
    assert independent < 0.75


def test_one_listener_or_one_item_has_no_interval():
    assert np.isnan(opinion(np.array([[3.0, 4.0]])).low)
    assert np.isnan(opinion(np.array([[3.0], [4.0]])).low)
    assert opinion(np.full((2, 2), np.nan)).ratings == 0


def test_alpha_of_krippendorffs_example():
    nan = np.nan
    told = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, nan, nan, nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, nan, 3],
        [nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, nan],
    ])  # fmt: skip
    assert alpha(told) == pytest.approx(0.849, abs=5e-4)


def test_alpha_is_one_for_full_agreement_about_zero_by_chance_and_undefined_without_variation():
    assert alpha(np.tile(np.arange(5.0), (3, 1))) == 1
    assert abs(alpha(np.random.default_rng(0).integers(1, 6, (20, 200)).astype(float))) < 0.01
    assert np.isnan(alpha(np.full((3, 4), 2.0)))
    assert np.isnan(alpha(np.array([[1.0, np.nan], [np.nan, 2.0]])))


def rows(values: dict[tuple[str, str, str], float], kind: str = "mos", role: str = "system") -> pd.DataFrame:
    """Return ratings by (listener, item, system)."""
    made = [
        ("t", kind, "separation", who, f"{item}-{system}", item, system, role, value, 5.0, "x.json")
        for (who, item, system), value in values.items()
    ]
    return pd.DataFrame(made, columns=list(COLUMNS))


def test_a_listener_who_disagrees_with_the_others_is_left_out_and_told():
    truth = {(item, system): float(1 + (item + 2 * system) % 5) for item in range(6) for system in range(2)}
    values = {
        (who, str(item), str(system)): 6 - value if who == "odd" else 3.0 if who == "flat" else value
        for who in ("a", "b", "c", "odd", "flat")
        for (item, system), value in truth.items()
    }
    kept, left_out = screened(rows(values))
    assert set(left_out) == {"odd", "flat"}
    assert set(kept["listener"]) == {"a", "b", "c"}
    assert left_out["odd"].startswith("correlation with the others -")


def test_nobody_is_left_out_of_a_test_that_says_too_little():
    values = {(who, str(item), "s"): float(item if who == "a" else 5 - item) for who in "ab" for item in range(6)}
    assert screened(rows(values))[1] == {}


def test_bs1534_leaves_out_who_misses_the_hidden_reference_in_more_than_15_percent():
    values = {
        (who, str(item), "recording"): 80.0 if item < missed else 95.0
        for who, missed in (("good", 3), ("bad", 4))
        for item in range(20)
    }
    kept, left_out = screened(rows(values, "mushra", "hidden"))
    assert list(left_out) == ["bad"]
    assert "20%" in left_out["bad"]
    assert set(kept["listener"]) == {"good"}


def test_bs1534_leaves_out_who_takes_the_anchor_for_the_best_unless_many_do():
    values = {}
    for who in ("good", "fooled", "c", "d", "e"):
        for item in range(20):
            values[who, str(item), "recording"] = 100.0
            hard = item < 4  # items of which half of all rate the anchor high
            high = (who == "fooled" and item < 10) or (hard and who in ("good", "c"))
            values[who, str(item), "anchor 7 kHz"] = 95.0 if high else 40.0
    told = rows(values, "mushra", "anchor")
    told.loc[told["system"] == "recording", "role"] = "hidden"
    kept, left_out = screened(told)
    assert list(left_out) == ["fooled"]
    assert "38% of the items" in left_out["fooled"]  # 6 of the 16 that are not hard
    assert set(kept["listener"]) == {"good", "c", "d", "e"}


def test_preferences_by_exact_tests_corrected_for_their_number():
    chosen = [("a", "b", 14, 16), ("a", "c", 9, 16), ("b", "c", 1, 16)]
    values = {}
    for one, two, wins, count in chosen:
        for number in range(count):
            values[f"listener {number % 4}", f"{one}{two}{number}", one] = float(number < wins)
            values[f"listener {number % 4}", f"{one}{two}{number}", two] = float(number >= wins)
    told = rows(values, "ab")
    told["trial"] = told["item"]
    found = {(one.first, one.second): one for one in preferences(told)}
    p = [binomtest(wins, count, 0.5).pvalue for _, _, wins, count in chosen]
    assert {pair: one.chosen for pair, one in found.items()} == {("a", "b"): 14, ("a", "c"): 9, ("c", "b"): 15}
    assert [found[pair].p for pair in (("a", "b"), ("a", "c"), ("c", "b"))] == pytest.approx(p)
    assert found["c", "b"].corrected == pytest.approx(3 * p[2])
    assert found["a", "b"].corrected == pytest.approx(2 * p[0])
    assert found["a", "b"].low == pytest.approx(0.6165, abs=1e-4)  # Clopper and Pearson, 14 of 16


def test_detections_count_right_answers(tmp_path):
    written_test(tmp_path, "abx", sessions=8)
    found = {one.second: one for one in detections(collect(tmp_path).ratings)}
    assert set(found) == set(QUALITY)
    assert all(one.choices == 32 for one in found.values())
    assert found["bad"].share > 0.9 > found["clean"].share


def test_correlations_equal_scipy_and_are_told_by_kind_of_system():
    draw = np.random.default_rng(0)
    scores = pd.DataFrame([
        {"item": str(item), "system": system, "good": item + draw.standard_normal(), "flat": 1.0, "none": np.nan}
        for item in range(12) for system in ("masks", "diffusion", "other")
    ])  # fmt: skip
    values = {(who, one.item, one.system): float(round(one.good)) + draw.integers(2) for who in "abc"
              for one in scores.itertuples()}  # fmt: skip
    told = rows(values)
    made = correlations(told, scores, ["good", "flat", "none"], {"masks": "masking", "diffusion": "generative"})
    found = {(one.metric, one.kind): one for one in made}
    means = told.groupby(["item", "system"])["rating"].mean()
    wanted = spearmanr(means, scores.set_index(["item", "system"])["good"].reindex(means.index))[0]
    assert found["good", ALL].rho == pytest.approx(wanted)
    assert found["good", ALL].sounds == 36
    assert {kind for _, kind in found} == {ALL, "masking", "generative"}
    assert found["good", "masking"].sounds == 12
    assert found["good", ALL].low < wanted < found["good", ALL].high
    assert np.isnan(found["flat", ALL].rho)
    assert found["none", ALL].sounds == 0


@pytest.mark.parametrize("kind", ["mos", "smos", "mushra", "ab", "abx"])
def test_tables_lead_from_the_best_system_to_the_worst_and_tell_pairs_and_sessions(tmp_path, kind):
    plan = written_test(tmp_path, kind, sessions=6)
    bad = session(plan, 99, QUALITY)
    bad["trials"] = bad["trials"][:2]
    (tmp_path / "results" / "bad.json").write_text(json.dumps(bad))
    published = {"mos": {"clean": (3.55, 0.23)}, "ab": {"clean noisy": (0.697, 0.0)}}
    scores = pd.DataFrame([{"item": f"item {item}", "system": name, "uSDR": value + item / 100}
                           for item in range(4) for name, value in QUALITY.items()])  # fmt: skip
    subject = Subject("separation", str.upper, published, scores, ("uSDR",), {"clean": "masking"}, "ffffffffffff")
    blocks = listening_blocks(collected(tmp_path), subject)
    tables = [one for one in blocks if isinstance(one, Table)]
    text = next(one.text for one in blocks if isinstance(one, Text))
    assert "6 listeners, 4 items" in text
    assert "commit 0123456789ab, not at that of this report" in text
    assert tables[-1].caption == "Sessions that were not used"
    assert tables[-1].rows[0][1] == "1"
    if kind in ("mos", "smos", "mushra"):
        systems = [row[0] for row in tables[0].rows if row[0] in ("CLEAN", "NOISY", "BAD")]
        assert systems == ["CLEAN", "NOISY", "BAD"]
        assert any(row[0] == "uSDR" for row in tables[2].rows)
    if kind == "mos":
        assert "3.55 ± 0.23" in [row[-1] for row in tables[0].rows]
    if kind == "ab":
        assert ["CLEAN", "NOISY", "69.7 %"] in [[row[0], row[1], row[-1]] for row in tables[0].rows]
    assert render(Document("t", [], [], [Section("Listening", blocks)]))


def test_hostile_results_stay_text(tmp_path):
    plan = written_test(tmp_path, "mos", sessions=2)
    bad = session(plan, 99, QUALITY)
    bad["trials"][0]["ratings"] = dict.fromkeys(bad["trials"][0]["ratings"], EVIL)
    (tmp_path / "results" / "bad.json").write_text(json.dumps(bad))
    page = render(Document("t", [], [], [Section("x", listening_blocks(collected(tmp_path), Subject("separation")))]))
    assert "<img" not in page
    assert "onerror" not in page.replace("&lt;img src=x onerror", "")


def test_nobody_asked_for_ratings_of_another_system(tmp_path):
    written_test(tmp_path, "mos", sessions=2)
    assert listening_blocks(collected(tmp_path), Subject("synthesis")) == []
    assert np.isfinite(alpha_of(collected(tmp_path).rows))
