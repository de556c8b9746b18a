"""Evaluations in parts: what a stopped evaluation has finished is read, not made again."""

import pandas as pd
import pytest

from data.execution import Execution
from data.progress import Progress
from eval.parts import clear_parts, evaluate_in_parts


def evaluation(calls: list[int], broken: int | None = None):
    def evaluate(number: int) -> dict[str, pd.DataFrame]:
        if number == broken:
            raise OSError("the disk is full")
        calls.append(number)
        return {"scores": pd.DataFrame({"part": [number, number]}), "seconds": pd.DataFrame({"second": [number * 10]})}

    return evaluate


def run(folder, evaluate, count: int = 5):
    names, progress = ("scores", "seconds"), Progress("score", total=count, unit="parts")
    return evaluate_in_parts(Execution(folder), names, range(count), evaluate, progress)


def test_parts_are_gathered_in_order(tmp_path):
    found = run(tmp_path, evaluation([]))
    assert found["scores"]["part"].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert found["seconds"]["second"].tolist() == [0, 10, 20, 30, 40]


def test_a_stopped_evaluation_goes_on_where_it_was(tmp_path):
    first: list[int] = []
    with pytest.raises(OSError, match="disk is full"):
        run(tmp_path, evaluation(first, broken=3))
    assert set(first) >= {0, 1, 2}
    again: list[int] = []
    found = run(tmp_path, evaluation(again))
    assert set(again).isdisjoint(first)
    assert set(again) | set(first) == {0, 1, 2, 3, 4}
    pd.testing.assert_frame_equal(found["scores"], run(tmp_path / "anew", evaluation([]))["scores"])


def test_a_part_of_which_a_table_is_missing_is_made_again(tmp_path):
    run(tmp_path, evaluation([]))
    (tmp_path / "parts" / "000002-seconds.parquet").unlink()
    calls: list[int] = []
    run(tmp_path, evaluation(calls))
    assert calls == [2]


def test_parts_are_cleared_when_they_are_safe_elsewhere(tmp_path):
    run(tmp_path, evaluation([]))
    clear_parts(Execution(tmp_path))
    assert list(tmp_path.iterdir()) == []
    clear_parts(Execution(tmp_path))


def test_nothing_to_evaluate_gives_empty_tables(tmp_path):
    assert {name: len(frame) for name, frame in run(tmp_path, evaluation([]), 0).items()} == {"scores": 0, "seconds": 0}
