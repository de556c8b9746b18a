"""Numbers have the digits that their interval deserves, and never the form 1e-05."""

import math

import numpy as np
import pytest

from eval.report.numbers import chance, decimals_of, interval, number, percent, with_interval

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.11532, 0.08831, 0.14529, "0.115 [0.088, 0.145]"),
        (4.617, 2.14, 7.02, "4.6 [2.1, 7.0]"),
        (38.21, 30.13, 51.4, "38 [30, 51]"),
        (1234.5, 1100.2, 1402.9, "1,234 [1,100, 1,403]"),
        (-0.00042, -0.01, 0.01, "0.000 [-0.010, 0.010]"),
        (2.5, NAN, NAN, "2.50 [no interval]"),
        (10.0, 10.0, 10.0, "10.00 [10.00, 10.00]"),
        (2.5, -math.inf, 4.617, "2.50 [-inf, 4.62]"),
        (6.02035, 6.02014, 6.02069, "6.0204 [6.0201, 6.0207]"),
        (NAN, NAN, NAN, "no value"),
        (1.526e-5, 1.1e-5, 2.0e-5, "1.53 × 10⁻⁵ [1.10 × 10⁻⁵, 2.00 × 10⁻⁵]"),
    ],
)
def test_an_interval_decides_the_digits(value, low, high, expected):
    assert with_interval(value, low, high) == expected


def test_value_and_ends_have_the_same_digits_and_half_the_width_two():
    draw = np.random.default_rng(0)
    for _ in range(300):
        half = 10 ** draw.uniform(-2.4, 1.2)
        value = draw.uniform(-20, 20)
        text = with_interval(value, value - half, value + half)
        places = {len(one.strip("[],").partition(".")[2]) for one in text.split()}
        assert len(places) == 1
        rounded = round(half, places.pop())
        assert abs(rounded - half) <= 0.051 * half  # two significant digits are kept


def test_a_number_alone_has_at_most_three_significant_digits_and_no_exponent():
    assert [number(one) for one in (0.11532, 12345.6, 999.7, 0.0, 0.0012345, -2.0, None, NAN, -math.inf)] == [
        "0.115", "12,346", "1,000", "0", "0.00123", "-2", "–", "no value", "-inf",
    ]  # fmt: skip
    assert [number(one) for one in (0.0002, 0.00021, 0.000213)] == ["0.0002", "0.00021", "2.13 × 10⁻⁴"]
    assert number(1.526e-5) == "1.53 × 10⁻⁵"
    assert number(6.02e23) == "6.02 × 10²³"
    assert number(2.5, digits=1, signed=True) == "+2.5"
    assert number(-0.001, digits=2) == "0.00"
    draw = np.random.default_rng(1)
    texts = [number(float(10**power)) for power in draw.uniform(-12, 12, 300)]
    assert not any("e" in one for one in texts)


def test_shares_and_chances():
    assert percent(0.14) == "14 %"
    assert percent(0.1432, 0.1101, 0.1803, interval=True) == "14.3 % [11.0, 18.0]"
    assert percent(1.0, NAN, NAN, interval=True) == "100 % [no interval]"
    assert percent(NAN) == "no value"
    assert [chance(one) for one in (1.526e-5, 0.0456, NAN)] == ["< 0.001", "0.046", "untested"]


def test_an_interval_without_width_decides_nothing():
    assert decimals_of(1.0, 1.0) is decimals_of(NAN, 1.0) is decimals_of(-math.inf, 1.0) is None
    assert interval(-1.25, 1.25, signed=True) == "[-1.2, +1.2]"
