"""Tables of the conversion report, and published results beside ours: cells that can be done by hand."""

import numpy as np
import pandas as pd
import pytest

from eval.conversion.measures import MEASURES, definitions, figure
from eval.conversion.paper_results import NOT_PUBLISHED
from eval.conversion.paper_tables import NOT_COMPARABLE, published_tables
from eval.conversion.systems import conditions_of, name_of, scored, systems_of, with_group
from eval.conversion.tables import (
    clips_table,
    condition_tables,
    failures_table,
    hardest_of,
    ordered,
    paired_table,
    references_table,
    systems_table,
)
from eval.report.blocks import Table


def made_up(values: dict[str, list[float]], condition: str = "clean", **columns: object) -> pd.DataFrame:
    """Rows of key-free errors of each system on test clips a, b, c …, each of a song of its own."""
    return pd.DataFrame(
        [
            {"system": system, "clip": "abcdefgh"[place], "condition": condition, "singer": "s",
             "song": f"song {place}", "split": "test", "genre": "",
             "f0_rmse_cents_keyfree": value, "f0_rmse_ln": value / 1000, "f0_corr": 0.9,
             "key_shift_cents": 100.0, "reference": "tracker: pyin", "reason": None, **columns}
            for system, series in values.items()
            for place, value in enumerate(series)
        ]
    )  # fmt: skip


def row(table: Table, name: str) -> dict[str, str]:
    return dict(zip(table.columns, next(one for one in table.rows if one[0] == name), strict=True))


def test_means_by_hand():
    frames = [made_up({"proposed": [10.0, 40.0, 25.0], "crepe": [30.0, np.nan, 50.0]})]
    frames.append(made_up({"proposed": [20.0, 50.0, 80.0]}, "snr0"))
    (table,) = condition_tables(
        pd.concat(frames), ["f0_rmse_cents_keyfree", "mcd"], "converted voice", ["clean", "snr0"]
    )
    assert table.columns == ["System", "clean", "0 dB"]
    assert row(table, "Proposed")["clean"] == "25\n[10,\u00a040]"
    assert row(table, "CREPE")["clean"] == "40\n[30,\u00a050], 2\u00a0of\u00a03"
    assert row(table, "CREPE")["0 dB"] == "–"
    assert row(table, "Proposed")["0 dB"].startswith("50\n[")
    assert "smaller is better" in table.note


def test_clips_of_a_song_are_drawn_together():
    alone = made_up({"proposed": [10.0, 20.0, 30.0, 40.0]})
    both, one = (
        condition_tables(alone.assign(song=songs), ["f0_rmse_cents_keyfree"], "voice", ["clean"])[0]
        for songs in (["one", "one", "two", "two"], "one")
    )
    assert row(both, "Proposed")["clean"] == "25\n[15,\u00a035]"
    assert row(one, "Proposed")["clean"] == "25.0\n[no\u00a0interval]"
    assert with_group(alone.assign(song=""))["group"].tolist() == list("abcd")
    assert with_group(alone.assign(song="one", singer="x"))["group"].tolist() == ["x/one"] * 4


def test_rows_without_scores_and_of_other_splits_do_not_count():
    frame = made_up({"proposed": [10.0, 20.0, 60.0]})
    frame.loc[2, "reason"] = "too short"
    frame.loc[1, "split"] = "valid"
    table = systems_table(frame, ["f0_rmse_cents_keyfree"], "clean", "Caption")
    assert row(table, "Proposed") == {
        "System": "Proposed", "Clips": "1", "F0RMSE key-free, cents": "10.0\n[no\u00a0interval]",
    }  # fmt: skip
    lost = failures_table(frame, pd.DataFrame())
    assert lost is not None
    assert lost.rows == [["Proposed", "c", "clean", "too short"]]
    assert failures_table(made_up({"proposed": [1.0]})) is None
    assert len(scored(frame, "valid")) == 1


def test_differences_and_their_test_by_hand():
    ours, theirs = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.5, 3.0, 4.5, 6.0, 7.5, 5.0]
    table = paired_table(made_up({"proposed": ours, "crepe": theirs}), ["f0_rmse_cents_keyfree"], "clean", "voice")
    assert table is not None
    cell = row(table, "CREPE")["F0RMSE key-free, cents (below 0 is better)"].replace("\u00a0", " ")
    assert cell.startswith("-1.1 [")  # mean of -0.5, -1, -1.5, -2, -2.5, 1
    assert "p 0.125; better on 5 of 6" in cell  # signed ranks 1, 2.5, 4, 5, 6 against 2.5
    assert paired_table(made_up({"proposed": ours}), ["f0_rmse_cents_keyfree"], "clean", "voice") is None
    assert paired_table(made_up({"proposed": ours}), ["f0_rmse_cents_keyfree"], "snr0", "voice") is None


def test_the_worst_clips_come_first_and_those_without_a_value_before_them():
    frame = pd.concat([made_up({"proposed": [10.0, np.nan, 60.0, 30.0]}), made_up({"proposed": [1.0]}, "snr10")])
    assert ordered(frame, "clean") == ["b", "c", "d", "a"]
    assert ordered(frame, "clean", "f0_corr") == ["a", "b", "c", "d"]
    assert ordered(frame, "snr0") == []
    assert hardest_of(frame) == "snr10"
    assert hardest_of(frame[frame["condition"] == "clean"]) == "clean"
    table = clips_table(frame, ["b", "c", "d", "a"], ["clean", "snr10"])
    assert [one[0] for one in table.rows] == ["b", "c", "d", "a"]
    assert table.rows[3] == ["a", "s", "song 0", "10.0", "1.0"]
    assert table.rows[0][3:] == ["no value", "no value"]


def test_references_are_counted_by_clip():
    frame = pd.concat([made_up({"proposed": [1.0, 2.0]}), made_up({"proposed": [1.0, 2.0]}, "snr0")])
    frame.loc[frame["clip"] == "b", "reference"] = "human"
    table = references_table(frame)
    assert table is not None
    assert table.rows == [["human", "1"], ["tracker: pyin", "1"]]
    assert references_table(frame.iloc[:0]) is None


def test_published_values_stand_beside_ours_under_their_definition():
    frame = pd.concat(
        [made_up({"proposed": [100.0, 300.0], "original": [400.0, 400.0]}), made_up({"proposed": [300.0]}, "snr0")]
    )
    paper, demo, peers = published_tables(frame, "a few clips", comparable=True)
    rows = {(one[0], one[1].split(":")[0]): dict(zip(paper.columns, one, strict=True)) for one in paper.rows}
    ours = rows["Proposed (WavLM)", "F0RMSE"]
    assert (ours["clean, published"], ours["0 dB, published"]) == ("0.169", "0.199")
    assert (ours["clean, here"], ours["0 dB, here"], ours["5 dB, here"]) == ("0.200", "0.300", "no value")
    assert ours["Metric"] == "F0RMSE: F0RMSE, ln here"
    assert [ours[f"{one}, published"] for one in ("15 dB", "10 dB", "5 dB")] == [NOT_PUBLISHED] * 3
    assert rows["Proposed (WavLM)", "F0CORR"]["clean, published"] == "0.960"
    theirs = rows["Original Pitch&Energy", "F0RMSE"]
    assert (theirs["clean, published"], theirs["0 dB, published"], theirs["clean, here"]) == ("0.165", "0.353", "0.400")
    assert rows["Crepe", "F0RMSE"]["clean, published"] == NOT_PUBLISHED
    assert rows["Crepe", "F0RMSE"]["clean, here"] == "–"
    assert "natural logarithm" in paper.note
    assert row(demo, "ln F0, voiced in both, key kept")["Proposed here, clean"] == "0.200"
    assert row(peers, "Proposed, here")["F0CORR"] == "0.900"


def test_synthetic_singing_is_never_shown_beside_published_values():
    frame = made_up({"proposed": [123.0, 123.0], "original": [456.0, 456.0]})
    for table in published_tables(frame, "a few clips", comparable=False):
        cells = [cell for one in table.rows for cell in one]
        assert NOT_COMPARABLE in cells
        assert not {"0.123", "0.456", "0.900", "123.0"} & set(cells)


def test_names_and_order():
    frame = pd.concat(
        [made_up({"swift-f0": [1.0], "copy_source": [1.0], "proposed": [1.0]}, one) for one in ("snr0", "x")]
    )
    assert systems_of(frame) == ["proposed", "copy_source", "swift-f0"]
    assert conditions_of(frame) == ["snr0"]
    assert (name_of("original"), name_of("swift-f0")) == ("Original pitch & energy", "swift-f0")


@pytest.mark.parametrize(("value", "text"), [(1.25, "1.2"), (np.nan, "no value"), (None, "–")])
def test_figures(value, text):
    assert figure(value, "f0_rmse_cents_keyfree") == text


def test_every_measure_is_defined():
    assert len(definitions()) == len(MEASURES)
    assert {one.better for one in MEASURES.values()} == {"larger", "smaller", ""}
