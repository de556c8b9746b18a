"""The whole conversion branch materialised through Dagster with tiny networks on a few seconds of singing."""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from test_models_separation import TINY as SEPARATION
from tiny import write_musdb
from tiny_bundle import spleeter_variables, write_bundle
from tiny_conversion import TINY, write_singers
from tiny_graph import Home, metadata, names_of
from tiny_portable import run_alone

from assets.conversion.variants import ablation, compared
from assets.environment import Configuration
from assets.production import Order, Workshop
from assets.store.locks import acquire
from assets.store.pointers import lock_path
from data.errors import InputError
from data.voices.index import Voices
from eval.acceptance import Criterion
from eval.conversion import promotion
from models.conversion import cost, presets
from models.conversion.acoustic.load import load_acoustic
from models.conversion.files import read_song
from models.conversion.key import choose_shift
from models.conversion.melody.load import load_extractor
from models.conversion.presets import DISCRIMINATORS
from models.separation import presets as separation
from models.separation.published.separators import SEPARATORS
from models.separation.published.spleeter import VALUES
from models.training.checkpoint import load
from pipelines.convert import Wish, convert, melody
from pipelines.jobs import SYSTEMS
from pipelines.portable.chosen import Wish as ModelWish
from pipelines.portable.export import export_model
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
    spleeter = write_bundle(tmp_path_factory.mktemp("spleeter"), spleeter_variables((1, 1, 1, 1, 1, 1)))
    sha256 = hashlib.sha256((spleeter / VALUES).read_bytes()).hexdigest()
    patch.setitem(SEPARATORS, "spleeter", replace(SEPARATORS["spleeter"], content=sha256))
    wanted = {"musdb": str(songs), "voices": str(singers), "target_singer": "ada", "separators": f"spleeter={spleeter}"}
    home = Home(tmp_path_factory.mktemp("home"), **wanted)
    needed = [name for name in SYSTEMS["conversion"].needs if name not in DATA]
    yield home, singers, home.materialize(*DATA, *needed, *names_of("conversion"))
    patch.undo()


@pytest.fixture(scope="module")
def settings_of(made):
    home, singers, _ = made
    wanted = {"home": home.environment.home, "preset": "demo", "device": "cpu", "voices": str(singers),
              "musdb": home.environment.musdb, "target_singer": "ada"}  # fmt: skip
    return Settings.read().model_copy(update=wanted)


def copy_song(home: Home, folder: Path) -> Path:
    """Copy the mixture of a song to a folder."""
    mixture = next(Path(home.environment.musdb).rglob("M.E.R.C. - Three/mixture.wav"))
    return Path(shutil.copy(mixture, folder / "song.wav"))


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
    assert set(test["system"]) == {
        "proposed",
        "original",
        "crepe",
        "separated_crepe",
        "separated_crepe_spleeter",
        "copy_source",
    }
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
    for chapter in ("Layer weights", "Listen", "Provenance", "Cost", "Separated (Spleeter) + CREPE"):
        assert chapter in page, chapter
    assert (folder / "metrics.json").is_file()


def test_a_second_run_finds_everything_made(made):
    home, _, _ = made
    again = home.materialize(*[one for one in names_of("conversion") if one != "conversion_champion"])
    assert all(one.materialization.metadata["reused"].value for one in again.get_asset_materialization_events())


def test_the_exported_model_sings_alone_as_the_command_line_does(made, settings_of, tmp_path):
    home, singers, _ = made
    folder = tmp_path / "model"
    done = export_model(settings_of, ModelWish("conversion"), folder, onnx=False)
    assert done["scores"]
    assert not any(name.startswith("discriminators") for name in load(folder / "vocoder" / "model").tensors)
    known = load_acoustic(home.current("conversion_acoustic"), torch.device("cpu"))
    (other, *_) = (one for one in known.singers if one != "ada")
    clip, _ = soundfile.read(next(singers.glob("ben_*.wav")))
    for seconds, key, singer in ((0.7, "octave", "ada"), (21.0, "free", other)):  # one piece, and several
        wave = np.resize(clip[:, 1], round(16_000 * seconds))
        soundfile.write(tmp_path / "song.wav", wave, 16_000)
        alone, ours = tmp_path / "alone.wav", tmp_path / "ours.wav"
        run_alone(folder, tmp_path / "song.wav", "-o", alone, "--key", key, "--singer", singer)
        convert(settings_of, tmp_path / "song.wav", ours, Wish(key, singer), lambda report: None)
        alone, ours = soundfile.read(alone)[0], soundfile.read(ours)[0]
        assert alone.shape == ours.shape == wave.shape
        assert np.abs(ours).max() > 1e-3
        np.testing.assert_allclose(alone, ours, atol=2 / 32767 + 1e-4 * np.abs(ours).max())


def test_a_song_is_converted_and_remixed_and_its_melody_written(made, settings_of, tmp_path):
    home, _, _ = made
    song, target = copy_song(home, tmp_path), tmp_path / "converted.wav"
    told: list[str] = []
    done = convert(settings_of, song, target, Wish("octave"), lambda report: told.append(str(report)))
    found = soundfile.info(target)
    assert (found.samplerate, found.channels) == (16_000, 1)
    assert found.duration == pytest.approx(done["seconds"], abs=0.01)
    assert (done["singer"], done["key"]) == ("ada", "octave")
    assert done["shift_cents"] % 1200 == 0
    assert "convert" in told[-1]
    known = load_acoustic(home.current("conversion_acoustic"), torch.device("cpu"))
    assert set(known.ranges) == set(known.singers)
    (other, *_) = (one for one in known.singers if one != "ada")
    sung = convert(settings_of, song, target, Wish("match", singer=other), lambda report: None)
    f0 = load_extractor(home.current("conversion_melody"), torch.device("cpu")).melody(read_song(song).wave).f0
    assert sung["singer"] == other
    assert sung["shift_cents"] == 100 * (choose_shift("match", f0, known.range(other)).semitones or 0)
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
    with pytest.raises(InputError, match="is the file that is read; choose another with -o"):
        convert(settings_of, song, song, Wish(), lambda report: None)
    with pytest.raises(InputError, match="no such file"):
        melody(settings_of, tmp_path / "none.wav", table)


def test_a_variant_is_made_to_the_end_and_joins_the_report(made):
    home, _, _ = made
    rows = [name for name in names_of("conversion") if home.graph.registry.assets[name].variants]
    assert home.materialize(*rows, variant="frozen_encoder").success
    changed = [name for name in rows if home.current(name, "frozen_encoder") != home.current(name)]
    assert changed == [name for name in rows if name != "conversion_length_study"]
    assert home.materialize("conversion_report").success
    page = (home.current("conversion_report") / "report.html").read_text()
    assert "Ablation" in page
    assert "Frozen or fine-tuned" in page
    assert "Each variant less “fine-tuned”" in page


def test_what_a_variant_does_not_change_is_not_made_again(made):
    home, _, _ = made
    before = list(home.home_of("conversion_features").glob("versions/*"))
    left = home.materialize("conversion_features", variant="without_real")
    assert metadata(left, "conversion_features") == {"made": "nothing: without_real is a variant of other assets only"}
    assert list(home.home_of("conversion_features").glob("versions/*")) == before
    workshop = Workshop(home.graph.registry, home.graph.provenance, print, print)
    order = Order(home.graph.registry.assets["conversion_acoustic"], Configuration(home.environment, "without_real"))
    assert workshop.inputs(order) == {"conversion_features": home.current("conversion_features")}


def test_the_study_of_the_length_shows_what_is_forgotten(made):
    home, _, _ = made
    main = pd.read_parquet(home.current("conversion_length_study") / "study.parquet")
    assert main["steps"].unique().tolist() == [0, 2]
    assert home.materialize("conversion_melody", "conversion_length_study", variant="lengths").success
    assert (home.current("conversion_melody", "lengths") / "after-000001.safetensors").is_file()
    study = pd.read_parquet(home.current("conversion_length_study", "lengths") / "study.parquet")
    assert study["steps"].unique().tolist() == [0, 1, 2]
    errors = study.groupby("steps")["content_error"].unique().map(list)
    assert errors.map(len).tolist() == [1, 1, 1]
    assert errors[0] == main.loc[main["steps"] == 0, "content_error"].unique().tolist()
    assert study.groupby("steps")["oa"].count().tolist() == [0, *[len(study) // 3] * 2]
    assert home.materialize("conversion_report").success
    assert "Length of fine-tuning" in (home.current("conversion_report") / "report.html").read_text()


def test_the_study_of_targets_converts_to_several_singers_of_the_training(made):
    home, _, _ = made
    study = pd.read_parquet(home.current("conversion_target_study") / "study.parquet")
    known = load_acoustic(home.current("conversion_acoustic"), torch.device("cpu"))
    assert study["target"].nunique() == 2
    assert {"ada"} < set(study["target"]) <= set(known.singers)
    assert set(study["condition"]) == {"clean", "snr0"}
    assert (set(study["split"]), set(study["system"])) == ({"test"}, {"proposed"})
    assert len(study) == 2 * study["target"].nunique()
    assert study.groupby("condition")["speaker_target"].nunique().tolist() == [2, 2]  # each has a reference of its own
    assert "Several target singers" in (home.current("conversion_report") / "report.html").read_text()


def test_the_tables_of_the_studies_hold_what_was_made(made):
    home, _, _ = made
    main = {"": home.current("conversion_scores")}
    assert compared(main, DISCRIMINATORS) is None
    both = compared({**main, "without_real": main[""], "frozen_encoder": main[""]}, DISCRIMINATORS)
    assert both is not None
    assert list(dict.fromkeys(both["variant"])) == ["all three", "without real/fake"]
    melodies = dict.fromkeys(["", "frozen_encoder", "replay"], home.current("conversion_melody_scores"))
    grid = ablation(melodies, TINY, "trained here")
    assert grid is not None
    assert list(dict.fromkeys(grid["tuned"])) == ["yes", "no", "yes, near its layers"]
    assert ablation({"": melodies[""]}, TINY, "trained here") is None


def test_the_champion_sings_and_is_locked_meanwhile(made, settings_of, tmp_path, monkeypatch):
    home, _, _ = made
    passed = {"untrained": Criterion(True, 0.0, 1.0, "nothing is asked of a system of two steps", "")}
    monkeypatch.setattr(promotion, "promotion_criteria", lambda *arguments: passed)
    assert metadata(home.materialize("conversion_champion"), "conversion_champion")["promoted"]
    champion = home.current("conversion_champion")
    song, free = copy_song(home, tmp_path), []

    def listen(report: object) -> None:
        descriptor = acquire(lock_path(champion))
        free.append(descriptor is not None)
        if descriptor is not None:
            os.close(descriptor)

    done = convert(settings_of, song, tmp_path / "converted.wav", Wish(), listen)
    assert done["model"] == str(champion / "acoustic")
    assert done["singer"] == "ada"
    assert set(free) == {False}
    listen("the song is finished")
    assert free[-1]
    assert melody(settings_of, song, tmp_path / "melody.csv")["model"] == str(champion / "melody")
    newest = convert(settings_of, song, tmp_path / "newest.wav", Wish(newest=True), lambda report: None)
    assert newest["model"] == str(home.current("conversion_acoustic"))
    assert (tmp_path / "newest.wav").read_bytes() == (tmp_path / "converted.wav").read_bytes()  # the same system
