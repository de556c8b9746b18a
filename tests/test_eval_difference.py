"""Two reports compared by their numbers."""

import json

import pytest
from typer.testing import CliRunner

from data.errors import InputError
from eval.report.difference import Value, difference, lines, read_metrics
from pipelines.cli import app

FIRST = {
    "provenance": {"commit": "aaa", "preset": "small"},
    "checks": {"in_tune": {"passed": True}, "complete": {"passed": True}},
    "test": {"sing": {"loss": {"mean": 0.6, "low": 0.5, "high": 0.7}, "mse": {"mean": 1.0}}, "old": {"x": {"mean": 1}}},
    "cost": {"seconds": 3.0, "ok": True},
    "definitions": {"loss": "told"},
}
SECOND = {
    "provenance": {"commit": "bbb", "preset": "small", "experiment": "wide"},
    "checks": {"in_tune": {"passed": False}, "complete": {"passed": True}},
    "test": {"sing": {"loss": {"mean": 0.4, "low": 0.3, "high": 0.45}, "mse": {"mean": 1.0}}},
    "cost": {"seconds": 2.0},
}


def test_only_what_differs_is_told():
    found = difference(FIRST, SECOND)
    assert found.provenance == {"commit": ("aaa", "bbb"), "experiment": ("", "wide")}
    assert found.checks == {"in_tune": (True, False)}
    assert found.numbers == {
        "test sing loss": (Value(0.6, 0.5, 0.7), Value(0.4, 0.3, 0.45)),
        "test old x": (Value(1.0), None),
        "cost seconds": (Value(3.0), Value(2.0)),
    }
    assert found.same == 1
    told = "\n".join(lines(found))
    assert "0.60 [0.50, 0.70] → 0.400 [0.300, 0.450]  -0.2 *" in told
    assert "in tune: passed → not passed" in told
    assert "1 values are the same" in told


def test_a_report_is_the_same_as_itself():
    found = difference(FIRST, FIRST)
    assert not found.numbers
    assert not found.checks
    assert found.same == 4


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000, "3"])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(InputError, match=r"metrics\.json: damaged"):
        read_metrics(tmp_path)


def test_hostile_content_is_only_told():
    hostile = {"provenance": 3, "checks": [1], "test": {"a": {"mean": "x"}, "b": {"mean": 1, "low": []}}}
    assert difference(hostile, FIRST).numbers["test b"] == (Value(1.0), None)


def test_by_the_command_line_by_folder_or_file(tmp_path):
    for name, content in (("a", FIRST), ("b", SECOND)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.json").write_text(json.dumps(content))
    (tmp_path / "b" / "report.html").touch()
    told = CliRunner().invoke(app, ["diff", str(tmp_path / "a"), str(tmp_path / "b" / "report.html")])
    assert told.exit_code == 0
    assert "cost seconds" in told.output
    values = json.loads(CliRunner().invoke(app, ["diff", str(tmp_path / "a"), str(tmp_path / "b"), "--json"]).output)
    assert values["checks"] == {"in_tune": [True, False]}
    with pytest.raises(InputError, match="name the folder of a report"):
        read_metrics(tmp_path / "none")
