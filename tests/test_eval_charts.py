"""Charts are drawn where their values are, tell them, and have the same values as a table."""

import re

import numpy as np
import pandas as pd
import pytest
from test_eval_report import Tags, document

from eval.report.axes import Axis, axis_of
from eval.report.curves import Curves, Panel
from eval.report.document import Document, Section, render
from eval.report.palette import Palette
from eval.report.spreads import Spread
from eval.report.training import training_charts


def page(*blocks) -> str:
    return render(Document("t", [], [], [Section("s", blocks)]))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2, 17.9), (1e-6, 2e-6), (100.0, 45000.0), (5.0, 5.0)])
def test_ticks_are_round_distinct_and_inside(low, high):
    axis = axis_of([low, high])
    ticks = axis.ticks()
    assert 3 <= len(ticks) <= 9
    assert len({text for _, text in ticks}) == len(ticks)
    assert all(-1e-9 <= axis.at(value) <= 1 + 1e-9 for value, _ in ticks)


def test_a_logarithmic_axis_has_equal_steps_for_equal_ratios_and_is_linear_where_it_must_be():
    axis = axis_of([0.01, 100.0], log=True)
    assert axis.at(0.1) - axis.at(0.01) == pytest.approx(axis.at(100.0) - axis.at(10.0))
    assert [text for _, text in axis.ticks()] == ["0.01", "0.1", "1", "10", "100"]
    assert len(axis_of([0.5, 7.0], log=True).ticks()) >= 3
    assert axis_of([-1.0, 5.0], log=True).log is False
    assert axis_of([np.nan, np.inf]) == Axis(0.0, 1.0)


def test_a_spread_has_the_quartiles_and_every_item():
    values = {
        "A": {f"song {x}": float(x) for x in range(9)},
        "B": {"song 0": np.nan, "song 1": np.inf},
        "C": {"song 0": 4.0},
    }
    chart = Spread("How?", "dB", values, digits=1)
    first, last = chart.rows
    assert [first.name, last.name] == ["A", "C"]
    assert first.box == [chart.at(one) for one in (0, 2, 4, 6, 8)]
    assert first.told == "A: median 4.0, quartiles 2.0 and 6.0; 9 of 9 songs"
    assert [told for _, _, told in first.marks][:2] == ["song 0, A: 0.0", "song 1, A: 1.0"]
    assert [x for x, _, _ in first.marks] == sorted(chart.at(one) for one in range(9))
    (twin,) = chart.twin
    assert twin.rows == [["A", "9", "0.0", "2.0", "4.0", "6.0", "8.0"], ["C", "1", *["4.0"] * 5]]


def test_of_many_items_a_hundred_are_drawn_the_lowest_and_the_highest_among_them():
    chart = Spread("How?", "dB", {"A": {str(x): float(x) for x in range(5000)}})
    (row,) = chart.rows
    assert len(row.marks) == 100
    assert {"0, A: 0", "4999, A: 4,999"} <= {told for _, _, told in row.marks}
    assert len(page(chart)) < 60_000


def test_a_curve_passes_through_its_values_and_breaks_where_one_is_missing():
    panel = Panel("p", "dB", [0, 1, 2, 3, 4], {"A": [1.0, 2.0, np.nan, 4.0, np.nan], "B": [5.0] * 5})
    (drawn,) = Curves("How?", [panel], "step").drawn
    curve, other = drawn.curves
    expected = [(drawn.across(x), drawn.up(y)) for x, y in ((0, 1.0), (1, 2.0), (3, 4.0))]
    assert list(curve.marks) == expected
    assert curve.path.count("M") == 2
    assert other.path.count("M") == 1
    assert drawn.up(5.0) < drawn.up(1.0)  # upwards
    assert drawn.slots[2][2] == "step 2: A no value; B 5"
    left, _, right, _ = drawn.frame
    assert sum(width for _, width, _ in drawn.slots) == pytest.approx(right - left, abs=0.5)


def test_long_curves_tell_sixty_places_and_the_table_the_same():
    chart = Curves(
        "How?", [Panel("", "Hz", list(range(2000)), {"A": list(range(2000))})], "second", wide=True, marked=False
    )
    (drawn,), (twin,) = chart.drawn, chart.twin
    assert len(drawn.slots) == len(twin.rows) == 60
    assert twin.rows[0] == ["0", "0"]
    assert twin.rows[-1] == ["1,999", "1,999"]


def test_a_system_has_the_same_colour_in_tables_players_charts():
    palette = Palette(["plain"], ["plain: 2"])
    html = render(document("plain"))
    colour = palette.look("plain").colour
    classes = [one.get("class") or "" for _, one in Tags(html).found]
    assert sum(colour in one.split() for one in classes) >= 6
    grey = [one for one in classes if "grey" in one.split()]
    assert grey


def test_a_training_has_its_loss_and_its_metrics_by_unit():
    history = pd.DataFrame(
        {"step": range(1, 1001), "loss": np.linspace(2, 1, 1000), "valid_sdr": [np.nan] * 999 + [-1.5],
         "valid_l1": [0.5] + [np.nan] * 999, "seconds": np.linspace(0, 90, 1000)}
    )  # fmt: skip
    (chart,) = training_charts({"mask_network": history})
    assert chart.question == "Had “mask network” stopped improving when it ended?"
    assert chart.note == "1,000 steps in 1.5 min, last loss 1."
    assert [(one.unit, list(one.curves)) for one in chart.panels] == [
        ("loss", ["loss"]), ("validation", ["l1"]), ("validation, dB", ["sdr"]),
    ]  # fmt: skip
    assert len(chart.panels[0].x) == 400
    losses = chart.panels[0].curves["loss"]
    assert (losses[0], losses[-1]) == (
        pytest.approx(history["loss"][:3].mean()),
        pytest.approx(history["loss"][-2:].mean()),
    )


def test_every_mark_has_a_text_and_every_chart_asks():
    html = render(document("plain"))
    marks = re.findall(r'class="[^"]*\bmark\b[^"]*"[^>]*>(<title>[^<]+</title>)?', html)
    assert len(marks) > 20
    assert all(marks)
    assert sum(one.endswith("?") for one in re.findall(r"<h3>([^<]*)</h3>", html)) >= 3
