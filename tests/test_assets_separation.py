"""The whole separation branch materialised through Dagster with tiny networks on short songs."""

from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from test_models_separation import TINY
from tiny import write_musdb

from assets import musdb, separation, separation_judges, separation_studies
from assets.setup import Setup
from assets.store import FolderInputs, Store, published
from data.reader import Shards
from models.separation import config as configs

NAMES = {"A - One": "train", "B & C - Two": "train", "Leaf - Summerghost": "train", "M.E.R.C. - Three": "test"}
MODULES = [musdb, separation, separation_judges, separation_studies]
ASSETS = [*dg.load_assets_from_modules(MODULES), *dg.load_asset_checks_from_modules(MODULES)]
TRACKS = dg.AssetSelection.assets("musdb_source", "musdb_tracks")


def run(home: Path, source: Path) -> list[dg.ExecuteInProcessResult]:
    """Ingest all groups of tracks, then make the rest; return the results in order."""
    root = str(home / "store")
    setup = Setup(preset="demo", musdb=str(source), device="cpu", downloads=str(home / "downloads"))
    resources = {"store": Store(root=root), "io_manager": FolderInputs(root=root), "setup": setup}
    trips = [(key, TRACKS) for key in musdb.GROUPS.get_partition_keys()]
    trips.append(("concat", dg.AssetSelection.all() - TRACKS))
    return [
        dg.materialize(ASSETS, resources=resources, partition_key=key, selection=selection) for key, selection in trips
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setitem(configs.PRESETS, "demo", TINY)
    home = tmp_path_factory.mktemp("home")
    source = write_musdb(tmp_path_factory.mktemp("songs"), NAMES)
    yield home, source, run(home, source)
    patch.undo()


def test_everything_materialises(made):
    home, _, results = made
    assert all(one.success for one in results)
    for asset in dg.load_assets_from_modules(MODULES):
        name = asset.key.to_user_string()
        partition = {"musdb_tracks": "group-0"}.get(name, "concat" if asset.partitions_def else None)
        assert published(Store(root=str(home / "store")).home(name, partition)), name
    checks = {one.check_name: one.passed for one in results[-1].get_asset_check_evaluations()}
    assert checks.keys() >= {"no_song_in_two_splits", "few_tracks_quarantined", "readable", "denoiser_finite"}
    assert all(checks.values()), checks


def test_every_song_has_its_split(made):
    home, _, _ = made
    songs = Shards(Store(root=str(home / "store")).current("musdb_songs"))
    found = dict(zip(songs.column("track"), songs.column("split"), strict=True))
    assert found == {**NAMES, "Leaf - Summerghost": "valid"}


def test_every_system_is_judged_on_every_test_song(made):
    home, _, _ = made
    store = Store(root=str(home / "store"))
    folders = [store.current("separation_baseline_scores"), store.current("separation_scores", "concat")]
    scores = pd.concat([pd.read_parquet(folder / "scores.parquet") for folder in folders])
    assert set(scores["system"]) == {"mixture", "IRM1", "IRM2", "IBM2", "ceiling", "masker", "diffusion"}
    assert set(scores["track"]) == {"M.E.R.C. - Three"}
    vocals = scores[(scores["source"] == "vocals") & (scores["metric"] == "uSDR")].set_index("system")["value"]
    # Four stems of equal power: the mixture is off by three of them. Ideal masks come closer.
    assert vocals["mixture"] == pytest.approx(-4.77, abs=0.2)
    assert vocals["IRM2"] > vocals["mixture"] + 3


def test_a_second_run_finds_everything_made(made):
    home, source, _ = made
    again = run(home, source)
    events = [event for result in again for event in result.get_asset_materialization_events()]
    assert all(event.materialization.metadata["reused"].value for event in events)


def test_a_new_song_leaves_the_other_groups_alone(made, tmp_path):
    home, source, _ = made
    write_musdb(source, {"New - Song": "train"})
    results = run(home, source)[:4]
    reused = {}
    for result in results:
        (event,) = [one for one in result.get_asset_materialization_events() if one.asset_key.path == ["musdb_tracks"]]
        reused[event.partition] = event.materialization.metadata["reused"].value
    assert reused == {group: group != musdb.musdb.group_of("New - Song") for group in reused}
