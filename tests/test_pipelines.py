"""The graph as Dagster sees it: what is in it, how fast it loads, what starts it, what watches it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import dagster as dg
import pytest
import yaml

from data.errors import InputError
from data.musdb.dataset import GROUPS
from pipelines import launch
from pipelines.definitions import build_defs
from pipelines.failures import record_failure
from pipelines.jobs import SCHEDULES, launches
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
ASSETS = {
    "nsynth_source": "data",
    "nsynth_shards": "data",
    "musdb_source": "data",
    "musdb_tracks": "data",
    "separation_songs": "data",
    "synthesis_autoencoder": "synthesis",
    "synthesis_embeddings": "synthesis",
    "synthesis_sequence": "synthesis",
    "synthesis_model": "synthesis",
    "synthesis_wavenet": "synthesis",
    "synthesis_notes": "synthesis",
    "synthesis_baseline_notes": "synthesis",
    "synthesis_scores": "synthesis",
    "synthesis_baseline_scores": "synthesis",
    "synthesis_instrument_map": "synthesis",
    "synthesis_sweeps": "synthesis",
    "synthesis_disentanglement": "synthesis",
    "synthesis_cost": "synthesis",
    "synthesis_champion": "synthesis",
    "synthesis_report": "synthesis",
    "separation_codec": "separation",
    "separation_latents": "separation",
    "separation_denoiser": "separation",
    "separation_mask_network": "separation",
    "separation_baseline_vocals": "separation",
    "separation_vocals": "separation",
    "separation_baseline_scores": "separation",
    "separation_scores": "separation",
    "separation_steps_study": "separation",
    "separation_average_study": "separation",
    "separation_report": "separation",
    "separation_noise_study": "separation",
    "separation_cost": "separation",
}


@pytest.fixture
def settings(tmp_path, monkeypatch) -> Settings:
    for name in [name for name in os.environ if name.startswith("TESSITURA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("TESSITURA_HOME", str(tmp_path / "home"))
    return Settings.read()


def specs(settings: Settings) -> dict[str, dg.AssetSpec]:
    graph = build_defs(settings).resolve_asset_graph()
    return {key.to_user_string(): graph.get(key).to_asset_spec() for key in graph.get_all_asset_keys()}


def test_every_asset_is_there_and_says_what_it_is(settings):
    found = specs(settings)
    assert {name: spec.group_name for name, spec in found.items()} == ASSETS
    for name, spec in found.items():
        assert spec.description, name
        assert spec.owners == ["team:tessitura"], name
        assert spec.kinds, name
        assert "-demo-" in spec.code_version, name


def test_another_preset_is_another_code_version(settings):
    other = specs(settings.model_copy(update={"preset": "small"}))
    assert all(other[name].code_version != spec.code_version for name, spec in specs(settings).items())


def test_data_are_checked_before_anything_trains(settings):
    graph = build_defs(settings).resolve_asset_graph()
    blocking = {key.name for key in graph.asset_check_keys if graph.get(key).blocking}
    assert blocking == {
        "no_leak", "few_quarantined", "readable", "weights_finite",
        "no_song_in_two_splits", "few_tracks_quarantined", "unit_variance", "denoiser_finite",
    }  # fmt: skip


def test_the_graph_loads_without_what_is_slow_to_import():
    program = (
        "from pipelines.definitions import defs; defs(); import sys; "
        "print({'torch', 'pandas', 'pyarrow', 'scipy', 'matplotlib'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_both_ways_to_load_the_graph_name_the_same_module():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    location = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    assert location["module_name"] == project["code_location_target_module"]
    assert location["location_name"] == project["code_location_name"]


def test_nightly_runs_are_asked_for_unless_one_is_going(settings, tmp_path):
    asked = {}
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        for schedule in SCHEDULES:
            requests = schedule(dg.build_schedule_context(instance=instance))
            asked[schedule.job_name] = [one.partition_key for one in requests]
            job = build_defs(settings).resolve_job_def(schedule.job_name)
            instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
            refused = schedule(dg.build_schedule_context(instance=instance))
            assert isinstance(refused, dg.SkipReason)
            assert "still going" in refused.skip_message
    assert asked == {"musdb_ingest": list(GROUPS), "synthesis": ["spectral"], "separation": ["concat"]}


def test_systems_are_launched_after_their_data(settings):
    graph = build_defs(settings)
    made: set[str] = set()
    for one in [*launches("synthesis"), *launches("separation", "inject")]:
        job = graph.resolve_job_def(one.job)
        assert one.partition in job.partitions_def.get_partition_keys()
        made |= {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
    assert made == set(ASSETS)
    with pytest.raises(InputError, match="'spectral' is no variant of separation; there are concat, inject"):
        launches("separation", "spectral")
    with pytest.raises(InputError, match="'x' is no system; there are synthesis, separation"):
        launches("x")


def test_a_failed_run_is_noted(tmp_path):
    record_failure(tmp_path / "home", "nightly", "r1", "disk full")
    path = record_failure(tmp_path / "home", "nightly", "r2", 'a "quoted"\nline')
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["run"], one["reason"]) for one in lines] == [("r1", "disk full"), ("r2", 'a "quoted"\nline')]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TESSITURA_PRESET", "huge", "TESSITURA_PRESET='huge': input should be 'demo', 'small' or 'paper'"),
        ("TESSITURA_DEVICE", "tpu", "TESSITURA_DEVICE='tpu'"),
        ("TESSITURA_CODEC", "mp3", "TESSITURA_CODEC='mp3': .*there are encodec_24khz"),
        ("TESSITURA_SEPARATORS", "umx", "TESSITURA_SEPARATORS='umx': .*'umx' is no separator"),
        ("TESSITURA_MOST_QUARANTINED", "2", "TESSITURA_MOST_QUARANTINED='2'"),
    ],
)
def test_a_wrong_setting_is_named(settings, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="(?i)" + said.replace("(", r"\(")):
        Settings.read()


def test_settings_can_come_from_a_file(settings, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("TESSITURA_PRESET=small\nTESSITURA_NSYNTH=/data/nsynth\nUNRELATED=1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    found = Settings.read()
    assert (found.preset, found.nsynth) == ("small", "/data/nsynth")
    assert found.store == tmp_path / "home" / "store" / "small"


def test_the_web_ui_starts_with_history_on_the_loopback_address(settings):
    started = []
    launch.serve(settings, 3456, lambda *arguments: started.append(arguments))
    (program, command, environment) = started[0]
    assert Path(program).name == "dagster"
    assert command[command.index("-h") + 1] == "127.0.0.1"
    assert command[command.index("-p") + 1] == "3456"
    assert environment["DAGSTER_HOME"] == str(settings.dagster_home)
    config = yaml.safe_load((settings.dagster_home / "dagster.yaml").read_text())
    assert config["telemetry"]["enabled"] is False
    assert config["concurrency"]["pools"]["default_limit"] == 1


def test_a_home_that_cannot_be_written_is_named(settings, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="TESSITURA_HOME"):
        launch.prepare_home(settings.model_copy(update={"home": tmp_path / "file" / "home"}))
