"""Paired tests that reject when they should, corrections by hand."""

import numpy as np
import pytest

from eval.statistics import compare, holm


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
