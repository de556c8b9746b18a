"""Listening tests from the store to the report: exported, answered, taken by the sensor, judged on the command line."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from simulated_listeners import session
from test_models_separation import TINY
from tiny import write_musdb
from tiny_graph import Home, names_of
from tiny_listening import QUALITY, written_test
from typer.testing import CliRunner

from data.errors import InputError
from eval.listening.write import KEY, read_plan
from models.separation import cost, presets
from pipelines.cli import app
from pipelines.listening import export_tests
from pipelines.results import results_sensor
from pipelines.settings import Settings

NAMES = {"A - One": "train", "Leaf - Summerghost": "train", "M.E.R.C. - Three": "test", "Zed - Four": "test"}


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A separation system with its report, and its exported test, answered by four simulated listeners."""
    patch = pytest.MonkeyPatch()
    patch.setitem(presets.PRESETS, "demo", replace(TINY, compared=(1, 3)))
    for name, value in {"_SECONDS": 1, "_ROUNDS": 1, "_LENGTHS": (1, 2)}.items():
        patch.setattr(cost, name, value)
    home = Home(tmp_path_factory.mktemp("home"), musdb=str(write_musdb(tmp_path_factory.mktemp("songs"), NAMES)))
    home.materialize("musdb_source", "musdb_tracks", *names_of("separation"))
    settings = Settings(home=home.environment.home, preset="demo", musdb=home.environment.musdb, device="cpu")
    folder = tmp_path_factory.mktemp("tests")
    (test,) = export_tests(settings, "separation", folder)
    yield home, settings, folder, test
    patch.undo()


def answer(test: Path, count: int, first: int = 0) -> None:
    """Let simulated listeners answer a test."""
    plan = read_plan(test / KEY)
    for number in range(first, first + count):
        told = session(plan, number, {"masks": 0.6, "diffusion": 0.3})
        (test / "results" / f"{number}.json").write_text(json.dumps(told))


def test_an_exported_test_has_the_systems_of_the_test_songs(exported):
    _, _, _, test = exported
    plan = read_plan(test / KEY)
    assert plan.kind == "mushra"
    assert {one.item for one in plan.sounds.values()} == {"M.E.R.C. - Three", "Zed - Four"}
    assert {one.system for one in plan.sounds.values() if one.role == "system"} == {"masks", "diffusion"}
    assert plan.provenance["preset"] == "demo"
    assert (test / "public" / "index.html").is_file()
    assert "listeners decide" in (test / "README.txt").read_text()


def test_exporting_again_leaves_results_alone(exported):
    _, settings, folder, test = exported
    kept = test / "results" / "kept.txt"
    kept.write_text("mine")
    assert export_tests(settings, "separation", folder) == [test]
    assert kept.read_text() == "mine"
    assert not list(folder.glob(".*"))
    kept.unlink()


def test_before_anything_was_made_the_error_names_the_command(tmp_path):
    with pytest.raises(InputError, match="make it with: tessitura run conversion"):
        export_tests(Settings(home=tmp_path), "conversion", tmp_path / "out")


def test_answers_reach_the_report_and_the_sensor_sees_new_ones(exported, tmp_path):
    home, _, folder, test = exported
    mine = Home(home.environment.home, musdb=home.environment.musdb, ratings=str(folder))
    sensor = results_sensor(mine.graph)
    answer(test, 4)
    with dg.DagsterInstance.ephemeral() as instance:
        first = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=None, definitions=_defs(mine)))
        (request,) = first.run_requests
        assert {one.path[-1] for one in request.asset_selection} == {
            "listening_results", "listening_ratings", "separation_report",
        }  # fmt: skip
        again = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=first.cursor, definitions=_defs(mine)))
        assert not again.run_requests
        assert "no new results" in str(again.skip_message)
        answer(test, 1, first=4)
        third = sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=first.cursor, definitions=_defs(mine)))
        assert len(third.run_requests) == 1
    result = mine.materialize("listening_results", "listening_ratings", "separation_report")
    assert result.success
    ratings = pd.read_parquet(mine.current("listening_ratings") / "ratings.parquet")
    assert ratings["listener"].nunique() == 5
    page = (mine.current("separation_report") / "report.html").read_text()
    assert "Listening tests" in page
    assert "5 listeners, 2 items" in page
    assert "Discriminative network" in page
    assert home.current("listening_ratings") is None  # without TESSITURA_RATINGS it is not looked for
    assert "listening_ratings" not in home.graph.registry.assets


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
    assert told.output.strip() == "no results that can be used yet; left out: 1 × partial: 17 of 18 trials"
    shutil.rmtree(tmp_path / "private")
    assert CliRunner().invoke(app, ["score", "listening", str(tmp_path)]).exit_code == 1
