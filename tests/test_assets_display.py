"""What the event log keeps for ever is bounded."""

import pandas as pd
import pytest

from assets.display import picture, table


def test_a_table_shows_what_there_is():
    frame = pd.DataFrame({"name": ["a|b", "two\nlines"], "value": [1.23456, float("nan")]})
    assert table(frame).value.splitlines() == [
        "| name | value |",
        "| --- | --- |",
        r"| a\|b | 1.235 |",
        "| two lines | nan |",
    ]


def test_a_table_is_bounded_and_counts_what_it_leaves_out():
    frame = pd.DataFrame({"name": ["x" * 10_000] * 5_000})
    text = table(frame).value
    assert len(text) < 40 * 130 + 200
    assert text.endswith("and 4,960 more rows")
    assert all(len(line) < 130 for line in text.splitlines())


def test_a_picture_that_would_bloat_the_log_is_refused():
    with pytest.raises(ValueError, match="at most 100000"):
        picture(b"x" * 100_001, "curves")
