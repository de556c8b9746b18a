"""Intervals that cover, tests that reject when they should, corrections by hand."""

import numpy as np
import pytest

from eval.statistics import bootstrap_mean, bootstrap_median, compare, ends, holm


def test_the_mean_and_its_count():
    interval = bootstrap_mean(np.array([1.0, 3.0, np.nan]))
    assert (interval.mean, interval.count, interval.missing) == (2.0, 2, 1)
    assert 1.0 <= interval.low <= 2.0 <= interval.high <= 3.0


def test_nothing_applicable_is_nan_not_a_number():
    interval = bootstrap_mean(np.array([np.nan, np.nan]))
    assert np.isnan([interval.mean, interval.low, interval.high]).all()
    assert (interval.count, interval.missing) == (0, 2)


def test_the_interval_covers_the_truth_about_95_times_in_100():
    generator = np.random.default_rng(0)
    hits = 0
    for trial in range(300):
        interval = bootstrap_mean(generator.exponential(1.0, 60), draws=400, seed=trial)
        hits += interval.low <= 1.0 <= interval.high
    assert 0.90 <= hits / 300 <= 0.98


def test_the_median_and_its_count():
    found = bootstrap_median(np.array([1.0, 3.0, np.nan, 8.0]))
    assert (found.median, found.count, found.missing) == (3.0, 3, 1)
    assert (found.low, found.high) == (1.0, 8.0)
    assert np.isnan(bootstrap_median(np.array([np.nan])).median)


def test_infinite_values_have_a_rank():
    found = bootstrap_median(np.array([-np.inf, 1.0, 2.0]))
    assert (found.low, found.median, found.high, found.count) == (-np.inf, 1.0, 2.0, 3)


def test_the_interval_of_the_median_covers_it_about_95_times_in_100():
    generator = np.random.default_rng(0)
    hits = 0
    for trial in range(300):
        found = bootstrap_median(generator.exponential(1.0, 60), draws=400, seed=trial)
        hits += found.low <= np.log(2) <= found.high
    assert 0.90 <= hits / 300 <= 0.98


def test_copies_do_not_narrow_the_interval():
    values = np.random.default_rng(0).standard_normal(40)
    alone = bootstrap_mean(values)
    copied = bootstrap_mean(np.repeat(values, 5), np.repeat(np.arange(40), 5).tolist())
    assert copied.mean == pytest.approx(alone.mean)
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.01)


def test_a_clear_difference_and_none():
    generator = np.random.default_rng(0)
    baseline = generator.uniform(1, 2, 50)
    clear = compare(baseline - 0.1 - 0.01 * generator.random(50), baseline)
    assert clear.p < 1e-6
    assert clear.better == 1.0
    assert clear.difference.high < -0.09
    none = compare(baseline + generator.choice([-0.01, 0.01], 50), baseline)
    assert none.p > 0.05
    assert none.difference.low < 0 < none.difference.high


def test_pairs_that_do_not_apply_are_left_out():
    found = compare(np.array([1.0, np.nan, 3.0]), np.array([2.0, 2.0, np.nan]))
    assert (found.difference.count, found.difference.missing, found.better) == (1, 2, 1.0)
    assert np.isnan(found.p)


def test_larger_can_be_better():
    assert compare(np.array([2.0, 0.0]), np.array([1.0, 1.0]), smaller_is_better=False).better == 0.5


def test_identical_systems_have_no_p_value():
    values = np.arange(10.0)
    assert np.isnan(compare(values, values).p)


def test_holm_by_hand():
    adjusted = holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": float("nan")})
    assert adjusted["a"] == pytest.approx(0.03)
    assert adjusted["c"] == pytest.approx(0.06)
    assert adjusted["b"] == pytest.approx(0.06)
    assert np.isnan(adjusted["d"])


def test_one_group_has_a_mean_and_no_interval():
    for found in (bootstrap_mean(np.array([4.0])), bootstrap_mean(np.array([3.0, 5.0]), ["song", "song"])):
        assert found.mean == 4.0
        assert np.isnan([found.low, found.high]).all()
    alone = bootstrap_median(np.array([4.0, np.nan]))
    assert (alone.median, alone.count, alone.missing) == (4.0, 1, 1)
    assert np.isnan([alone.low, alone.high]).all()


def test_an_interval_as_text():
    assert ends(0.25, 0.5, "{:.2f}".format) == "[0.25, 0.50]"
    assert ends(float("nan"), float("nan"), "{:.2f}".format) == "[n/a]"
