"""What the event log keeps for ever is bounded."""

import base64
import re

import pandas as pd
import pytest

from assets.display import dots, files, line, picture, table


def test_a_table_shows_what_there_is():
    frame = pd.DataFrame({"name": ["a|b", "two\nlines"], "value": [1.23456, float("nan")]})
    assert [one.data for one in table(frame).records] == [
        {"name": "a|b", "value": "1.235"},
        {"name": "two lines", "value": "nan"},
    ]


def test_a_table_is_bounded_and_counts_what_it_leaves_out():
    frame = pd.DataFrame({"name": ["x" * 10_000] * 5_000, "n": range(5_000)})
    records = table(frame).records
    assert len(records) == 41
    assert records[-1].data == {"name": "and 4,960 more rows", "n": ""}
    assert all(len(one.data["name"]) <= 120 for one in records)


def test_a_line_is_short_enough_to_be_shown_without_a_click_and_goes_the_right_way():
    text = line([10.0 / (one + 1) for one in range(5_000)], "loss](javascript:evil)<script>").value
    assert len(text) < 1000
    assert text.endswith("10 → 0.002")
    assert text.startswith("![lossjavascriptevilscript](data:image/svg+xml;base64,")
    drawing = base64.b64decode(text[text.index("base64,") + 7 : text.index(")")]).decode()
    heights = [int(one.split(",")[1]) for one in re.search("points='([^']*)'", drawing)[1].split()]
    assert heights == sorted(heights), "the axis of a picture points down"
    assert (heights[0], heights[-1]) == (4, 56)


def test_dots_are_short_enough_to_be_shown_without_a_click_and_lie_where_they_belong():
    assert len(dots([(float(one), -float(one)) for one in range(5_000)], "x" * 100).value) < 1000
    text = dots([(0.0, 0.0), (1.0, 1.0)], "two").value
    assert text.endswith(" 2 points")
    drawing = base64.b64decode(text[text.index("base64,") + 7 : text.index(")")]).decode()
    assert "d='M4 116h0M236 4h0'" in drawing, "from lower left to upper right"
    assert dots([(2.0, 2.0)], "one").value.endswith(" 1 points")
    assert dots([], "none").value == "none: nothing to draw"


def test_the_files_of_a_version_stand_with_their_sizes_the_largest_first(tmp_path):
    (tmp_path / "sounds").mkdir()
    (tmp_path / "a.json").write_bytes(b"x" * 2_000)
    (tmp_path / "sounds" / "b.flac").write_bytes(b"x" * 1_500_000)
    assert [one.data for one in files(tmp_path).records] == [
        {"file": "sounds/b.flac", "MB": "1.500"}, {"file": "a.json", "MB": "0.002"},
    ]  # fmt: skip


@pytest.mark.parametrize(("values", "said"), [([], "a: nothing measured"), ([2.0], "a: 2"), ([1.0, 1.0], "1 → 1")])
def test_a_line_of_few_or_equal_values(values, said):
    assert line([*values, float("nan")], "a").value.endswith(said)


def test_a_picture_that_would_bloat_the_log_is_refused():
    with pytest.raises(ValueError, match="at most 100000"):
        picture(b"x" * 100_001, "curves")
