"""The whole synthesis branch materialised through Dagster with tiny networks on tiny data."""

from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
from tiny import write_nsynth

from assets import nsynth, synthesis, synthesis_judges, synthesis_report
from assets.setup import Setup
from assets.store import FolderInputs, Store, published
from models.config import FitConfig
from models.synthesis import config as configs
from models.synthesis.config import AutoencoderConfig, SequenceConfig, SynthesisConfig, Thresholds, WavenetConfig

FIT = FitConfig(steps=3, batch_size=4, learning_rate=1e-3, validate_every=3, checkpoint_every=2, report_every=1)
TINY = SynthesisConfig(
    autoencoder=AutoencoderConfig(channels=8, dimension=4, rewrites=1, fourier=True),
    sequence=SequenceConfig(hidden=8, layers=1, dimension=4),
    pitch_shifts=(-1, 0, 1),
    train_autoencoder=FIT,
    train_sequence=FIT,
    fine_tune=FIT,
    validation_notes=4,
    judged_train_notes=4,
    wavenet=WavenetConfig(encoder_width=4, width=4, skip=4, stacks=1, layers=3, code=2, hop=512, crop=1024),
    train_wavenet=replace(FIT, ema=0.9),
    wavenet_notes=1,
    thresholds=Thresholds(silence_ratio=9.0, pitch_accuracy=0.0),
)
MODULES = [nsynth, synthesis, synthesis_judges, synthesis_report]
ASSETS = [*dg.load_assets_from_modules(MODULES), *dg.load_asset_checks_from_modules(MODULES)]


def resources(home: Path, source: Path, **setup) -> dict[str, object]:
    root = str(home / "store")
    setup = {"preset": "demo", "nsynth": str(source), "device": "cpu", "downloads": str(home / "downloads")} | setup
    return {"store": Store(root=root), "io_manager": FolderInputs(root=root), "setup": Setup(**setup)}


def run(home: Path, source: Path, variant: str = "spectral", selection: object = None, **options):
    return dg.materialize(
        ASSETS,
        resources=resources(home, source),
        partition_key=variant,
        selection=selection,
        raise_on_error=options.pop("raise_on_error", True),
        **options,
    )


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


def test_everything_materialises(made):
    home, result = made
    assert result.success
    for asset in dg.load_assets_from_modules(MODULES):
        name = asset.key.to_user_string()
        assert published(home / "store" / name / "spectral") or published(home / "store" / name), name
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks.keys() == {
        "no_leak", "few_quarantined", "readable", "weights_finite",
        "better_than_silence", "better_than_nearest_pitch", "in_tune",
    }  # fmt: skip
    assert all(checks[name] for name in ("no_leak", "few_quarantined", "readable", "weights_finite"))
