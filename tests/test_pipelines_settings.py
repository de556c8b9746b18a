"""Settings: typed, checked, read once, frozen into what is started from here; and Dagster's home is its user's."""

import json
import os
import re

import pytest
import yaml
from tiny_disk import small_disk
from tiny_forked import Forked

from data.errors import InputError
from pipelines import launch
from pipelines.failures import record_failure
from pipelines.settings import CHECKOUT, FROZEN, Settings


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TESSITURA_PRESET", "huge", "TESSITURA_PRESET='huge': input should be 'demo', 'small' or 'paper'"),
        ("TESSITURA_DEVICE", "tpu", "TESSITURA_DEVICE='tpu'"),
        ("TESSITURA_CODEC", "mp3", "TESSITURA_CODEC='mp3': .*there are encodec_24khz"),
        ("TESSITURA_SEPARATORS", "umx", "TESSITURA_SEPARATORS='umx': .*'umx' is no separator"),
        ("TESSITURA_ENCODER", "wav2vec", "TESSITURA_ENCODER='wav2vec': .*there are hubert-base"),
        ("TESSITURA_SPEAKER_ENCODER", "/no/file.pt", "TESSITURA_SPEAKER_ENCODER='/no/file.pt': .*there is nothing"),
        ("TESSITURA_RECOGNISER", "/no/folder", "TESSITURA_RECOGNISER='/no/folder': .*there is nothing"),
        ("TESSITURA_MOST_QUARANTINED", "2", "TESSITURA_MOST_QUARANTINED='2'"),
    ],
)
def test_a_wrong_setting_is_named(settings, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"(?i){said}"):
        Settings.read()


def test_a_home_that_is_a_loop_of_links_is_named(settings, tmp_path, monkeypatch):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    monkeypatch.setenv("TESSITURA_HOME", str(tmp_path / "loop"))
    with pytest.raises(InputError, match=r"TESSITURA_HOME=.*loop.*choose another folder"):
        Settings.read()


def test_settings_can_come_from_a_file(settings, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("TESSITURA_PRESET=small\nTESSITURA_NSYNTH=/data/nsynth\nUNRELATED=1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    found = Settings.read()
    assert (found.preset, found.nsynth) == ("small", "/data/nsynth")
    assert found.store_folder == tmp_path / "home" / "store"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TESSITURA_MUSBD", "TESSITURA_MUSBD is no setting; do you mean TESSITURA_MUSDB?"),
        ("tessitura_nsynt", "tessitura_nsynt is no setting; do you mean TESSITURA_NSYNTH?"),
        ("TESSITURA_XYZW", "TESSITURA_XYZW is no setting; there are TESSITURA_CACHE, "),
    ],
)
def test_a_misspelt_variable_is_named_with_the_nearest_one(settings, tmp_path, monkeypatch, name, said):
    (tmp_path / ".env").write_text(f"# mine\n{name}=/data\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    with pytest.raises(InputError, match=re.escape(f"{tmp_path / '.env'}: {said}")):
        Settings.read()
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv(name, "")
    with pytest.raises(InputError, match=re.escape(said)):
        Settings.read()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"A=1\n\nTESSITURA_MUSDB='/data/my songs\n", 'line 3: "TESSITURA_MUSDB=\'/data/my songs" cannot be read'),
        (b'TESSITURA_MUSDB="/data\nTESSITURA_PRESET=small\n', "line 1: 'TESSITURA_MUSDB=\"/data' cannot be read"),
        (b"TESSITURA_PRESET small\n", "line 1: 'TESSITURA_PRESET small' cannot be read; write NAME=VALUE"),
        (b"TESSITURA_PRESET\n", "line 1: 'TESSITURA_PRESET' cannot be read; write NAME=VALUE"),
        (b"TESSITURA_MUSDB=/data/m\xfcsik\n", "not UTF-8 (byte 23)"),
    ],
)
def test_a_file_of_settings_that_cannot_be_read_is_named(settings, tmp_path, monkeypatch, content, said):
    (tmp_path / ".env").write_bytes(content)
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    with pytest.raises(InputError, match=re.escape(said)) as found:
        Settings.read()
    assert str(found.value).startswith(str(tmp_path / ".env"))


def test_frozen_settings_stand_whatever_is_edited_later(settings, monkeypatch):
    settings.model_copy(update={"preset": "small"}).freeze()
    try:
        monkeypatch.setenv("TESSITURA_PRESET", "paper")
        assert Settings.read().preset == "small"
    finally:
        del os.environ[FROZEN]
    assert Settings.read().preset == "paper"


def test_a_process_of_dagster_that_loads_the_definitions_freezes_the_settings(settings, tmp_path):
    """A run worker is a child of the code server: it inherits what the server froze when it loaded the graph."""
    program = (
        "import os, subprocess, sys; from pipelines.definitions import defs; defs(); "
        "os.environ['TESSITURA_PRESET'] = 'paper'; "
        "subprocess.run([sys.executable, '-c', "
        "'from pipelines.settings import Settings; print(Settings.read().preset)'], check=True)"
    )
    environment = {**os.environ, "TESSITURA_PRESET": "small"}
    assert Forked(program, [], {**environment, "PYTHONPATH": str(CHECKOUT)}).wait().stdout == "small\n"


def test_dagsters_configuration_belongs_to_its_user(settings):
    home = launch.prepare_home(settings)
    assert (home / "dagster.yaml").is_file()
    (home / "dagster.yaml").write_text("storage: {postgres: {}}\n")
    assert launch.prepare_home(settings) == home
    assert (home / "dagster.yaml").read_text() == "storage: {postgres: {}}\n"


def test_dagster_home_is_honoured(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "mine"))
    assert launch.prepare_home(settings) == tmp_path / "mine"
    config = yaml.safe_load((tmp_path / "mine" / "dagster.yaml").read_text())
    assert config["telemetry"]["enabled"] is False
    assert config["concurrency"]["pools"]["default_limit"] == 1
    assert not (settings.home / "dagster").exists()


def test_a_home_that_cannot_be_written_is_named(settings, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="TESSITURA_HOME"):
        launch.prepare_home(settings.model_copy(update={"home": tmp_path / "file" / "home"}))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(InputError, match="DAGSTER_HOME"):
        launch.prepare_home(settings)


def test_a_damaged_database_is_named(settings):
    home = launch.prepare_instance(settings)
    damaged = sorted(home.rglob("runs.db"))
    damaged[0].write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match=rf"^{re.escape(str(damaged[0]))}: .* damaged .* move it away") as found:
        launch.prepare_instance(settings)
    assert "\n" not in str(found.value)


def test_databases_on_a_full_disk_are_not_called_damaged(settings, tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            pytest.skip("this user may not mount a tmpfs")
        own = settings.model_copy(update={"home": disk.root / "home"})
        home = launch.prepare_instance(own)
        with disk.full(0), pytest.raises(InputError) as found:
            launch.prepare_instance(own)
        assert str(found.value) == f"{home}: no space left for Dagster's database; free space on that disk"
        launch.prepare_instance(own)


def test_a_failed_run_is_noted(tmp_path):
    record_failure(tmp_path / "home", "nightly", "r1", "disk full")
    path = record_failure(tmp_path / "home", "nightly", "r2", 'a "quoted"\nline')
    record_failure(tmp_path / "home", "nightly", "r1", "noted before")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(one["run"], one["reason"]) for one in lines] == [("r1", "disk full"), ("r2", 'a "quoted"\nline')]
