"""The whole synthesis branch materialised through Dagster with tiny networks on tiny data."""

import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest
import soundfile
import yaml
from tiny import write_nsynth
from tiny_forked import Forked
from tiny_graph import Home, metadata, names_of
from tiny_portable import run_alone

from data.errors import InputError
from data.files.durable import file_sha256, read_json
from models.synthesis import presets
from models.synthesis.config import (
    AutoencoderConfig,
    EvaluationNotes,
    OnsetTraining,
    SequenceConfig,
    SynthesisConfig,
    Thresholds,
)
from models.synthesis.harmonic.config import HarmonicConfig, HarmonicSizes
from models.synthesis.wavenet_config import WavenetConfig
from models.training.config import FitConfig
from pipelines.portable.chosen import Wish
from pipelines.portable.export import export_model
from pipelines.settings import Settings
from pipelines.synthesize import Music, play

FIT = FitConfig(steps=3, batch_size=4, learning_rate=1e-3, validate_every=3, checkpoint_every=2, report_every=1)
TINY = SynthesisConfig(
    autoencoder=AutoencoderConfig(channels=8, dimension=4, rewrites=1, fourier=True),
    sequence=SequenceConfig(hidden=8, layers=1, dimension=4),
    pitch_shifts=(-1, 0, 1),
    onsets=OnsetTraining(40, 3),
    train_autoencoder=FIT,
    train_sequence=FIT,
    fine_tune=FIT,
    validation_notes=4,
    evaluated=EvaluationNotes(train=4, griffin_lim=8),  # none of the WaveNet: its sampling takes 20 s
    wavenet=WavenetConfig(encoder_width=4, width=4, skip=4, stacks=1, layers=3, code=2, hop=512, crop=1024),
    train_wavenet=replace(FIT, ema=0.9),
    thresholds=Thresholds(silence_ratio=9.0, pitch_accuracy=0.0),
    harmonic=HarmonicConfig(
        HarmonicSizes(instruments=8, hidden=8, layers=1, dimension=6, partials=16, envelope=6, orders=4, noise=4),
        *(FIT,) * 3,
        frames=6,
        pitch_shifts=(-1, 0, 1),
    ),
)
DATA = ("nsynth_source", "nsynth_shards")


def python_path() -> dict[str, str]:
    """Return an environment in which a child process can import these tests."""
    here = Path(__file__).resolve().parent
    return {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}


def child(home: Path, source: Path, program: str) -> subprocess.CompletedProcess:
    """Run a program that finds `home`, a Home on the source, with the tiny preset, and return how it ended."""
    script = (
        "import os, signal, sys, warnings\n"
        "warnings.simplefilter('ignore')\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from models.synthesis import presets\n"
        "from models.training import checkpoint\n"
        "from test_assets_synthesis import DATA, TINY\n"
        "from tiny_graph import Home\n"
        "presets.PRESETS['demo'] = TINY\n"
        "home = Home(Path(sys.argv[1]), nsynth=sys.argv[2])\n" + program
    )
    return Forked(script, [home, source], python_path()).wait()


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return write_nsynth(tmp_path_factory.mktemp("source") / "nsynth-train", 4, range(60, 68), (25, 127))


@pytest.fixture(scope="module")
def made(tmp_path_factory, source):
    """A home in which everything was materialised once, and the result of that run."""
    patch = pytest.MonkeyPatch()
    patch.setitem(presets.PRESETS, "demo", TINY)
    home = Home(tmp_path_factory.mktemp("home"), nsynth=str(source))
    yield home, home.materialize(*DATA, *names_of("synthesis"))
    patch.undo()


def test_the_exported_model_plays_alone_what_the_command_line_plays(made, tmp_path):
    home, _ = made
    wanted = {"home": home.environment.home, "preset": "demo", "device": "cpu", "nsynth": home.environment.nsynth}
    settings, folder = Settings.read().model_copy(update=wanted), tmp_path / "sing"
    done = export_model(settings, Wish("synthesis"), folder, onnx=False)
    assert (done["champion"], done["scores"], done["onnx"]) == (False, True, [])
    for pitch in ("62", "60,64,67", "66-61"):
        run_alone(folder, "brass_acoustic_000", pitch, "--velocity", 25, "-o", tmp_path / "alone.wav")
        play(settings, Music("brass_acoustic_000", pitch, 25), tmp_path / "note.wav", "spectral", newest=True)
        alone, ours = (soundfile.read(tmp_path / name)[0] for name in ("alone.wav", "note.wav"))
        assert len(alone) == len(ours)
        np.testing.assert_allclose(alone, ours, atol=2 / 32767)
    card = (folder / "README.md").read_text()
    (model,) = yaml.safe_load(card.split("---\n")[1])["model-index"]
    assert {one["type"] for one in model["results"][0]["metrics"]} > {"spectral"}
    assert "## Provenance" in card
    assert "brass_acoustic_000 60" in card
    config = read_json(folder / "config.json")
    assert config["networks"]["model"]["sha256"] == file_sha256(folder / "model.safetensors")
    assert len(config["instruments"]) == 4
    with pytest.raises(InputError, match="is there already, and nothing is replaced"):
        export_model(settings, Wish("synthesis"), folder)
    with pytest.raises(InputError, match="lies in the store"):
        export_model(settings, Wish("synthesis"), settings.store_folder / "sing")


def test_everything_materialises(made):
    home, result = made
    assert result.success
    for name in ("nsynth_shards", *names_of("synthesis")):
        # Three steps of training make no champion, and the store says so.
        assert bool(home.current(name)) == (name != "synthesis_champion"), name
    assert metadata(result, "synthesis_champion")["promoted"] is False
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks.keys() == {
        "no_leak", "few_quarantined", "readable", "weights_finite",
        "better_than_silence", "better_than_nearest_pitch", "in_tune", "complete",
    }  # fmt: skip
    assert all(checks[name] for name in ("no_leak", "few_quarantined", "readable", "weights_finite", "complete"))


def test_a_preset_without_a_wavenet_makes_everything_else(made, source, monkeypatch):
    home, _ = made
    monkeypatch.setitem(presets.PRESETS, "demo", replace(TINY, train_wavenet=replace(FIT, steps=0)))
    other = Home(home.environment.home, nsynth=str(source))
    names = [one for one in names_of("synthesis") if one != "synthesis_wavenet"]
    result = other.materialize(*names)
    assert result.success
    again = {one: metadata(result, one)["reused"] for one in names if one != "synthesis_champion"}
    made_anew = {one for one, reused in again.items() if not reused}
    assert {"synthesis_baseline_notes", "synthesis_cost", "synthesis_report"} <= made_anew
    assert not made_anew & {"synthesis_autoencoder", "synthesis_model", "synthesis_notes", "synthesis_scores"}
    report = other.current("synthesis_report")
    assert "This preset trains no WaveNet." in (report / "report.html").read_text()
    assert "WaveNet MiB" not in read_json(report / "metrics.json")["cost"]
    monkeypatch.undo()
    home.materialize(*names_of("synthesis"))  # what the other tests look at is current again


def test_progress_is_seen_while_a_stage_trains(made):
    home, result = made
    seen = [
        event.asset_observation_data.asset_observation
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION
    ]
    training = [one for one in seen if one.asset_key == home.graph.key("synthesis_autoencoder")]
    assert {"loss", "valid_spectral", "steps per second", "time left", "done"} <= training[-1].metadata.keys()


def test_the_ui_alone_tells_the_story(made):
    _, result = made
    assert "data:image/png;base64" in metadata(result, "synthesis_model")["curves"]
    assert "data:image/svg+xml;base64" in metadata(result, "synthesis_instrument_map")["map"]
    scores = metadata(result, "synthesis_baseline_scores")["scores"]
    assert "Copy of nearest training note" in {record.data["system"] for record in scores.records}
    assert metadata(result, "nsynth_shards")["dagster/row_count"] == 64


def test_a_version_says_where_it_comes_from(made):
    home, _ = made
    record = read_json(home.current("synthesis_model") / "run.json")
    assert record["inputs"].keys() == {"nsynth_shards", "synthesis_autoencoder", "synthesis_sequence"}
    assert record["origins"]["nsynth_shards"].startswith("data/nsynth_shards/versions/")
    assert record["config"]["fit"] == {"batch_size": 4, "learning_rate": 1e-3, "steps": 3}  # nothing that observes
    assert {"commit", "changed", "code", "packages", "machine"} <= record["provenance"].keys()
    report = (home.current("synthesis_report") / "report.html").read_text()
    assert record["provenance"]["commit"] in report


def test_a_second_run_makes_nothing_again(made):
    home, first = made
    again = home.materialize("nsynth_shards", *names_of("synthesis"))
    for name in ("nsynth_shards", *names_of("synthesis")):
        if name != "synthesis_champion":
            assert metadata(again, name)["reused"] is True, name
    versions = [
        {event.asset_key: event.materialization.tags["dagster/data_version"]
         for event in one.get_asset_materialization_events()}
        for one in (first, again)
    ]  # fmt: skip
    assert versions[0] == versions[1]


def test_variants_share_what_they_have_in_common(made):
    home, _ = made
    names = ["synthesis_autoencoder", "synthesis_embeddings", "synthesis_sequence"]
    result = home.materialize(*names, variant="no_time_embedding")
    reused = {name: metadata(result, name)["reused"] for name in names}
    assert reused == {"synthesis_autoencoder": True, "synthesis_embeddings": True, "synthesis_sequence": False}
    assert home.current(names[0]) == home.current(names[0], "no_time_embedding")
    result = home.materialize(names[0], variant="waveform")
    assert metadata(result, names[0])["reused"] is False
    assert home.current(names[0]) != home.current(names[0], "waveform")


def test_the_variant_beyond_the_paper_has_rows_and_sounds_of_its_own(made):
    home, _ = made
    names = [
        "synthesis_autoencoder", "synthesis_embeddings", "synthesis_sequence", "synthesis_model",
        "synthesis_notes", "synthesis_scores",
    ]  # fmt: skip
    result = home.materialize(*names, variant="harmonic")
    assert all(metadata(result, name)["reused"] is False for name in names)
    home.materialize("synthesis_report")
    report = home.current("synthesis_report")
    assert report is not None
    test = read_json(report / "metrics.json")["test"]
    assert {"sing", "harmonic", "harmonic_autoencoder", "nearest_pitch", "silence"} <= test.keys()
    assert test["harmonic"]["spectral"]["count"] == test["sing"]["spectral"]["count"] > 0
    page = (report / "report.html").read_text()
    assert "Harmonic minus each other system" in page
    assert "Harmonic, note" in page  # a player


def test_bad_data_stop_the_run_before_anything_is_trained(tmp_path, made):
    part = write_nsynth(tmp_path / "nsynth-train", 2, range(60, 64), (25,))
    for path in sorted((part / "audio").iterdir())[:4]:
        path.write_bytes(path.read_bytes()[:5000])
    home = Home(tmp_path, nsynth=str(part))
    result = home.materialize(*DATA, "synthesis_autoencoder", raise_on_error=False)
    assert not result.success
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert not checks["few_quarantined"].passed
    assert checks["few_quarantined"].metadata["quarantined"].value == 4
    assert home.current("nsynth_shards") is None
    assert home.current("synthesis_autoencoder") is None
    # Neither does a click on the next asset train on them; with another bound they are current without being remade.
    assert not home.materialize("synthesis_autoencoder", raise_on_error=False).success
    lenient = Home(tmp_path, nsynth=str(part), most_quarantined=0.9)
    assert metadata(lenient.materialize("nsynth_shards"), "nsynth_shards")["reused"] is True
    assert lenient.current("nsynth_shards") is not None


def test_other_files_at_the_same_place_are_ingested(tmp_path, made):
    part = write_nsynth(tmp_path / "nsynth-train", 2, range(60, 64), (25,))
    home = Home(tmp_path, nsynth=str(part))
    assert metadata(home.materialize(*DATA), "nsynth_shards")["dagster/row_count"] == 8
    write_nsynth(part, 2, range(60, 66), (25,))
    again = metadata(home.materialize(*DATA), "nsynth_shards")
    assert (again["reused"], again["dagster/row_count"]) == (False, 12)


def test_an_unwritable_disk_loses_nothing(tmp_path, source):
    """A file may not grow beyond 1 MB: what a full disk does to the shards; then the disk has room again."""
    program = (
        "import resource\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))\n"
        "result = home.materialize(*DATA, raise_on_error=False)\n"
        "failed = [str(e.step_failure_data.error) for e in result.all_events if e.is_step_failure]\n"
        "print(failed); sys.exit(0 if result.success else 3)\n"
    )
    done = child(tmp_path / "home", source, program)
    assert done.returncode == 3, done.stderr[-2000:]
    assert "File too large" in done.stdout
    home = Home(tmp_path / "home", nsynth=str(source))
    assert home.current("nsynth_shards") is None
    assert metadata(home.materialize(*DATA), "nsynth_shards")["dagster/row_count"] == 64


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(tmp_path, made, source):
    home, _ = made
    program = (
        "save = checkpoint.Rolling.save\n"
        "def save_and_die(self, *arguments):\n"
        "    save(self, *arguments)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoint.Rolling.save = save_and_die\n"
        "home.materialize(*DATA, 'synthesis_autoencoder')\n"
    )
    assert child(tmp_path / "home", source, program).returncode == -signal.SIGKILL
    other = Home(tmp_path / "home", nsynth=str(source))
    assert other.current("synthesis_autoencoder") is None
    assert list(other.home_of("synthesis_autoencoder").glob("versions/*/step-*"))
    assert other.materialize("synthesis_autoencoder").success
    weights = [(one.current("synthesis_autoencoder") / "model.safetensors").read_bytes() for one in (home, other)]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("asset", "last"),
    [("nsynth_shards", "index.parquet"), ("synthesis_notes", "index.parquet"), ("synthesis_scores", "scores.parquet")],
)
def test_a_kill_between_the_last_file_and_run_json_costs_no_work(made, asset, last):
    home, _ = made
    folder = home.current(asset)
    (folder / "run.json").unlink()
    assert home.current(asset) is None
    before = (folder / last).stat().st_mtime_ns
    told = metadata(home.materialize(asset), asset)
    assert (told["reused"], told["version"]) == (False, folder.name)
    assert (folder / last).stat().st_mtime_ns == before


def test_a_signal_stops_a_run_for_good(tmp_path, source):
    """No stage is retried or begun after it, whether it depends on the stopped one or not; the checkpoint stays."""
    program = (
        "presets.PRESETS['demo'] = replace(TINY, train_autoencoder=replace(TINY.train_autoencoder, steps=20))\n"
        "save, saved = checkpoint.Rolling.save, []\n"
        "def save_and_stop(self, *arguments):\n"
        "    save(self, *arguments)\n"
        "    saved.append(1)\n"
        f"    os.kill(os.getpid(), {int(signal.SIGTERM)})\n"
        "checkpoint.Rolling.save = save_and_stop\n"
        "result = home.materialize(*DATA, 'synthesis_autoencoder', 'synthesis_wavenet', raise_on_error=False)\n"
        "retries = [one for one in result.all_events if one.event_type_value == 'STEP_UP_FOR_RETRY']\n"
        "failed = [one.step_failure_data.error.message for one in result.all_events if one.is_step_failure]\n"
        "print(len(saved) <= 2, len(retries), 'stopped at step' in failed[0], 'not begun' in failed[-1])\n"
    )
    done = child(tmp_path / "home", source, program)
    assert done.stdout.splitlines()[-1:] == ["True 0 True True"], done.stderr[-2000:]
    other = Home(tmp_path / "home", nsynth=str(source))
    assert other.current("synthesis_autoencoder") is None
    assert list(other.home_of("synthesis_autoencoder").glob("versions/*/step-*.json"))
