"""The whole separation branch materialised through Dagster with tiny networks on short songs."""

import json
from dataclasses import replace
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from simulated_listeners import session
from test_models_separation import TINY
from tiny import write_musdb
from tiny_graph import Home, metadata, names_of
from tiny_portable import run_alone

from data.errors import InputError
from data.files.durable import read_json
from data.musdb.dataset import GROUPS, group_of
from data.shards.reader import Shards
from eval.listening.write import KEY, read_plan
from models.separation import cost, presets
from pipelines.listening import export_tests
from pipelines.portable.chosen import Wish as ModelWish
from pipelines.portable.export import export_model
from pipelines.results import results_sensor
from pipelines.separate import Method, load_separator, separate
from pipelines.settings import Settings

NAMES = {"A - One": "train", "B & C - Two": "train", "Leaf - Summerghost": "train", "M.E.R.C. - Three": "test"}
DATA = ("musdb_source", "musdb_tracks")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setitem(presets.PRESETS, "demo", replace(TINY, compared=(1, 3)))
    for name, value in {"_SECONDS": 1, "_ROUNDS": 1, "_LENGTHS": (1, 2)}.items():
        patch.setattr(cost, name, value)
    source = write_musdb(tmp_path_factory.mktemp("songs"), NAMES)
    home = Home(tmp_path_factory.mktemp("home"), musdb=str(source))
    yield home, source, home.materialize(*DATA, *names_of("separation"))
    patch.undo()


def test_everything_materialises(made):
    home, _, result = made
    assert result.success
    for name in ("musdb_tracks", *names_of("separation")):
        assert home.current(name) or name == "separation_champion", name
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks.keys() >= {"no_song_in_two_splits", "few_quarantined", "readable", "weights_finite", "unit_variance"}
    # Three steps of training separate nothing, and the quality checks say so.
    failed = {name for name, passed in checks.items() if not passed}
    assert not home.current("separation_champion")
    assert failed <= {"masks_separate", "better_than_mixture", "near_codec_ceiling", "refining_helps"}


@pytest.mark.parametrize("method", ["masks", "refine", "diffusion"])
def test_the_exported_model_separates_alone_as_the_command_line_does(made, tmp_path, method):
    home, source, _ = made
    wanted = {"home": home.environment.home, "preset": "demo", "device": "cpu", "musdb": str(source)}
    settings, folder = Settings.read().model_copy(update=wanted), tmp_path / "model"
    done = export_model(settings, ModelWish("separation", method=method), folder, onnx=False)
    assert done["method"] == method
    assert done["scores"]
    rate = TINY.codec.sample_rate
    for seconds, channels in ((0.3, 1), (11.3, 2)):  # shorter than a chunk, and several chunks
        draw = np.random.default_rng(round(seconds))
        wave = draw.uniform(-0.5, 0.5, (round(seconds * rate), channels))
        soundfile.write(tmp_path / "song.wav", wave, rate)
        run_alone(folder, tmp_path / "song.wav", "-o", tmp_path / "alone.wav")
        separate(settings, tmp_path / "song.wav", tmp_path / "ours.wav", Method(method), lambda report: None)
        alone, ours = (soundfile.read(tmp_path / name, always_2d=True)[0] for name in ("alone.wav", "ours.wav"))
        assert alone.shape == ours.shape == wave.shape
        assert np.abs(ours).max() > 0.01
        np.testing.assert_allclose(alone, ours, atol=2 / 32767)
    song = next(source.rglob("M.E.R.C. - Three/mixture.wav"))  # 44.1 kHz: resampled in another way, so nearly equal
    run_alone(folder, song, "-o", tmp_path / "alone.wav")
    separate(settings, song, tmp_path / "ours.wav", Method(method), lambda report: None)
    alone, ours = (soundfile.read(tmp_path / name)[0] for name in ("alone.wav", "ours.wav"))
    assert alone.shape == ours.shape
    # A network of three steps follows small differences of its input; diffusion after masks most of all.
    assert np.square(alone - ours).sum() < (0.2 if method == "refine" else 0.05) * np.square(ours).sum()
    (model,) = yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])["model-index"]
    metrics = {one["type"]: one["value"] for one in model["results"][0]["metrics"]}
    judged = read_json(home.current("separation_report") / "metrics.json")["test"][method]
    assert metrics["uSDR"] == judged["uSDR"]["median"]


def test_every_song_has_its_split(made):
    home, _, _ = made
    songs = Shards(home.current("separation_songs"))
    found = dict(zip(songs.column("track"), songs.column("split"), strict=True))
    assert found == {**NAMES, "Leaf - Summerghost": "valid"}


def test_every_system_is_judged_on_every_test_song(made):
    home, _, _ = made
    folders = [home.current("separation_baseline_scores"), home.current("separation_scores")]
    scores = pd.concat([pd.read_parquet(folder / "scores.parquet") for folder in folders])
    learnt = {"masks", "refine", "diffusion"}
    assert set(scores["system"]) == {"mixture", "IRM1", "IRM2", "IBM2", "codec_ceiling", *learnt}
    assert set(scores["track"]) == {"M.E.R.C. - Three"}
    vocals = scores[(scores["source"] == "vocals") & (scores["metric"] == "uSDR")].set_index("system")["value"]
    # Four stems of equal power: the mixture is off by three of them. Ideal masks come closer.
    assert vocals["mixture"] == pytest.approx(-4.77, abs=0.2)
    assert vocals["IRM2"] > vocals["mixture"] + 3


def test_the_report_holds_every_chapter(made):
    home, _, _ = made
    folder = home.current("separation_report")
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
    assert "Compared with what is in use" not in page
    assert read_json(folder / "metrics.json")["checks"].keys() >= {"masks_separate", "better_than_mixture"}


def test_a_second_run_finds_everything_made(made):
    home, _, _ = made
    again = home.materialize("musdb_tracks", *names_of("separation"))
    for name in ("musdb_tracks", *names_of("separation")):
        if name != "separation_champion":
            assert metadata(again, name)["reused"] is True, name
    assert metadata(again, "separation_champion")["promoted"] is False


def test_other_steps_of_the_sampler_make_stale_what_depends_on_them_and_nothing_else(made):
    home, _, _ = made
    names = names_of("separation")
    before = {name: home.graph.code_version(home.graph.registry.assets[name]) for name in names}
    patch = pytest.MonkeyPatch()
    patch.setitem(presets.PRESETS, "demo", replace(TINY, compared=(1, 3), steps=TINY.steps + 1))
    changed = {name for name in names if home.graph.code_version(home.graph.registry.assets[name]) != before[name]}
    patch.undo()
    assert changed == {"separation_vocals", "separation_average_study", "separation_cost",
                       "separation_validation", "separation_champion"}  # fmt: skip


def test_a_new_song_leaves_the_other_groups_alone(made):
    home, source, _ = made
    old = home.current("musdb_tracks")
    write_musdb(source, {"New - Song": "train"})
    assert metadata(home.materialize(*DATA), "musdb_tracks")["reused"] is False
    new = home.current("musdb_tracks")
    there = [group for group in GROUPS if (old / group).is_dir()]
    shared = {group: (old / group / "index.parquet").samefile(new / group / "index.parquet") for group in there}
    assert shared == {group: group != group_of("New - Song") for group in there}
    assert (new / group_of("New - Song") / "index.parquet").is_file()


def test_any_song_can_be_separated_with_what_was_trained(made, tmp_path):
    home, source, _ = made
    settings = Settings.read().model_copy(
        update={"home": home.environment.home, "preset": "demo", "device": "cpu", "musdb": str(source)}
    )
    song, vocals = source / "test" / "M.E.R.C. - Three" / "mixture.wav", tmp_path / "vocals.wav"
    told: list[str] = []
    for system in ("diffusion", "masks", "refine", "auto"):
        method = Method(system, steps=1 if system == "diffusion" else None, draws=2 if system == "refine" else None)
        facts = separate(settings, song, vocals, method, lambda report: told.append(str(report)))
        assert (facts["system"], facts["champion"]) == ("masks" if system == "auto" else system, False)
        assert (facts["sample_rate"], facts["channels"], facts["seconds"]) == (44_100, 2, 2.0)
        assert soundfile.info(vocals).frames == 88_200
    assert "chunks" in told[-1]
    assert separate(settings, song, vocals, Method(steps=1), lambda report: None)["system"] == "diffusion"
    for song_, target, method, said in [
        (song, song, Method("masks"), "is the file that is read; choose another with -o"),
        (song, vocals, Method("umx"), "'umx' is no system; there are auto, masks, refine, diffusion"),
        (song, vocals, Method("diffusion", "film"), "'film' is no conditioning"),
        (song, vocals, Method(steps=0), "0 steps"),
        (song, vocals, Method("refine", draws=0), "0 draws"),
        (song, vocals, Method("diffusion", "inject"), "separation_denoiser/inject has not been materialised"),
        (tmp_path / "none.wav", vocals, Method("masks"), "none.wav: no such file"),
    ]:
        with pytest.raises(InputError, match=said):
            separate(settings, song_, target, method, lambda report: None)


def test_arrays_are_separated_as_files_are(made, tmp_path):
    home, source, _ = made
    settings = Settings(home=home.environment.home, preset="demo", musdb=str(source), device="cpu")
    song = source / "test" / "M.E.R.C. - Three" / "mixture.wav"
    separate(settings, song, tmp_path / "vocals.wav", Method("masks"), lambda report: None)
    trained = load_separator(settings)
    assert (trained.system, trained.champion) == ("masks", False)
    vocals = trained.vocals(*soundfile.read(song))
    assert (vocals.shape, vocals.dtype) == ((88_200, 2), np.float32)
    assert np.abs(vocals - soundfile.read(tmp_path / "vocals.wav")[0]).max() < 1e-4
    with pytest.raises(InputError, match="'umx' is no system"):
        load_separator(settings, Method("umx"))


@pytest.fixture(scope="module")
def exported(made, tmp_path_factory):
    """The listening test of the system, exported into a folder of its own."""
    home, source, _ = made
    settings = Settings(home=home.environment.home, preset="demo", musdb=str(source), device="cpu")
    folder = tmp_path_factory.mktemp("tests")
    (test,) = export_tests(settings, "separation", folder)
    return settings, folder, test


def answer(test: Path, count: int, first: int = 0) -> None:
    """Let simulated listeners answer a test."""
    plan = read_plan(test / KEY)
    for number in range(first, first + count):
        told = session(plan, number, {"masks": 0.6, "refine": 0.5, "diffusion": 0.3})
        (test / "results" / f"{number}.json").write_text(json.dumps(told))


def test_an_exported_test_has_the_systems_of_the_test_songs(exported):
    _, _, test = exported
    plan = read_plan(test / KEY)
    assert plan.kind == "mushra"
    assert {one.item for one in plan.sounds.values()} == {"M.E.R.C. - Three"}
    assert {one.system for one in plan.sounds.values() if one.role == "system"} == {"masks", "refine", "diffusion"}
    assert plan.provenance["preset"] == "demo"
    assert (test / "public" / "index.html").is_file()
    assert "listeners decide" in (test / "README.txt").read_text()


def test_exporting_again_leaves_results_alone(exported):
    settings, folder, test = exported
    kept = test / "results" / "kept.txt"
    kept.write_text("mine")
    assert export_tests(settings, "separation", folder) == [test]
    assert kept.read_text() == "mine"
    assert not list(folder.glob(".*"))
    kept.unlink()


def test_answers_reach_the_report_and_the_sensor_sees_new_ones(made, exported):
    home, (_, folder, test) = made[0], exported
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
    assert "5 listeners, 1 item," in page
    assert "Discriminative network" in page
    assert home.current("listening_ratings") is None  # without TESSITURA_RATINGS it is not looked for
    assert "listening_ratings" not in home.graph.registry.assets


def _defs(home: Home) -> dg.Definitions:
    assets = home.graph.definitions()
    keys = [home.graph.key(name) for name in ("listening_results", "listening_ratings")]
    return dg.Definitions(
        assets=assets, jobs=[dg.define_asset_job("listening", selection=dg.AssetSelection.assets(*keys))]
    )
