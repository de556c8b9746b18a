"""The command line as a person and as a program use it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from tiny import sine_note, write_nsynth

from assets.store import Recipe, Store
from data.files.durable import write_json
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from models.synthesis.config import AutoencoderConfig, SequenceConfig, SynthesisConfig
from models.synthesis.sing import Sing
from models.training.checkpoint import save
from pipelines import cli
from pipelines.settings import Settings


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    monkeypatch.setenv("TESSITURA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TESSITURA_PRESET", "demo")
    return tmp_path / "home"


@pytest.fixture
def command(home, monkeypatch, capsys):
    """Return a function that runs the command line: (exit status, output, errors)."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tessitura", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def trained(home, tmp_path) -> Store:
    """A store with shards of 4 notes and an untrained model of the tiniest size."""
    store = Store(root=str(home / "store" / "demo"))
    part = write_nsynth(tmp_path / "nsynth-train", 2, range(60, 61), (25, 127))

    def shards(folder: Path) -> dict[str, int]:
        ingest(folder, [Part(part.name, part)])
        return {}

    def model(folder: Path) -> dict[str, int]:
        torch.manual_seed(0)
        autoencoder = AutoencoderConfig(channels=8, dimension=4, rewrites=1, fourier=True)
        sequence = SequenceConfig(hidden=8, layers=1, dimension=4)
        network = Sing(SynthesisConfig(autoencoder=autoencoder, sequence=sequence))
        described = {"autoencoder": autoencoder.__dict__, "sequence": sequence.__dict__}
        save(folder / "model", network.state_dict(), described)
        return {}

    store.make("nsynth_shards", None, "1", Recipe({}, {}, ("index.parquet",)), shards)
    store.make("synthesis_model", "spectral", "1", Recipe({}, {}, ("model.safetensors",)), model)
    return store


def test_help_names_every_command(command):
    status, out, _ = command("--help")
    assert status == 0
    assert all(name in out for name in ("demo", "dev", "status", "report", "describe", "synthesize", "score"))


def test_an_empty_store_says_what_to_do(command):
    assert command("status")[1].endswith("nothing yet; run: tessitura demo\n")
    status, _, err = command("report")
    assert status == 2
    assert err.startswith("error: no synthesis_report in")
    assert err.count("\n") == 1


def test_status_lists_what_was_made(command, trained):
    status, out, _ = command("status", "--json")
    rows = json.loads(out)["assets"]
    assert (status, [row["asset"] for row in rows]) == (0, ["nsynth_shards", "synthesis_model/spectral"])
    assert Path(rows[0]["folder"]).is_dir()


def test_describe_counts_the_papers_parameters(command):
    found = json.loads(command("describe", "synthesis", "--preset", "paper", "--json")[1])
    parameters = {row["module"]: row["parameters"] for row in found["modules"]}
    assert parameters["decoder"] + parameters["sequence"] == 63_747_927
    assert "parameters" in command("describe", "synthesis", "--preset", "small")[1]
    found = json.loads(command("describe", "separation", "--preset", "paper", "--json")[1])
    parameters = {row["module"]: row["parameters"] for row in found["modules"]}
    assert parameters["denoiser"] == pytest.approx(99e6, rel=0.01)  # as the sibling paper says of its network
    # At least its last convolution, 512 x 128 x 7 multiply-adds 75 times a second.
    assert found["cost"]["GFLOP a second, encoder"] > 2 * 512 * 128 * 7 * 75 / 1e9


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("describe", "transcription"), "'transcription' is no system; there are synthesis, separation"),
        (("report", "separation"), "no separation_report in"),
        (("describe", "synthesis", "--preset", "huge"), "'huge' is no preset; there are paper, small, demo"),
        (("synthesize", "--instrument", "x", "--pitch", 60, "--newest"), "synthesis_model/spectral has not been"),
        (("score", "synthesis", "--reference", "nowhere", "--estimate", "nowhere"), "nowhere"),
        (("score", "separation", "--reference", "nowhere", "--estimate", "nowhere"), "nowhere: no such folder"),
    ],
)
def test_errors_are_one_line_and_status_2(command, arguments, said):
    status, out, err = command(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert said in err


def test_synthesize_writes_a_note(command, trained, tmp_path):
    path = tmp_path / "note.wav"
    label = ("--instrument", "brass_acoustic_000", "--pitch", 60, "--velocity", 127)
    status, out, _ = command("synthesize", *label, "-o", path, "--newest", "--json")
    wave, rate = soundfile.read(path)
    assert (status, rate, wave.shape) == (0, 16000, (64000,))
    assert json.loads(out)["instrument"] == "brass_acoustic_000"


def test_synthesize_plays_no_model_that_failed_its_checks(command, trained):
    status, _, err = command("synthesize", "--instrument", "brass_acoustic_000", "--pitch", 60)
    assert status == 2
    assert "passed every check" in err


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (("--instrument", "kazoo", "--pitch", 60, "--velocity", 25), "there are brass_acoustic_000"),
        (("--instrument", "brass_acoustic_000", "--pitch", 300, "--velocity", 25), "MIDI notes 0 to 120"),
        (("--instrument", "brass_acoustic_000", "--pitch", 60, "--velocity", 75), "the model has heard 25, 127"),
    ],
)
def test_synthesize_refuses_what_is_not_there(command, trained, tmp_path, label, said):
    status, _, err = command("synthesize", *label, "-o", tmp_path / "note.wav", "--newest")
    assert status == 2
    assert said in err
    assert not (tmp_path / "note.wav").exists()


def test_score_judges_files_paired_by_name(command, tmp_path):
    for folder, gain in (("reference", 1.0), ("estimate", 0.5)):
        (tmp_path / folder).mkdir()
        for pitch in (60, 64):
            wave = sine_note(0, pitch, 100) / 32768 * gain
            soundfile.write(tmp_path / folder / f"flute_acoustic_000-{pitch:03d}-100.wav", wave, 16000, "PCM_16")
    folders = ("--reference", tmp_path / "reference", "--estimate", tmp_path / "estimate")
    status, out, _ = command("score", "synthesis", *folders, "--json", "-o", tmp_path / "scores.parquet")
    found = json.loads(out)
    means = {row["metric"]: row["mean"] for row in found["metrics"] if row["count"]}
    assert (status, found["notes"]) == (0, 2)
    assert means["in_tune"] == 1.0
    assert means["loudness_error"] == pytest.approx(20 * np.log10(2), abs=0.1)
    assert len(pd.read_parquet(tmp_path / "scores.parquet")) == 2
    (tmp_path / "estimate" / "flute_acoustic_000-064-100.wav").unlink()
    status, _, err = command("score", "synthesis", *folders)
    assert status == 2
    assert "flute_acoustic_000-064-100" in err


@pytest.fixture
def separated(tmp_path) -> tuple[object, ...]:
    """Two tracks of vocals and bass, an estimate of the vocals at half their level; one of them without singing."""
    for number, track in enumerate(("A & B - 'One'", "M.E.R.C. - Two")):
        draw = np.random.default_rng(number).uniform(-0.3, 0.3, (2, 2100, 1))
        true, made = tmp_path / "true" / track, tmp_path / "made" / track
        true.mkdir(parents=True)
        made.mkdir(parents=True)
        vocals = draw[0] * (number == 0)
        soundfile.write(true / "vocals.wav", vocals, 2000, "FLOAT")
        soundfile.write(true / "bass.wav", draw[1], 2000, "FLOAT")
        soundfile.write(made / "vocals.wav", vocals / 2, 2000, "FLOAT")
    return ("score", "separation", "--reference", tmp_path / "true", "--estimate", tmp_path / "made")


def test_score_separation_tells_medians_rows_and_definitions(command, separated, tmp_path):
    status, out, err = command(*separated, "--json", "-o", tmp_path / "scores")
    assert (status, err.count("\n")) == (0, 1)
    assert err.startswith("judge tracks: 2/2 tracks")
    found = json.loads(out, parse_constant=pytest.fail)  # strict JSON: no NaN, no Infinity
    medians = {(row["source"], row["metric"]): row for row in found["medians"]}
    half = medians["vocals", "uSDR"]
    assert half["median"] == pytest.approx(20 * np.log10(2), abs=1e-3)
    assert (half["tracks"], half["not_applicable"]) == (1, 1)
    assert (medians["vocals", "cSDR"]["frames"], medians["vocals", "cSDR"]["undefined"]) == (2, 1)
    assert medians["accompaniment", "uSDR"]["tracks"] == 2
    silent = [row for row in found["scores"] if row["track"] == "M.E.R.C. - Two" and row["source"] == "vocals"]
    assert {row["value"] for row in silent} == {None}
    assert {row["sources"] for row in found["scores"]} == {"accompaniment+vocals"}
    scaled = next(row for row in found["scores"] if row["metric"] == "SI-SDR" and row["value"] is not None)
    assert scaled["source"] == "accompaniment"
    assert {row["metric"] for row in found["scores"]} == set(found["definitions"])
    assert len(pd.read_parquet(tmp_path / "scores" / "scores.parquet")) == len(found["scores"]) == 2 * 2 * 7
    assert len(pd.read_parquet(tmp_path / "scores" / "seconds.parquet")) == 4


def test_score_separation_prints_a_table(command, separated):
    status, out, _ = command(*separated)
    lines = out.splitlines()
    assert status == 0
    assert lines[0].startswith("2 tracks, medians over them")
    assert lines[1] == "judged together: accompaniment+vocals"
    rows = {tuple(line.split()[:2]): line.split()[2:] for line in lines[3:17]}
    assert rows["vocals", "uSDR"] == ["6.021", "1", "1"]
    assert rows["vocals", "cSDR"] == ["6.021", "1", "1", "1", "of", "2"]


def test_score_separation_says_which_scores_are_rounding_errors(command, tmp_path):
    draw = np.random.default_rng(0).uniform(-0.3, 0.3, (2, 2100))
    delayed = np.stack([draw, np.roll(draw, 3, axis=1)], 2)
    for folder, gain in (("true", 1.0), ("made", 0.5)):
        (tmp_path / folder / "Delayed").mkdir(parents=True)
        for name, wave in zip(("bass", "vocals"), delayed, strict=True):
            soundfile.write(tmp_path / folder / "Delayed" / f"{name}.wav", wave * gain, 2000, "FLOAT")
    folders = ("--reference", tmp_path / "true", "--estimate", tmp_path / "made")
    assert json.loads(command("score", "separation", *folders, "--json")[1])["ill_conditioned"] == ["Delayed"]
    assert "not to be believed: cISR, cSIR and cSAR of Delayed" in command("score", "separation", *folders)[1]


def test_score_separation_names_what_does_not_fit(command, separated, tmp_path):
    soundfile.write(tmp_path / "made" / "M.E.R.C. - Two" / "vocals.wav", np.zeros((2099, 1)), 2000)
    status, out, err = command(*separated)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "made/M.E.R.C. - Two/vocals.wav: (samples, channels, Hz) is (2099, 1, 2000)" in err
    (tmp_path / "taken").write_text("")
    status, out, err = command(*separated, "-o", tmp_path / "taken")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"error: {tmp_path / 'taken'}")


def test_report_prints_its_path_and_what_it_says(command, home):
    def page(folder: Path) -> dict[str, int]:
        (folder / "report.html").write_text("<!doctype html>")
        write_json(folder / "metrics.json", {"figures": [1]})
        return {}

    store = Store(root=str(home / "store" / "demo"))
    made = store.make("synthesis_report", None, "1", Recipe({}, {}, ("report.html",)), page)
    assert command("report")[1] == f"report: {made.folder / 'report.html'}\n"
    assert json.loads(command("report", "--json")[1])["figures"] == [1]


def test_the_installed_program_starts(home):
    program = Path(sys.executable).with_name("tessitura")
    done = subprocess.run([program, "status"], env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing yet" in done.stdout
