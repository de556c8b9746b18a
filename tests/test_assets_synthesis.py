"""The whole synthesis branch materialised through Dagster with tiny networks on tiny data."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from tiny import write_nsynth

from assets.datasets import nsynth
from assets.setup import Setup
from assets.store import FolderInputs, Store, published
from assets.synthesis import evaluation, report, stages
from models.synthesis import config as configs
from models.synthesis.config import (
    AutoencoderConfig,
    OnsetTraining,
    SequenceConfig,
    SynthesisConfig,
    Thresholds,
    WavenetConfig,
)
from models.training.config import FitConfig

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
    evaluated_train_notes=4,
    wavenet=WavenetConfig(encoder_width=4, width=4, skip=4, stacks=1, layers=3, code=2, hop=512, crop=1024),
    train_wavenet=replace(FIT, ema=0.9),
    wavenet_notes=1,
    thresholds=Thresholds(silence_ratio=9.0, pitch_accuracy=0.0),
)
MODULES = [nsynth, stages, evaluation, report]
ASSETS = [*dg.load_assets_from_modules(MODULES), *dg.load_asset_checks_from_modules(MODULES)]


def resources(home: Path, source: Path, **setup) -> dict[str, object]:
    root = str(home / "store")
    setup = {"preset": "demo", "nsynth": str(source), "device": "cpu", "downloads": str(home / "downloads")} | setup
    return {"store": Store(root=root), "io_manager": FolderInputs(root=root), "setup": Setup(**setup)}


def run(home: Path, source: Path, variant: str | None = "spectral", selection: object = None, **options):
    return dg.materialize(
        ASSETS,
        resources=resources(home, source),
        partition_key=variant,
        selection=selection,
        raise_on_error=options.pop("raise_on_error", True),
        **options,
    )


def python_path() -> dict[str, str]:
    """Return an environment in which a child process can import these tests."""
    here = Path(__file__).resolve().parent
    return {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    return write_nsynth(tmp_path_factory.mktemp("source") / "nsynth-train", 4, range(60, 68), (25, 127))


@pytest.fixture(scope="module")
def made(tmp_path_factory, source):
    """A home in which everything was materialised once, and the result of that run."""
    patch = pytest.MonkeyPatch()
    patch.setitem(configs.PRESETS, "demo", TINY)
    home = tmp_path_factory.mktemp("home")
    yield home, run(home, source)
    patch.undo()


def metadata(result, name: str) -> dict[str, object]:
    return {label: value.value for label, value in result.asset_materializations_for_node(name)[0].metadata.items()}


def test_everything_materialises(made):
    home, result = made
    assert result.success
    for asset in dg.load_assets_from_modules(MODULES):
        name = asset.key.to_user_string()
        there = published(home / "store" / name / "spectral") or published(home / "store" / name)
        # Three steps of training make no champion, and the store says so.
        assert bool(there) == (name != "synthesis_champion"), name
    assert metadata(result, "synthesis_champion")["promoted"] is False
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks.keys() == {
        "no_leak", "few_quarantined", "readable", "weights_finite",
        "better_than_silence", "better_than_nearest_pitch", "in_tune", "complete",
    }  # fmt: skip
    assert all(checks[name] for name in ("no_leak", "few_quarantined", "readable", "weights_finite", "complete"))


def test_progress_is_seen_while_a_stage_trains(made):
    _, result = made
    seen = [
        event.asset_observation_data.asset_observation
        for event in result.all_events
        if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION
    ]
    training = [one for one in seen if one.asset_key == dg.AssetKey("synthesis_autoencoder")]
    assert training
    assert training[-1].partition == "spectral"
    assert {"loss", "valid_spectral", "steps per second", "time left", "done"} <= training[-1].metadata.keys()


def test_the_ui_alone_tells_the_story(made):
    _, result = made
    assert "data:image/png;base64" in metadata(result, "synthesis_model")["curves"]
    assert "data:image/png;base64" in metadata(result, "synthesis_instrument_map")["map"]
    assert "| nearest_pitch |" in metadata(result, "synthesis_baseline_scores")["scores"]
    assert metadata(result, "nsynth_shards")["dagster/row_count"] == 64
    assert metadata(result, "synthesis_report")["report"].startswith("file://")


def test_a_second_run_makes_nothing_again(made, source):
    home, first = made
    again = run(home, source)
    names = [asset.key.to_user_string() for asset in dg.load_assets_from_modules(MODULES)]
    for name in names:
        if name != "synthesis_champion":
            assert metadata(again, name)["reused"] is True, name
    versions = [
        {event.asset_key: event.materialization.tags["dagster/data_version"] for event in one.all_events
         if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION}
        for one in (first, again)
    ]  # fmt: skip
    assert versions[0] == versions[1]


def test_variants_share_what_they_have_in_common(made, source):
    home, _ = made
    names = ["synthesis_autoencoder", "synthesis_embeddings", "synthesis_sequence"]
    result = run(home, source, "no_time_embedding", dg.AssetSelection.assets(*names))
    reused = {name: metadata(result, name)["reused"] for name in names}
    assert reused == {"synthesis_autoencoder": True, "synthesis_embeddings": True, "synthesis_sequence": False}
    result = run(home, source, "waveform", dg.AssetSelection.assets(names[0]))
    assert metadata(result, names[0])["reused"] is False


def test_an_override_retrains_only_what_it_concerns(made, source):
    home, _ = made
    changed = {"ops": {"synthesis_model": {"config": {"overrides": {"fine_tune.steps": 4}}}}}
    selection = dg.AssetSelection.assets("synthesis_sequence", "synthesis_model")
    result = run(home, source, selection=selection, run_config=changed)
    assert metadata(result, "synthesis_sequence")["reused"] is True
    assert metadata(result, "synthesis_model")["reused"] is False
    run(home, source, selection=selection)  # back to what the other tests expect


def test_bad_data_stop_the_run_before_anything_is_trained(tmp_path, made):
    part = write_nsynth(tmp_path / "nsynth-train", 2, range(60, 64), (25,))
    for path in sorted((part / "audio").iterdir())[:4]:
        path.write_bytes(path.read_bytes()[:5000])
    chosen = dg.AssetSelection.assets("nsynth_source", "nsynth_shards", "synthesis_autoencoder")
    selection = chosen | dg.AssetSelection.checks_for_assets(
        *[one for one in ASSETS if isinstance(one, dg.AssetsDefinition)]
    )
    result = run(tmp_path, part, selection=selection, raise_on_error=False)
    assert not result.success
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert not checks["few_quarantined"].passed
    assert checks["few_quarantined"].metadata["quarantined"].value == 4
    assert "truncated" in metadata(result, "nsynth_shards")["quarantine"]
    assert not published(tmp_path / "store" / "synthesis_autoencoder" / "spectral")


def test_other_files_at_the_same_place_are_ingested(tmp_path, made):
    part = write_nsynth(tmp_path / "nsynth-train", 2, range(60, 64), (25,))
    chosen = dg.AssetSelection.assets("nsynth_source", "nsynth_shards")
    assert metadata(run(tmp_path, part, None, chosen), "nsynth_shards")["dagster/row_count"] == 8
    write_nsynth(part, 2, range(60, 66), (25,))
    again = metadata(run(tmp_path, part, None, chosen), "nsynth_shards")
    assert (again["reused"], again["dagster/row_count"]) == (False, 12)


def test_an_unwritable_disk_loses_nothing(tmp_path, source):
    """A file may not grow beyond 1 MB: what a full disk does to the shards; then the disk has room again."""
    script = tmp_path / "limited.py"
    script.write_text(
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from test_assets_synthesis import run\n"
        "import dagster as dg\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))\n"
        "chosen = dg.AssetSelection.assets('nsynth_source', 'nsynth_shards')\n"
        "result = run(Path(sys.argv[1]), Path(sys.argv[2]), None, chosen, raise_on_error=False)\n"
        "failed = [str(e.step_failure_data.error) for e in result.all_events if e.is_step_failure]\n"
        "print(failed); sys.exit(0 if result.success else 3)\n"
    )
    home = tmp_path / "home"
    done = subprocess.run(  # noqa: PLW1510 (the code is looked at)
        [sys.executable, str(script), str(home), str(source)], env=python_path(), capture_output=True, text=True
    )
    assert done.returncode == 3, done.stderr[-2000:]
    assert "File too large" in done.stdout
    assert not published(home / "store" / "nsynth_shards")
    result = run(home, source, None, dg.AssetSelection.assets("nsynth_source", "nsynth_shards"))
    assert metadata(result, "nsynth_shards")["dagster/row_count"] == 64


def test_a_killed_run_goes_on_and_ends_with_the_same_weights(tmp_path, made, source):
    home, _ = made
    names = "'nsynth_source', 'nsynth_shards', 'synthesis_autoencoder'"
    script = tmp_path / "killed.py"
    script.write_text(
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from models.training import checkpoint\n"
        "from models.synthesis import config as configs\n"
        "from test_assets_synthesis import TINY, run\n"
        "import dagster as dg\n"
        "configs.PRESETS['demo'] = TINY\n"
        "save = checkpoint.Rolling.save\n"
        "def save_and_die(self, *arguments):\n"
        "    save(self, *arguments)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "checkpoint.Rolling.save = save_and_die\n"
        f"run(Path(sys.argv[1]), Path(sys.argv[2]), selection=dg.AssetSelection.assets({names}))\n"
    )
    other = tmp_path / "home"
    done = subprocess.run(  # noqa: PLW1510 (the code is looked at)
        [sys.executable, str(script), str(other), str(source)], env=python_path(), capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    asset = Path("store", "synthesis_autoencoder", "spectral")
    assert not published(other / asset)
    assert list((other / asset).glob("*/step-*"))
    result = run(other, source, selection=dg.AssetSelection.assets("synthesis_autoencoder"))
    assert result.success
    weights = [(published(one / asset) / "model.safetensors").read_bytes() for one in (home, other)]
    assert weights[0] == weights[1]


def test_a_signal_stops_a_run_for_good(tmp_path, source):
    """A stage is not retried after it; what follows is not begun; the checkpoint is there for the next run."""
    script = tmp_path / "stopped.py"
    script.write_text(
        "import os, sys\n"
        "from pathlib import Path\n"
        "from models.training import checkpoint\n"
        "from models.synthesis import config as configs\n"
        "from test_assets_synthesis import TINY, run\n"
        "import dagster as dg\n"
        "from dataclasses import replace\n"
        "configs.PRESETS['demo'] = replace(TINY, train_autoencoder=replace(TINY.train_autoencoder, steps=20))\n"
        "save, saved = checkpoint.Rolling.save, []\n"
        "def save_and_stop(self, *arguments):\n"
        "    save(self, *arguments)\n"
        "    saved.append(1)\n"
        f"    os.kill(os.getpid(), {int(signal.SIGTERM)})\n"
        "checkpoint.Rolling.save = save_and_stop\n"
        "chosen = dg.AssetSelection.assets('nsynth_source', 'nsynth_shards', 'synthesis_autoencoder')\n"
        "result = run(Path(sys.argv[1]), Path(sys.argv[2]), selection=chosen, raise_on_error=False)\n"
        "retries = [one for one in result.all_events if one.event_type_value == 'STEP_UP_FOR_RETRY']\n"
        "failed = [one.step_failure_data.error.message for one in result.all_events if one.is_step_failure]\n"
        "print(len(saved) <= 2, len(retries), 'stopped by a signal' in ' '.join(failed))\n"
    )
    other = tmp_path / "home"
    done = subprocess.run(  # noqa: PLW1510 (the output is looked at)
        [sys.executable, str(script), str(other), str(source)], env=python_path(), capture_output=True, text=True
    )
    assert done.stdout.splitlines()[-1:] == ["True 0 True"], done.stderr[-2000:]
    asset = other / "store" / "synthesis_autoencoder" / "spectral"
    assert not published(asset)
    assert list(asset.glob("*/step-*.json"))
