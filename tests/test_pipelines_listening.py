"""Listening tests outside the graph: exported, missing, judged on the command line."""

import json
import shutil

import dagster as dg
import pandas as pd
import pytest
from simulated_listeners import session
from tiny_graph import Home
from tiny_listening import QUALITY, written_test
from typer.testing import CliRunner

from data.errors import InputError
from pipelines.cli import app
from pipelines.listening import export_tests
from pipelines.results import results_sensor
from pipelines.settings import Settings


def test_before_anything_was_made_the_error_names_the_command(tmp_path):
    with pytest.raises(InputError, match="make it with: tessitura run conversion"):
        export_tests(Settings(home=tmp_path), "conversion", tmp_path / "out")


def _defs(home: Home) -> dg.Definitions:
    assets = home.graph.definitions()
    keys = [home.graph.key(name) for name in ("listening_results", "listening_ratings")]
    return dg.Definitions(
        assets=assets, jobs=[dg.define_asset_job("listening", selection=dg.AssetSelection.assets(*keys))]
    )


def test_a_missing_folder_of_results_is_told_by_the_sensor(tmp_path):
    home = Home(tmp_path, ratings=str(tmp_path / "none"))
    with dg.DagsterInstance.ephemeral() as instance:
        told = results_sensor(home.graph).evaluate_tick(
            dg.build_sensor_context(instance, cursor=None, definitions=_defs(home))
        )
    assert not told.run_requests
    assert "no such folder" in str(told.skip_message)


@pytest.mark.parametrize("kind", ["mos", "ab"])
def test_the_command_line_judges_and_writes_what_it_used(tmp_path, kind):
    written_test(tmp_path / "test", kind, sessions=5)
    (tmp_path / "test" / "results" / "bad.json").write_text("{")
    told = CliRunner().invoke(app, ["score", "listening", str(tmp_path / "test"), "-o", str(tmp_path / "out")])
    assert told.exit_code == 0, told.output
    assert "5 listeners, 4 items" in told.output
    assert "unreadable" in told.output
    assert pd.read_parquet(tmp_path / "out" / "ratings.parquet")["listener"].nunique() == 5
    values = CliRunner().invoke(app, ["score", "listening", str(tmp_path / "test"), "--json"])
    means = {one["system"]: one["mean"] for one in json.loads(values.output)["means"]}
    assert means["clean"] > means["bad"]


def test_without_results_the_command_line_says_so(tmp_path):
    plan = written_test(tmp_path, "mos")
    told = CliRunner().invoke(app, ["score", "listening", str(tmp_path)])
    assert told.output.strip() == "no results that can be used yet"
    late = session(plan, 0, QUALITY)
    late["trials"].pop()
    (tmp_path / "results" / "late.json").write_text(json.dumps(late))
    told = CliRunner().invoke(app, ["score", "listening", str(tmp_path)])
    assert told.output.splitlines()[-1] == "no results that can be used yet"
    assert "partial         1" in told.output
    shutil.rmtree(tmp_path / "private")
    assert CliRunner().invoke(app, ["score", "listening", str(tmp_path)]).exit_code == 1
