"""The command line as a person and as a program use it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import mido
import numpy as np
import pandas as pd
import pytest
import soundfile
from tiny import sine_note, write_nsynth
from tiny_portable import run_alone
from tiny_trained import keep, keep_sing

from assets.environment import Configuration
from assets.registry import REGISTRY
from assets.store.versions import Making, Recipe, make
from data.configuration import override
from data.errors import InputError
from data.files.audio import to_pcm16
from data.files.durable import write_json
from data.files.tables import write_frame
from eval.synthesis.note_metrics import METRICS
from pipelines import cli, launch
from pipelines import status as status_module
from pipelines.commands import making
from pipelines.definitions import make_graph
from pipelines.launch import Target
from pipelines.portable import export
from pipelines.seeds import over_seeds, seeds_of, targets
from pipelines.settings import Settings
from pipelines.synthesize import load_synthesizer


@pytest.fixture
def home(settings) -> Path:
    return settings.home


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
def trained(home, tmp_path) -> Path:
    """A store with shards of 4 notes and an untrained model of the tiniest size; returns the folder of the model."""
    return keep_sing(home, write_nsynth(tmp_path / "nsynth-train", 2, range(60, 61), (25, 127)))


def test_help_names_every_command(command):
    status, out, _ = command("--help")
    assert status == 0
    commands = ("demo", "run", "dev", "status", "verify", "report", "experiments", "describe", "synthesize", "separate",
                "pin", "gc", "waive", "score")  # fmt: skip
    assert all(f" {name} " in out for name in commands)


def test_an_empty_store_says_what_to_do(command):
    assert command("status")[1].endswith("nothing yet; run: tessitura demo\n")
    status, _, err = command("report")
    assert status == 2
    assert err.startswith("error: no demo/synthesis_report in")
    assert err.count("\n") == 1


def test_status_lists_what_was_made(command, trained):
    status, out, _ = command("status", "--json")
    rows = json.loads(out)["assets"]
    assert (status, [row["asset"] for row in rows]) == (0, ["embedded/nsynth_shards", "demo/synthesis_model"])
    assert Path(rows[0]["folder"]).is_dir()
    assert rows[1]["commit"] == "abcdef012345"
    assert command("status")[1].count("abcdef012345") == 2


def test_damage_is_told_verified_and_set_aside(command, home, trained, tmp_path):
    label = ("--instrument", "brass_acoustic_000", "--pitch", 60, "--velocity", 127)
    play = ("synthesize", *label, "-o", tmp_path / "note.wav", "--newest")
    assert command(*play)[0] == 0
    assert command("verify")[:2] == (0, f"{home / 'store'}: 4 versions, pointers and reports are whole, 0 damaged\n")
    described = trained / "model.json"
    whole, times = described.read_bytes(), described.stat()
    described.write_bytes(whole.replace(b'"rewrites": 1', b'"rewrites": 2'))
    os.utime(described, ns=(times.st_atime_ns, times.st_mtime_ns))
    status, _, err = command(*play)
    assert (status, "model.json: its content is not what was written" in err) == (2, True)
    found = json.loads(command("verify", "--json")[1])["damaged"]
    assert [one["place"] for one in found] == [str(trained)]
    (trained / "run.json").write_bytes((trained / "run.json").read_bytes()[:200])
    status, out, _ = command("status")
    assert (status, "demo/synthesis_model" in out, "run.json: no finished version" in out) == (0, True, True)
    assert json.loads(command("status", "--json")[1])["assets"][1]["folder"] == str(trained)
    status, out, _ = command("verify", "--set-aside")
    assert (status, "set aside in" in out, trained.exists()) == (1, True, False)
    assert command(*play)[0] == 2
    (trained.parent.parent / "current" / "main").write_bytes(b"\xff\xfe")
    assert command("status")[0] == 0
    status, _, err = command("gc", "--delete")
    assert (status, "nothing can be deleted" in err, err.count("\n")) == (2, True, 1)


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
        (("report", "separation"), "no demo/separation_report in"),
        (("describe", "synthesis", "--preset", "huge"), "'huge' is no preset; there are paper, small, demo"),
        (("synthesize", "--instrument", "x", "--pitch", 60, "--newest"), "embedded/nsynth_shards has not been"),
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


def test_an_exported_model_plays_without_this_project(command, home, trained, tmp_path):
    folder = tmp_path / "models" / "sing"
    status, out, err = command("export", "model", "synthesis", "-o", folder, "--no-onnx", "--json")
    done = json.loads(out)
    assert (status, done["method"], done["champion"], done["scores"]) == (0, "synthesis", False, False)
    assert err == "warning: this model has not been promoted: it is the newest, and may have failed checks\n"
    assert done["bytes"] == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert {path.name for path in folder.iterdir()} == {
        "LICENSE", "README.md", "SHA256SUMS", "config.json", "inference.py", "model.json", "model.safetensors",
        "network",
    }  # fmt: skip
    run_alone(folder, "brass_acoustic_000", "60", "--velocity", "127", "-o", tmp_path / "alone.wav")
    label = ("--instrument", "brass_acoustic_000", "--pitch", 60, "--velocity", 127)
    assert command("synthesize", *label, "-o", tmp_path / "ours.wav", "--newest")[0] == 0
    alone, ours = (soundfile.read(tmp_path / name, dtype="int16")[0].astype(int) for name in ("alone.wav", "ours.wav"))
    assert np.abs(ours).max() > 100
    assert np.abs(alone - ours).max() <= 2
    card = (folder / "README.md").read_text()
    assert "model-index" not in card
    assert "The current report is not on this model" in card
    assert "python inference.py brass_acoustic_000 60 -o note.wav" in card
    assert json.loads((folder / "config.json").read_text())["commit"] == "abcdef012345"
    for arguments, said in (
        (("synthesis", "-o", folder), "is there already, and nothing is replaced; name a new folder with -o"),
        (("synthesis", "-o", home / "store" / "sing"), "lies in the store"),
        (
            ("synthesis", "-o", tmp_path / "b", "--method", "masks"),
            "--method masks: separation has auto, masks, refine, diffusion",
        ),
        (("synthesis", "-o", tmp_path / "b", "--variant", "loud"), "'loud' is no variant of synthesis"),
        (("separation", "-o", tmp_path / "b"), "demo/separation_mask_network has not been materialised"),
        (("conversion", "-o", tmp_path / "b"), "demo/conversion_melody has not been materialised"),
        (("singing", "-o", tmp_path / "b"), "singing"),
    ):
        status, out, err = command("export", "model", *arguments)
        assert (status, out, err.count("\n")) == (2, "", 1)
        assert said in err
    assert not (tmp_path / "b").exists()
    assert not list(tmp_path.glob(".*partial"))
    assert [path.name for path in folder.parent.iterdir()] == ["sing"]


def test_an_export_that_fails_leaves_nothing_behind(command, trained, tmp_path, monkeypatch):
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "sing"))

    monkeypatch.setattr(export, "write_card", full)
    status, _, err = command("export", "model", "synthesis", "-o", tmp_path / "sing", "--no-onnx")
    assert status == 2
    assert err.startswith(f"error: {tmp_path}/sing: no space left on device; free space on that disk")
    assert not list(tmp_path.glob("*sing*"))
    assert not list(tmp_path.glob(".*"))


def test_synthesize_plays_ranges_chords_and_midi_files(command, trained, tmp_path):
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=500_000, time=0)])
    for pitch, velocity in ((60, 120), (64, 30)):
        track += [mido.Message("note_on", note=pitch, velocity=velocity, time=0)]
        track += [mido.Message("note_off", note=pitch, velocity=0, time=480)]
    track.append(mido.Message("note_on", channel=9, note=36, velocity=100, time=0))
    file.tracks.append(track)
    file.save(tmp_path / "song.mid")
    own = ("--instrument", "brass_acoustic_000", "--newest", "--json", "-o", tmp_path / "out.wav")
    for what, notes, seconds in (
        (("--pitch", "60-64", "--velocity", 127), 5, 8.0),
        (("--pitch", "60,64,67", "--velocity", 25), 3, 4.0),
        (("--midi", tmp_path / "song.mid"), 2, 1.08),  # the last note fades out
    ):
        status, out, err = command("synthesize", *own, *what)
        assert (status, err) == (0, "")
        told = json.loads(out)
        assert (told["notes"], told["seconds"]) == (notes, seconds)
        wave, _ = soundfile.read(tmp_path / "out.wav")
        assert len(wave) == 16_000 * seconds
        assert np.abs(wave).max() <= 1


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ((), "give either a pitch or a MIDI file"),
        (("--pitch", "60", "--midi", "x.mid", "--velocity", 25), "give either a pitch or a MIDI file"),
        (("--pitch", "high", "--velocity", 25), "--pitch high: write a MIDI note number"),
        (("--pitch", "60-", "--velocity", 25), "--pitch 60-: write"),
        (("--pitch", "100-130", "--velocity", 25), "MIDI notes 0 to 120"),
        (("--midi", "none.mid"), "none.mid: no MIDI file that can be read"),
    ],
)
def test_synthesize_says_what_is_wrong_with_the_music(command, trained, tmp_path, what, said):
    own = ("--instrument", "brass_acoustic_000", "--newest", "-o", tmp_path / "out.wav")
    status, _, err = command("synthesize", *own, *what)
    assert (status, err.count("\n")) == (2, 1)
    assert said in err
    assert not (tmp_path / "out.wav").exists()


def test_synthesize_warns_of_a_model_that_failed_its_checks(command, trained, tmp_path):
    label = ("--instrument", "brass_acoustic_000", "--pitch", 60, "--velocity", 127)
    status, out, err = command("synthesize", *label, "-o", tmp_path / "note.wav")
    assert (status, err) == (0, "warning: no model has passed every check yet, so the newest one plays\n")
    assert "synthesis_model" in out


def test_python_plays_what_the_command_line_writes(command, trained, tmp_path):
    label = ("--instrument", "brass_acoustic_000", "--pitch", 60, "--velocity", 127)
    command("synthesize", *label, "-o", tmp_path / "note.wav")
    synthesizer = load_synthesizer()
    assert (synthesizer.model.folder, synthesizer.model.unproven) == (trained, True)
    wave = synthesizer.note("brass_acoustic_000", pitch=60, velocity=127)
    assert (wave.shape, wave.dtype) == ((64_000,), np.float32)
    np.testing.assert_array_equal(to_pcm16(wave), soundfile.read(tmp_path / "note.wav", dtype="int16")[0])
    for instrument, pitch, velocity, said in (
        ("kazoo", 60, 127, "there are brass_acoustic_000"),
        ("0", 300, 127, "MIDI notes 0 to 120"),
        ("0", 60, 75, "the model was trained on 25, 127"),
    ):
        with pytest.raises(InputError, match=said):
            synthesizer.note(instrument, pitch, velocity)


def test_synthesize_names_a_variant_that_was_not_made(command, trained, tmp_path):
    label = ("--instrument", "brass_acoustic_000", "--pitch", 60, "--velocity", 127)
    status, _, err = command("synthesize", *label, "-o", tmp_path / "note.wav", "--variant", "harmonic")
    assert (status, err.count("\n"), "synthesis_model" in err, "harmonic" in err) == (2, 1, True, True)


@pytest.mark.parametrize(
    ("label", "said"),
    [
        (("--instrument", "kazoo", "--pitch", 60, "--velocity", 25), "there are brass_acoustic_000"),
        (("--instrument", "brass_acoustic_000", "--pitch", 300, "--velocity", 25), "MIDI notes 0 to 120"),
        (("--instrument", "brass_acoustic_000", "--pitch", 60, "--velocity", 75), "the model was trained on 25, 127"),
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
    assert len(pd.read_parquet(tmp_path / "scores" / "scores.parquet")) == len(found["scores"]) == 2 * 2 * 10
    assert len(pd.read_parquet(tmp_path / "scores" / "seconds.parquet")) == 4


def test_score_separation_prints_a_table(command, separated):
    status, out, _ = command(*separated)
    lines = out.splitlines()
    assert status == 0
    assert lines[0].startswith("2 tracks, medians over them")
    assert lines[1] == "scored together: accompaniment+vocals"
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines[3:]]
    rows = {tuple(one[:2]): one[2:] for one in cells}
    assert rows["vocals", "uSDR"] == ["6.021", "1", "1"]
    assert rows["vocals", "cSDR"] == ["6.021", "1", "1", "1 of 2"]
    assert rows["vocals", "specific loudness error"][1:] == ["1", "1"]


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


def page(folder: Path) -> dict[str, int]:
    (folder / "report.html").write_text("<!doctype html>")
    write_json(folder / "metrics.json", {"figures": [1]})
    return {}


def test_report_prints_its_path_and_what_it_says(command, home):
    made = keep(home, "synthesis_report", "report.html", page)
    assert command("report")[1] == f"report: {made / 'report.html'}\n"
    assert json.loads(command("report", "--json")[1])["figures"] == [1]
    mine = keep(home, "synthesis_report", "report.html", page, experiment="long")
    assert command("report", "--experiment", "long")[1] == f"report: {mine / 'report.html'}\n"
    assert command("report")[1] == f"report: {made / 'report.html'}\n"


def scores(loss: float):
    def work(folder: Path) -> dict[str, int]:
        rows = [
            {"system": "sing", "note": f"n{one}", "instrument": one, "split": "test", "spectral": loss + one}
            for one in range(3)
        ]
        frame = pd.DataFrame(rows).assign(**{name: 0.5 for name in METRICS if name != "spectral"})
        write_frame(folder / "scores.parquet", frame)
        return {}

    return work


def test_experiments_are_listed_compared_and_forgotten(command, home):
    assert "no experiments with preset demo" in command("experiments")[1]
    keep(home, "synthesis_scores", "scores.parquet", scores(1.0))
    changes = {"fine_tune.steps": 7}
    mine = keep(home, "synthesis_scores", "scores.parquet", scores(0.5), experiment="long", overrides=changes)
    status, out, _ = command("experiments", "--json")
    (row,) = json.loads(out)
    assert (status, row["name"], row["system"], row["overrides"]) == (0, "long", "synthesis", changes)
    assert row["compared"][0].startswith("Spectral loss: -0.500 [")
    assert command("experiments")[1].startswith("long (synthesis): fine_tune.steps=7\n")
    assert str(mine) not in command("gc", "--json")[1]
    assert command("experiments", "--forget", "short")[2] == "error: no experiment 'short' with preset demo\n"
    assert command("experiments", "--forget", "../..")[0] == 2
    assert command("experiments", "--forget", "long")[0] == 0
    assert [row["folder"] for row in json.loads(command("gc", "--json")[1])] == [str(mine)]


def test_seeds_are_made_as_experiments_and_told_with_their_range(command, home, monkeypatch):
    made, graph = [], make_graph(Settings.read())
    loss = {"": 0.5, "seed-1": 0.8, "seed-2": 0.2}

    def record(settings: Settings, target: Target) -> None:  # trainings are the matter of other tests
        made.append(target.experiment)
        changes = dict(target.overrides)
        keep(home, "synthesis_scores", "scores.parquet", scores(loss[target.experiment]),
             experiment=target.experiment, overrides=changes)  # fmt: skip

    monkeypatch.setattr(launch, "run_graph", record)
    with pytest.raises(InputError, match="the system in use has no scores; tessitura seeds synthesis --count 2"):
        over_seeds(graph, "synthesis", 2)
    status, out, _ = command("seeds", "synthesis", "--count", "3", "--json")
    assert (status, made) == (0, ["", "seed-1", "seed-2"])
    found = json.loads(out)["spectral loss"]
    assert found["values"] == pytest.approx([1.5, 1.8, 1.2])
    assert (found["mean"], found["lowest"], found["highest"]) == pytest.approx((1.5, 1.2, 1.8))
    assert "  spectral loss: 1.5 (1.2 to 1.8); by seed: 1.5, 1.8, 1.2\n" in command("seeds", "synthesis")[1]


@pytest.mark.parametrize("system", ["synthesis", "separation", "conversion"])
def test_another_seed_changes_every_training_and_nothing_else(system):
    graph = make_graph(Settings.read())
    (changes,) = [one.overrides for one in targets(graph, system, 2) if one.experiment]
    mine, other = (getattr(Configuration(graph.environment, overrides=one), system) for one in ({}, changes))
    assert len(changes) >= 4
    assert set(changes.values()) == {1}
    assert "mixtures.seed" not in changes  # the mixtures that are judged on
    assert seeds_of(other) == changes
    assert override(other, seeds_of(mine)) == mine


def test_gc_shows_first_and_deletes_when_told_and_leaves_what_is_pinned(command, home, trained):
    def other(folder: Path) -> dict[str, int]:
        (folder / "model.safetensors").write_bytes(b"x" * 1000)
        return {}

    keep(home, "synthesis_model", "model.safetensors", other, experiment="")
    newer = keep(home, "synthesis_model", "model.safetensors", other, more=1)
    rows = {Path(row["folder"]): row for row in json.loads(command("gc", "--json")[1])}
    assert newer not in rows
    assert {row["state"] for row in rows.values()} == {"could be deleted"}
    assert trained in rows
    assert trained.is_dir()
    status, out, _ = command("pin", "synthesis_model", "--version", trained.name, "--reason", "for the paper")
    assert (status, out) == (0, f"demo/synthesis_model {trained.name}: pinned\n")
    assert "freed" in command("gc", "--delete")[1]
    left = {path for path in newer.parent.iterdir() if path.is_dir()}
    assert left == {trained, newer}
    assert command("pin", "synthesis_model", "--version", trained.name, "--remove")[0] == 0
    assert command("gc", "--delete")[0] == 0
    assert not trained.exists()


def unfinished(preset: str, experiment: str = "", overrides: dict | None = None, **changes) -> Path:
    """Leave an unfinished version of the model behind, as a run of now would that is killed; return its folder."""
    graph = make_graph(Settings.read().model_copy(update={"preset": preset}))
    asset, overrides = graph.registry.assets["synthesis_model"], overrides or {}
    run = Configuration(graph.environment, overrides=overrides)
    recipe = Recipe(graph.provenance.code_version(asset), asset.slice(run) | changes, {}, ())

    def killed(folder: Path, earlier: tuple[Path, ...]):
        raise RuntimeError(folder)

    notes = {"space": preset, "experiment": experiment, "overrides": overrides}
    with pytest.raises(RuntimeError) as stopped:
        make(asset.slot(run, experiment), recipe, Making(killed, notes))
    return stopped.value.args[0]


def test_gc_leaves_what_a_run_would_resume(command, home):
    resumed = [unfinished("demo"), unfinished("small"), unfinished("small", "long", {"fine_tune.steps": 7})]
    given_up = unfinished("demo", other=1)
    assert [Path(row["folder"]) for row in json.loads(command("gc", "--json")[1])] == [given_up]
    assert command("gc", "--delete")[0] == 0
    assert all(folder.is_dir() for folder in resumed)


def test_forgetting_an_experiment_gives_up_what_it_has_begun(command, home):
    folder = unfinished("demo", "long", {"fine_tune.steps": 7})
    other = unfinished("demo")
    assert command("experiments", "--forget", "long")[:2] == (
        0,
        "forgot long: 1 assets; tessitura gc frees the space\n",
    )
    assert (folder.exists(), other.exists()) == (False, True)


def test_pins_take_names_as_status_prints_them(command, trained):
    assert command("pin", "demo/synthesis_model")[1] == f"demo/synthesis_model {trained.name}: pinned\n"
    assert command("pin", "embedded/nsynth_shards")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("pin", "synthesis_modell"), "'synthesis_modell' is no asset; there are nsynth_shards"),
        (("pin", "synthesis_model/x"), "'x' is no variant of synthesis_model; there are waveform"),
        (("pin", "synthesis_model", "--version", "../../.."), "no finished version '../../..'"),
        (("pin", "synthesis_champion"), "demo/synthesis_champion has not been materialised"),
        (("waive", "--reason", " "), "--reason: say why"),
        (("waive", "--reason", "x", "--since", "no-such-revision"), "no-such-revision: "),
        (("waive", "--reason", "x", "--only", "y"), "'y' is no asset"),
        (("run", "synthesis", "--set", "fine_tune.steps=2"), "give it a name with --experiment"),
        (("run", "synthesis", "--experiment", "x", "--set", "steps"), "--set steps: write PATH=VALUE"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(command, trained, arguments, said):
    status, out, err = command(*arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err


def test_overrides_are_values_or_words():
    assert making.overrides_of(["a.b=2", "c=[1, 2]", "d=word", "e=true"]) == {
        "a.b": 2, "c": [1, 2], "d": "word", "e": True,
    }  # fmt: skip


def test_the_installed_program_starts(home):
    program = Path(sys.executable).with_name("tessitura")
    done = subprocess.run([program, "status"], env={**os.environ}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing yet" in done.stdout


def test_the_version_and_the_help_of_arguments_are_shown(command):
    assert command("--version")[1].startswith("tessitura 0.1.0, commit ")
    assert "synthesis, separation or conversion" in command("describe", "--help")[1]


def test_an_error_that_nobody_foresaw_is_one_line_and_its_traceback_is_in_a_log(command, home, monkeypatch):
    monkeypatch.setattr(status_module, "survey", lambda settings: 1 / 0)
    status, _, err = command("status")
    log = home / "errors.log"
    assert (status, err) == (2, f"error: unexpected ZeroDivisionError: division by zero (traceback in {log})\n")
    assert "1 / 0" in log.read_text()


def test_an_interrupt_is_one_line(command, monkeypatch):
    def interrupted(settings: Settings) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(status_module, "survey", interrupted)
    assert command("status") == (130, "", "stopped\n")


def test_status_lists_what_an_asset_is_made_from_before_it():
    order = [one.name for one in status_module._in_order(REGISTRY.assets)]
    assert sorted(order) == sorted(REGISTRY.assets)
    for name, asset in REGISTRY.assets.items():
        assert all(order.index(one) < order.index(name) for one in asset.inputs), name
