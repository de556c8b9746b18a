"""Intervals that cover the truth as often as they say, with few groups too."""

import numpy as np
import pytest
from interval_coverage import SAMPLES, coverage

from eval.intervals import mean_interval, median_interval, ratio_interval


def test_the_mean_and_its_count():
    interval = mean_interval(np.array([1.0, 3.0, np.nan]))
    assert (interval.mean, interval.count, interval.missing) == (2.0, 2, 1)
    assert 1.0 <= interval.low <= 2.0 <= interval.high <= 3.0


def test_nothing_applicable_is_nan_not_a_number():
    for interval in (mean_interval(np.array([np.nan, np.nan])), mean_interval(np.zeros(0))):
        assert np.isnan([interval.mean, interval.low, interval.high]).all()
    assert mean_interval(np.array([np.nan, np.inf])).missing == 2


def test_one_group_has_a_mean_and_no_interval():
    for found in (mean_interval(np.array([4.0])), mean_interval(np.array([3.0, 5.0]), ["song", "song"])):
        assert found.mean == 4.0
        assert np.isnan([found.low, found.high]).all()


def test_equal_values_have_an_interval_of_width_0():
    found = mean_interval(np.full(8, 2.5))
    assert (found.mean, found.low, found.high) == (2.5, 2.5, 2.5)


def test_a_lopsided_sample_has_a_lopsided_interval_within_its_values():
    """Student's interval of these values would be symmetric, [-0.17, 0.42]: a share below 0."""
    found = mean_interval(np.array([0, 0, 0, 0, 0, 0, 0, 1.0]))
    assert found.low == 0
    assert found.high - found.mean > 3 * (found.mean - found.low)
    assert found.high <= 1


def test_copies_do_not_narrow_the_interval():
    values = np.random.default_rng(0).standard_normal(40)
    alone = mean_interval(values)
    copied = mean_interval(np.repeat(values, 5), np.repeat(np.arange(40), 5).tolist())
    assert copied.mean == pytest.approx(alone.mean)
    assert copied.high - copied.low == pytest.approx(alone.high - alone.low, rel=0.01)


def test_the_same_seed_gives_the_same_interval():
    values = np.random.default_rng(0).standard_normal(10)
    assert mean_interval(values, seed=1) == mean_interval(values, seed=1) != mean_interval(values, seed=2)


def test_an_interval_does_not_depend_on_the_order_of_the_items():
    """So that a front and a table that list the same items in other orders tell the same."""
    draw = np.random.default_rng(3)
    values, others, groups = draw.random(40), draw.random(40) + 1, [f"g{one}" for one in draw.integers(0, 7, 40)]
    order = draw.permutation(40)
    moved = ratio_interval(values[order], others[order], [groups[one] for one in order])
    told = ratio_interval(values, others, groups)
    np.testing.assert_allclose([moved.mean, moved.low, moved.high], [told.mean, told.low, told.high], rtol=1e-12)


def test_a_ratio_is_narrower_than_its_parts_where_both_are_hard_on_the_same_items():
    draw = np.random.default_rng(0)
    silence = draw.lognormal(0, 1, 40)
    system = 0.6 * silence * draw.uniform(0.95, 1.05, 40)
    ratio, mean = ratio_interval(system, silence), mean_interval(system)
    assert ratio.mean == pytest.approx(system.sum() / silence.sum())
    assert ratio.low < 0.6 < ratio.high
    assert (ratio.high - ratio.low) / ratio.mean < 0.1 * (mean.high - mean.low) / mean.mean


def test_a_ratio_needs_both_values_of_an_item():
    found = ratio_interval(np.array([1.0, np.nan, 5.0]), np.array([2.0, 1.0, np.inf]))
    assert (found.mean, found.count, found.missing) == (0.5, 1, 2)
    assert np.isnan(ratio_interval(np.array([1.0, 2.0]), np.zeros(2)).mean)


def test_the_median_is_between_order_statistics():
    """Six values: the smallest and largest cover 1 - 2/64, the second and fifth 1 - 14/64."""
    found = median_interval(np.array([5.0, 0.0, 3.0, np.nan, 1.0, 4.0, 2.0]))
    share = (62 / 64 - 0.95) / (62 / 64 - 50 / 64)
    inward = 5 * share / (1 + 4 * share)
    assert (found.median, found.count, found.missing) == (2.5, 6, 1)
    assert (found.low, found.high) == pytest.approx((inward, 5 - inward))


@pytest.mark.parametrize("count", range(6))
def test_fewer_than_six_values_have_a_median_and_no_interval(count):
    found = median_interval(np.arange(count, dtype=float))
    assert np.isnan([found.low, found.high]).all()
    assert np.isnan(found.median) == (count == 0)


def test_infinite_values_have_a_rank():
    found = median_interval(np.array([-np.inf, 1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (found.low, found.median, found.count) == (-np.inf, 2.5, 6)
    assert 4.0 < found.high < 5.0


@pytest.mark.parametrize("groups", [8, 20, 60])
@pytest.mark.parametrize("statistic", ["mean", "ratio", "median"])
def test_intervals_cover_the_truth_95_times_in_100(statistic, groups):
    """Three standard deviations of a share of 95 in 400 samples are 3.3 in 100."""
    assert coverage(SAMPLES["normal"], statistic, groups, trials=400) == pytest.approx(0.95, abs=0.033)


def test_values_with_a_long_tail_are_covered_less_often_but_more_often_than_by_percentiles():
    """Percentiles of the bootstrap cover 74 in 100 here."""
    assert coverage(SAMPLES["long tail"], "mean", 8, trials=400) > 0.79


def test_groups_are_covered_too_and_single_items_would_not_be():
    assert coverage(SAMPLES["normal, 5 items a group"], "mean", 20, trials=400) == pytest.approx(0.95, abs=0.033)
