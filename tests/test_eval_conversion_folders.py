"""Folders of converted voices and melodies, and the commands that score them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from data.errors import InputError
from data.files.audio import to_pcm16, write_sound
from eval.conversion.folders import Scoring, pair, read_pitch_table, score_conversions, score_melodies
from eval.metrics.quality import QualityPredictor
from eval.metrics.recognition import Recogniser
from eval.metrics.speaker import SpeakerEncoder
from pipelines.commands.conversion_scoring import conversion, melody

RATE = 16_000


def voice(hertz: float, seconds: float = 0.8) -> np.ndarray:
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = hertz * 2 ** (np.sin(2 * np.pi * 3 * time) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, 9))
    return (0.2 * wave * (time < seconds - 0.2)).astype(np.float32)


def put(folder: Path, name: str, wave: np.ndarray, rate: int = RATE) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    write_sound(folder / name, to_pcm16(wave), rate)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "0,220\n0.01,0\n0.02,-330\n",
        '# melody\n"Time (s)"; F0 (Hz)\n0; 220\n0.01;0\n0.02;-330 # guess\n',
        "0\t220\n0.01\t0\n0.02\t-330\n",
        "0.0   220\n0.01  0\n\n0.02  -330\n",
        "\ufeffvoicing,hz,time\n0.9,220,0\n0,0,0.01\n0.2,-330,0.02\n",
    ],
    ids=["csv", "heading and comments", "tabs", "spaces", "named columns"],
)
def test_pitch_tables_of_all_kinds_are_read(tmp_path: Path, text: str) -> None:
    found = read_pitch_table(write(tmp_path / "song.csv", text))
    np.testing.assert_allclose(found.times, [0, 0.01, 0.02])
    np.testing.assert_allclose(found.hertz, [220, 0, -330])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no rows"),
        ("time,hz\n", "no rows"),
        ("0,220\n0.01\n", r"row 2 \(0.01\)"),
        ("0,220\n0.01,high\n", "write two numbers"),
        ("0,220\n0,230\n", "rise"),
        ("0,nan\n", "NaN"),
    ],
)
def test_damaged_tables_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"song.csv.*{message}"):
        read_pitch_table(write(tmp_path / "song.csv", text))


def test_melodies_of_sound_and_tables_are_paired_and_scored(tmp_path: Path) -> None:
    truth, found = tmp_path / "truth", tmp_path / "found"
    put(truth / "singer", "a.wav", voice(220))
    put(found / "singer", "a.wav", voice(220 * 2 ** (1 / 12)))
    rows = "".join(f"{n / 100},{220 if n < 60 else 0}\n" for n in range(81))
    write(truth / "b.csv", rows)
    write(found / "b.txt", rows)
    scores = score_melodies(truth, found)
    assert scores["item"].tolist() == ["b", "singer/a"]
    assert scores["reference_pitch"].tolist() == ["table", "autocorrelation"]
    assert scores["estimate_pitch"].tolist() == ["table", "autocorrelation"]
    assert scores.loc[0, ["rpa", "oa", "f0_rmse_ln"]].tolist() == [1, 1, 0]
    assert np.isnan(scores.loc[0, "f0_corr"])  # a constant has no correlation
    assert scores.loc[1, "key_shift_cents"] == pytest.approx(100, abs=2)
    assert scores.loc[1, "f0_corr"] > 0.99
    assert scores.loc[1, "rpa"] < 0.1


def test_conversions_are_scored_by_all_judges(tmp_path: Path) -> None:
    source, made, target = tmp_path / "source", tmp_path / "made", tmp_path / "target"
    put(source, "a.wav", voice(220))
    put(made, "a.wav", 0.5 * voice(220))
    put(target, "1.wav", voice(330))
    encoder = SpeakerEncoder("level", lambda wave: np.array([1.0, 10 * np.abs(wave).mean()]))
    recogniser = Recogniser("level", lambda wave: "la la li" if np.abs(wave).max() > 0.25 else "la li")
    quality = QualityPredictor("peak", lambda wave: 5 * float(np.abs(wave).max()))
    judges = Scoring(speaker=encoder, target=target, recogniser=recogniser, quality=quality)
    row = score_conversions(source, made, judges).loc[0]
    assert row["f0_rmse_cents_keyfree"] < 1
    assert row["gain_db"] == pytest.approx(-6.02, abs=0.05)
    assert row["mcd"] < 0.5  # files have 16 bits
    assert (row["speaker_encoder"], row["recogniser"], row["quality_predictor"]) == ("level", "level", "peak")
    assert row["speech_quality"] == pytest.approx(5 * np.abs(0.5 * voice(220)).max(), abs=1e-3)
    assert row["nearer"] == 0
    assert row["words"] == pytest.approx(1 / 3)
    assert "words" not in score_conversions(source, made)


def test_partners_that_are_missing_are_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        put(tmp_path / "x", f"{name}.wav", voice(220, 0.3))
    put(tmp_path / "y", "a.wav", voice(220, 0.3))
    with pytest.raises(InputError, match="y: no file for b"):
        pair(tmp_path / "x", tmp_path / "y", (".wav",))
    with pytest.raises(InputError, match="y: no file for b"):
        pair(tmp_path / "y", tmp_path / "x", (".wav",))
    with pytest.raises(InputError, match="no such folder"):
        pair(tmp_path / "x", tmp_path / "z", (".wav",))
    (tmp_path / "z").mkdir()
    with pytest.raises(InputError, match=r"no files inside that end with \.wav"):
        pair(tmp_path / "z", tmp_path / "x", (".wav",))
    write(tmp_path / "y" / "a.csv", "0,220\n")
    with pytest.raises(InputError, match="same name"):
        pair(tmp_path / "x", tmp_path / "y", (".wav", ".csv"))
    (tmp_path / "y" / "b.wav").write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"b\.wav"):
        score_conversions(tmp_path / "x", tmp_path / "y")


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="choose one of pyin"):
        Scoring(tracker="best")
    with pytest.raises(InputError, match="speaker encoder"):
        Scoring(target=tmp_path)


def test_commands_print_tables_and_json(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(melody)
    app.command()(conversion)
    put(tmp_path / "x", "a.wav", voice(220))
    put(tmp_path / "y", "a.wav", voice(220))
    folders = ["--reference", str(tmp_path / "x"), "--estimate", str(tmp_path / "y")]
    run = CliRunner()
    shown = run.invoke(app, ["melody", *folders, "--alignment", "lag", "-o", str(tmp_path / "scores.parquet")])
    assert shown.exit_code == 0, shown.output
    assert "pitch by autocorrelation, alignment lag" in shown.stdout
    assert pd.read_parquet(tmp_path / "scores.parquet")["rpa"].tolist() == [1]
    printed = run.invoke(app, ["conversion", *folders, "--speaker", "statistics", "--json"])
    assert printed.exit_code == 0, printed.output
    found = json.loads(printed.stdout)
    assert found["files"] == 1
    assert found["scores"][0]["speaker_encoder"] == "timbre statistics"
    assert {"rpa", "mcd_dtw", "speaker_source"} <= found["definitions"].keys()
    silent = np.zeros(RATE, np.float32)
    put(tmp_path / "x", "a.wav", silent)
    put(tmp_path / "y", "a.wav", silent)
    shown = run.invoke(app, ["conversion", *folders])
    assert shown.exit_code == 0, shown.output
    assert "no value: 1" in shown.stdout
