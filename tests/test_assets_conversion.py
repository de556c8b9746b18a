"""The whole conversion branch materialised through Dagster with tiny networks on a few seconds of singing."""

import pandas as pd
import pytest
import soundfile
from test_models_separation import TINY as SEPARATION
from tiny import write_musdb
from tiny_conversion import TINY, write_singers
from tiny_graph import Home, names_of

from data.errors import InputError
from data.files.durable import read_json
from data.voices.index import Voices
from models.conversion import cost, presets
from models.separation import presets as separation
from pipelines.convert import Wish, convert, melody
from pipelines.jobs import SYSTEMS
from pipelines.settings import Settings

NAMES = {"A - One": "train", "Leaf - Summerghost": "train", "M.E.R.C. - Three": "test"}
DATA = ("musdb_source", "musdb_tracks", "voices_source", "voices_clips")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setitem(presets.PRESETS, "demo", TINY)
    patch.setitem(separation.PRESETS, "demo", SEPARATION)
    for name, value in {"_SECONDS": 1, "_ROUNDS": 1, "_LENGTHS": (1, 2)}.items():
        patch.setattr(cost, name, value)
    songs = write_musdb(tmp_path_factory.mktemp("songs"), NAMES)
    singers = write_singers(tmp_path_factory.mktemp("singers"))
    home = Home(tmp_path_factory.mktemp("home"), musdb=str(songs), voices=str(singers), target_singer="ada")
    needed = [name for name in SYSTEMS["conversion"].needs if name not in DATA]
    yield home, singers, home.materialize(*DATA, *needed, *names_of("conversion"))
    patch.undo()


@pytest.fixture(scope="module")
def settings_of(made):
    home, singers, _ = made
    wanted = {"home": home.environment.home, "preset": "demo", "device": "cpu", "voices": str(singers),
              "musdb": home.environment.musdb, "target_singer": "ada"}  # fmt: skip
    return Settings.read().model_copy(update=wanted)


def test_everything_materialises(made):
    home, _, result = made
    assert result.success
    for name in ("voices_clips", *names_of("conversion")):
        if name != "conversion_champion":
            assert home.current(name), name
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    for name in ("readable", "few_quarantined", "no_singer_in_two_splits", "unheard", "weights_finite", "complete"):
        assert checks[name], name
    assert not checks["sounds_like_target"]  # two steps of training convert nobody
    assert home.current("conversion_champion") is None


def test_every_system_is_judged_on_every_test_mixture(made):
    home, _, _ = made
    scores = pd.concat(
        [pd.read_parquet(home.current(f"conversion_{one}scores") / "scores.parquet") for one in ("", "baseline_")]
    )
    test = scores[scores["split"] == "test"]
    assert set(test["system"]) == {"proposed", "original", "crepe", "separated_crepe", "copy_source"}
    assert set(test["condition"]) >= {"clean", "snr5", "snr0", "separated"}
    assert set(test["singer"]) == {one.singer for one in Voices(home.current("voices_clips")).sung("test")}
    copied = test[(test["system"] == "copy_source") & (test["condition"] == "clean")]
    assert copied["f0_rmse_cents_keyfree"].max() < 30  # the same voice, heard by two trackers
    melodies = pd.read_parquet(home.current("conversion_baseline_melody_scores") / "melody_scores.parquet")
    assert set(melodies["system"]) == {"swift-f0"}


def test_the_report_holds_every_chapter(made):
    home, _, _ = made
    folder = home.current("conversion_report")
    page = (folder / "report.html").read_text()
    for chapter in ("Layer weights", "Listen", "Provenance", "Cost"):
        assert chapter in page, chapter
    assert (folder / "metrics.json").is_file()


def test_a_second_run_finds_everything_made(made):
    home, _, _ = made
    again = home.materialize(*[one for one in names_of("conversion") if one != "conversion_champion"])
    assert all(one.materialization.metadata["reused"].value for one in again.get_asset_materialization_events())


def test_a_song_is_converted_and_remixed_and_its_melody_written(made, settings_of, tmp_path):
    home, _, _ = made
    song, target = tmp_path / "song.wav", tmp_path / "converted.wav"
    source = next((home.environment.home.parent).rglob("M.E.R.C. - Three/mixture.wav"), None)
    source = source or next(iter(sorted(tmp_path.parent.rglob("mixture.wav"))))
    song.write_bytes(source.read_bytes())
    told: list[str] = []
    done = convert(settings_of, song, target, Wish("octave"), lambda report: told.append(str(report)))
    found = soundfile.info(target)
    assert (found.samplerate, found.channels) == (16_000, 1)
    assert found.duration == pytest.approx(done["seconds"], abs=0.01)
    assert (done["singer"], done["key"]) == ("ada", "octave")
    assert done["shift_cents"] % 1200 == 0
    assert "convert" in told[-1]
    remixed = convert(settings_of, song, target, Wish(remix=True), lambda report: None)
    assert remixed["key"] == "keep"
    assert soundfile.info(target).frames == soundfile.info(song).frames
    assert soundfile.info(target).channels == soundfile.info(song).channels
    table = tmp_path / "melody.csv"
    melody(settings_of, song, table)
    rows = pd.read_csv(table)
    assert list(rows.columns) == ["time", "f0_hz", "voicing", "energy_db"]
    assert len(rows) == 1 + int(done["seconds"] * 16_000) // 160
    for wish, said in [
        (Wish("transpose"), "there are keep, octave, match, free"),
        (Wish(singer="zoe"), "'zoe'"),
    ]:
        with pytest.raises(InputError, match=said):
            convert(settings_of, song, target, wish, lambda report: None)
    with pytest.raises(InputError, match="is the song itself"):
        convert(settings_of, song, song, Wish(), lambda report: None)
    with pytest.raises(InputError, match="no such file"):
        melody(settings_of, tmp_path / "none.wav", table)


def test_a_variant_trains_another_extractor_and_joins_the_report(made):
    home, _, _ = made
    rows = [name for name in names_of("conversion") if home.graph.registry.assets[name].variants]
    assert home.materialize(*rows, variant="last_layer").success
    assert home.current("conversion_melody", "last_layer") != home.current("conversion_melody")
    assert home.materialize("conversion_report").success
    assert "Ablation" in (home.current("conversion_report") / "report.html").read_text()
    assert read_json(home.current("conversion_melody", "last_layer") / "model.json")["extractor"]["layers"] == "last"
