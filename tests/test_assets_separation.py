"""The whole separation branch materialised through Dagster with tiny networks on short songs."""

from dataclasses import replace

import pandas as pd
import pytest
import soundfile
from test_models_separation import TINY
from tiny import write_musdb
from tiny_graph import Home, metadata, names_of

from data.errors import InputError
from data.files.durable import read_json
from data.musdb.dataset import GROUPS, group_of
from data.shards.reader import Shards
from models.separation import cost, presets
from pipelines.separate import Method, separate
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
    assert failed <= {"masks_separate", "better_than_mixture", "near_codec_ceiling"}


def test_every_song_has_its_split(made):
    home, _, _ = made
    songs = Shards(home.current("separation_songs"))
    found = dict(zip(songs.column("track"), songs.column("split"), strict=True))
    assert found == {**NAMES, "Leaf - Summerghost": "valid"}


def test_every_system_is_judged_on_every_test_song(made):
    home, _, _ = made
    folders = [home.current("separation_baseline_scores"), home.current("separation_scores")]
    scores = pd.concat([pd.read_parquet(folder / "scores.parquet") for folder in folders])
    assert set(scores["system"]) == {"mixture", "IRM1", "IRM2", "IBM2", "codec_ceiling", "masks", "diffusion"}
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
    shared = {group: (old / group / "index.parquet").samefile(new / group / "index.parquet") for group in GROUPS}
    assert shared == {group: group != group_of("New - Song") for group in GROUPS}


def test_any_song_can_be_separated_with_what_was_trained(made, tmp_path):
    home, source, _ = made
    settings = Settings.read().model_copy(
        update={"home": home.environment.home, "preset": "demo", "device": "cpu", "musdb": str(source)}
    )
    song, vocals = source / "test" / "M.E.R.C. - Three" / "mixture.wav", tmp_path / "vocals.wav"
    told: list[str] = []
    for system in ("diffusion", "masks", "auto"):
        method = Method(system, steps=1 if system == "diffusion" else None)
        facts = separate(settings, song, vocals, method, lambda report: told.append(str(report)))
        assert (facts["system"], facts["champion"]) == ("masks" if system == "auto" else system, False)
        assert (facts["sample_rate"], facts["channels"], facts["seconds"]) == (44_100, 2, 2.0)
        assert soundfile.info(vocals).frames == 88_200
    assert "chunks" in told[-1]
    assert separate(settings, song, vocals, Method(steps=1), lambda report: None)["system"] == "diffusion"
    for song_, target, method, said in [
        (song, song, Method("masks"), "is the file that is read; choose another with -o"),
        (song, vocals, Method("umx"), "'umx' is no system; there are auto, masks, diffusion"),
        (song, vocals, Method("diffusion", "film"), "'film' is no conditioning"),
        (song, vocals, Method(steps=0), "0 steps"),
        (song, vocals, Method("diffusion", "inject"), "separation_denoiser/inject has not been materialised"),
        (tmp_path / "none.wav", vocals, Method("masks"), "none.wav: no such file"),
    ]:
        with pytest.raises(InputError, match=said):
            separate(settings, song_, target, method, lambda report: None)
