"""The whole separation branch materialised through Dagster with tiny networks on short songs."""

from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
import soundfile
from test_models_separation import TINY
from tiny import write_musdb

from assets.datasets import musdb
from assets.separation import evaluation, report, stages
from assets.separation import studies as study_assets
from assets.setup import Setup
from assets.store import FolderInputs, Store, published
from data.errors import InputError
from data.files.durable import read_json
from data.shards.reader import Shards
from models.separation import config as configs
from models.separation import cost, studies
from pipelines.separate import separate
from pipelines.settings import Settings

NAMES = {"A - One": "train", "B & C - Two": "train", "Leaf - Summerghost": "train", "M.E.R.C. - Three": "test"}
MODULES = [musdb, stages, evaluation, study_assets, report]
ASSETS = [*dg.load_assets_from_modules(MODULES), *dg.load_asset_checks_from_modules(MODULES)]
TRACKS = dg.AssetSelection.assets("musdb_source", "musdb_tracks")


def run(home: Path, source: Path, *, ingest_only: bool = False) -> list[dg.ExecuteInProcessResult]:
    """Ingest all groups of tracks, then make the rest if it is asked for; return the results in order."""
    root = str(home / "store" / "demo")
    setup = Setup(preset="demo", musdb=str(source), device="cpu", downloads=str(home / "downloads"))
    resources = {"store": Store(root=root), "io_manager": FolderInputs(root=root), "setup": setup}
    trips = [(key, TRACKS) for key in musdb.GROUPS.get_partition_keys()]
    if not ingest_only:
        trips.append(("concat", dg.AssetSelection.all() - TRACKS))
    return [
        dg.materialize(ASSETS, resources=resources, partition_key=key, selection=selection) for key, selection in trips
    ]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setitem(configs.PRESETS, "demo", TINY)
    for name, value in {"_SECONDS": 1, "_ROUNDS": 1, "_LENGTHS": (1, 2)}.items():
        patch.setattr(cost, name, value)
    patch.setattr(studies, "STEPS", (1, 3))
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
        assert published(Store(root=str(home / "store" / "demo")).home(name, partition)), name
    checks = {one.check_name: one.passed for one in results[-1].get_asset_check_evaluations()}
    assert checks.keys() >= {"no_song_in_two_splits", "few_tracks_quarantined", "readable", "denoiser_finite"}
    # Three steps of training separate nothing, and the quality checks say so.
    failed = {name for name, passed in checks.items() if not passed}
    assert failed <= {"masks_separate", "better_than_mixture", "near_codec_ceiling"}


def test_every_song_has_its_split(made):
    home, _, _ = made
    songs = Shards(Store(root=str(home / "store" / "demo")).current("separation_songs"))
    found = dict(zip(songs.column("track"), songs.column("split"), strict=True))
    assert found == {**NAMES, "Leaf - Summerghost": "valid"}


def test_every_system_is_judged_on_every_test_song(made):
    home, _, _ = made
    store = Store(root=str(home / "store" / "demo"))
    folders = [store.current("separation_baseline_scores"), store.current("separation_scores", "concat")]
    scores = pd.concat([pd.read_parquet(folder / "scores.parquet") for folder in folders])
    assert set(scores["system"]) == {"mixture", "IRM1", "IRM2", "IBM2", "codec_ceiling", "masks", "diffusion"}
    assert set(scores["track"]) == {"M.E.R.C. - Three"}
    vocals = scores[(scores["source"] == "vocals") & (scores["metric"] == "uSDR")].set_index("system")["value"]
    # Four stems of equal power: the mixture is off by three of them. Ideal masks come closer.
    assert vocals["mixture"] == pytest.approx(-4.77, abs=0.2)
    assert vocals["IRM2"] > vocals["mixture"] + 3


def test_the_report_holds_every_chapter(made):
    home, _, _ = made
    folder = Store(root=str(home / "store" / "demo")).current("separation_report")
    page = (folder / "report.html").read_text()
    for chapter in (
        "Systems compared",
        "Listen",
        "Song by song",
        "Steps of DDIM",
        "Noise on the latent",
        "Moving average",
    ):
        assert chapter in page, chapter
    assert read_json(folder / "metrics.json")["checks"].keys() >= {"masks_separate", "better_than_mixture"}


def test_a_second_run_finds_everything_made(made):
    home, source, _ = made
    again = run(home, source)
    events = [event for result in again for event in result.get_asset_materialization_events()]
    assert all(event.materialization.metadata["reused"].value for event in events)


def test_a_new_song_leaves_the_other_groups_alone(made, tmp_path):
    home, source, _ = made
    write_musdb(source, {"New - Song": "train"})
    results = run(home, source, ingest_only=True)
    reused = {}
    for result in results:
        (event,) = [one for one in result.get_asset_materialization_events() if one.asset_key.path == ["musdb_tracks"]]
        reused[event.partition] = event.materialization.metadata["reused"].value
    assert reused == {group: group != musdb.musdb.group_of("New - Song") for group in reused}


def test_any_song_can_be_separated_with_what_was_trained(made, tmp_path):
    home, source, _ = made
    settings = Settings.read().model_copy(update={"home": home, "preset": "demo", "device": "cpu"})
    song, vocals = source / "test" / "M.E.R.C. - Three" / "mixture.wav", tmp_path / "vocals.wav"
    told: list[str] = []
    for system in ("diffusion", "masks"):
        facts = separate(settings, song, vocals, system, "concat", 1, lambda report: told.append(str(report)))
        assert (facts["sample_rate"], facts["channels"], facts["seconds"]) == (44_100, 2, 2.0)
        assert soundfile.info(vocals).frames == 88_200
    assert "chunks" in told[-1]
    for arguments, said in [
        ((song, song, "masks", "concat", None), "is the song itself"),
        ((song, vocals, "umx", "concat", None), "'umx' is no system; there are diffusion, masks"),
        ((song, vocals, "diffusion", "film", None), "'film' is no conditioning"),
        ((song, vocals, "diffusion", "concat", 0), "0 steps"),
        ((song, vocals, "diffusion", "inject", None), "separation_denoiser/inject has not been materialised"),
        ((tmp_path / "none.wav", vocals, "masks", "concat", None), "none.wav: no such file"),
    ]:
        with pytest.raises(InputError, match=said):
            separate(settings, *arguments, lambda report: None)
