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
from data.durable import write_json
from data.ingest import ingest
from data.nsynth import Part
from models.checkpoint import save
from models.synthesis.config import AutoencoderConfig, SequenceConfig, SynthesisConfig
from models.synthesis.sing import Sing
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
    assert err.startswith("error: no report in")
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
        (("report", "separation"), "no report in"),
        (("describe", "synthesis", "--preset", "huge"), "'huge' is no preset; there are paper, small, demo"),
        (("synthesize", "--instrument", "x", "--pitch", 60, "--newest"), "synthesis_model/spectral has not been"),
        (("score", "synthesis", "--reference", "nowhere", "--estimate", "nowhere"), "nowhere"),
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
