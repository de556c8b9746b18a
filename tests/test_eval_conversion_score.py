"""Conversions, melodies and copies judged by their shards: errors known by hand, and what could not be judged."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny_conversion_study import (
    DEPTHS,
    HARMONICS,
    LOST,
    OFF,
    RATE,
    SHIFT,
    TARGET,
    TOY,
    Scored,
    judge,
    make_clips,
    melody,
    sing,
    stretch,
    wobble,
    write_labelled,
)
from tiny_voices import CONDITIONS

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_pcm16
from data.shards.writer import Record
from eval.conversion.inputs import References
from eval.conversion.judges import F0_COLUMNS, Judges
from eval.conversion.melody_score import score_melodies, signed
from eval.conversion.score import ConversionInputs, score_converted
from eval.conversion.vocoder_score import score_vocoders
from eval.conversion.voices import _Source, level_in_silences
from eval.metrics.quality import QualityPredictor
from eval.metrics.recognition import Recogniser
from eval.metrics.speaker import centroid

MEASURED = ("mcd_dtw", "mcd", "mel_db", "loudness_db", "gain_db", "speaker_target", "speaker_source", "nearer",
            "speech_quality", "silence_db", "word_error", "character_error",
            "source_word_error", "source_character_error")  # fmt: skip


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Scored:
    with pytest.MonkeyPatch.context() as patch:
        return judge(tmp_path_factory.mktemp("study"), patch.setattr)


def one(frame: pd.DataFrame, **equal: str) -> pd.Series:
    found = frame[frame[list(equal)].eq(list(equal.values())).all(axis=1)]
    assert len(found) == 1
    return found.iloc[0]


def inputs_of(scored: Scored, converted: Path) -> ConversionInputs:
    return ConversionInputs(converted, scored.folders.mixtures, scored.folders.voices, scored.folders.targets)


def made(folder: Path, clip: str, waves: dict[str, np.ndarray], condition: str = "clean") -> Path:
    """Write what systems made of one clip."""
    labels = {"clip": clip, "condition": condition, "shift_cents": 0.0}
    return write_labelled(
        folder,
        [(Record(f"{name}-{clip}-{condition}", to_pcm16(wave[:, None]), RATE, name), {"system": name, **labels})
         for name, wave in waves.items()],
    )  # fmt: skip


def test_every_row_says_what_it_is(scored):
    names = ["system", "clip", "condition", "singer", "song", "split", "genre"]
    for frame in (scored.scores, scored.melody):
        assert frame.columns.tolist()[: len(names)] == names
        assert set(F0_COLUMNS) <= set(frame.columns)
        assert not frame.duplicated(["system", "clip", "condition"]).any()
    assert set(MEASURED) <= set(scored.scores.columns)
    assert len(scored.scores) == (7 * 5 + 2 * 2) * 3 + 9
    assert len(scored.melody) == (7 * 5 + 2 * 2) * 3
    row = one(scored.scores, system="proposed", clip="t-3", condition="snr0")
    assert (row["split"], row["target"], row["tracker"], row["reference"]) == (
        "test",
        TARGET,
        "autocorrelation",
        "exact",
    )
    assert (row["seconds"], row["frames"], row["voiced_reference"], row["shift_cents"]) == (1.0, 101, 71, SHIFT)
    assert row["speaker_encoder"] == "harmonics (toy)"
    assert row["genre"] == "embedded"


def test_the_error_of_a_wobble_is_its_depth_over_the_root_of_two(scored):
    for clip in make_clips():
        if clip.split != "train" and clip.id != LOST[1]:
            for system, by in DEPTHS.items():
                row = one(scored.scores, system=system, clip=clip.id, condition="snr0")
                expected = by["snr0"] * stretch(clip) / np.sqrt(2)
                assert row["f0_rmse_cents_keyfree"] == pytest.approx(expected, rel=0.06)
                assert row["key_shift_cents"] == pytest.approx(SHIFT, abs=6)


def test_a_copy_of_the_source_is_the_source_and_nobody_else(scored):
    rows = scored.scores[scored.scores["system"] == "copy_source"]
    assert rows["key_shift_cents"].abs().max() < 1
    assert rows["gain_db"].abs().max() < 1e-6
    assert rows["mcd_dtw"].max() < 0.01
    assert (rows["nearer"] == 0).all()
    ours = scored.scores[scored.scores["system"] == "proposed"]
    assert (ours["nearer"] == 1).all()
    assert (ours["speaker_target"] > 0.9).all()
    assert ours["word_error"].isna().all()
    assert (ours["recogniser"] == "").all()


def test_what_was_not_made_is_a_row_with_its_reason_and_no_value(scored):
    row = one(scored.scores, system=LOST[0], clip=LOST[1], condition=LOST[2])
    assert row["reason"] == "nothing was voiced"
    assert (row["split"], row["singer"]) == ("test", "t")
    assert row[[*F0_COLUMNS, *MEASURED, "seconds"]].isna().all()
    assert scored.scores["reason"].notna().sum() == 1


def test_raw_pitch_accuracy_is_one_less_the_share_that_is_off(scored):
    for clip in make_clips():
        if clip.split == "test":
            for system, by in OFF.items():
                voiced = int((clip.f0 > 0).sum())
                off = {name: round(share * stretch(clip) * voiced) for name, share in by.items()}
                for condition in CONDITIONS:
                    row = one(scored.melody, system=system, clip=clip.id, condition=condition)
                    assert row["rpa"] == pytest.approx(1 - off[condition] / voiced)
                    assert row["oa"] == pytest.approx(1 - off[condition] / 101)
                    assert (row["voicing_recall"], row["voicing_false_alarm"]) == (1, 0)
                    assert (row["reference"], row["frames"], row["voiced_reference"]) == ("exact", 101, voiced)


def test_a_stopped_evaluation_resumes_where_it_was(scored, tmp_path, monkeypatch):
    items = [
        (
            Record(f"proposed-{clip.id}-clean", to_pcm16(clip.wave[:, None]), RATE, "proposed"),
            {"system": "proposed", "clip": clip.id, "condition": "clean", "shift_cents": 0.0},
        )
        for clip in make_clips()
        if clip.split == "test"
    ]
    inputs, calls = inputs_of(scored, write_labelled(tmp_path / "made", items)), []
    monkeypatch.setattr("eval.conversion.voices.timbre_distances", lambda *_: {"mcd_dtw": 1.0})
    whole = score_converted(Execution(tmp_path / "whole"), inputs)
    assert whole == {"scored": 7, "not scored": 0}

    def broken(*_):
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return {"mcd_dtw": 1.0}

    monkeypatch.setattr("eval.conversion.voices.timbre_distances", broken)
    with pytest.raises(KeyboardInterrupt):
        score_converted(Execution(tmp_path / "stopped"), inputs)
    kept = len(list((tmp_path / "stopped" / "parts").glob("*-embeddings.parquet")))
    assert kept > 0
    calls.clear()
    monkeypatch.setattr("eval.conversion.voices.timbre_distances", lambda *_: calls.append(1) or {"mcd_dtw": 1.0})
    assert score_converted(Execution(tmp_path / "stopped"), inputs) == whole
    assert len(calls) == 7 - kept
    assert not (tmp_path / "stopped" / "parts").exists()
    for name in ("scores", "embeddings"):
        first, second = (pd.read_parquet(tmp_path / one / f"{name}.parquet") for one in ("whole", "stopped"))
        pd.testing.assert_frame_equal(first, second)


def test_annotations_come_before_targets_and_only_known_frames_count(scored, tmp_path):
    references = References(scored.folders.voices, scored.folders.targets)
    assert references.best("t-0").name == references.tracked("t-0").name == "exact"
    known = replace(references.best("t-0"), known=np.arange(101) < 50)
    from eval.conversion.melody_score import _row  # noqa: PLC0415

    wrong = np.where(np.arange(101) < 50, known.f0, 2 * known.f0)
    found = _row(known, wrong)
    assert (found["frames"], found["voiced_reference"], found["rpa"]) == (50, 35, 1.0)


def test_guesses_of_unvoiced_frames_are_negative():
    f0 = np.array([220.0, 230.0, -240.0, 0.0])
    assert signed(f0, np.array([0.9, 0.1, 0.9, 0.9])).tolist() == [220.0, -230.0, -240.0, 0.0]


def test_the_level_in_silences_by_hand(scored):
    source = _Source(References(scored.folders.voices, scored.folders.targets), "t-0")
    # A hum 20 dB below the singing, where the source is silent.
    sung = np.repeat(source.reference.f0 > 0, 160)[: len(source.wave)]
    rms = np.sqrt(np.square(source.wave[sung]).mean())
    hum = 0.1 * rms * np.sqrt(2) * np.sin(2 * np.pi * 100 * np.arange(len(source.wave)) / RATE)
    assert level_in_silences(source, source.wave + hum.astype(np.float32)) == pytest.approx(-20, abs=0.5)
    assert level_in_silences(source, source.wave) < -60
    assert np.isnan(level_in_silences(source, source.wave[:2000]))


def test_words_are_compared_with_the_text_or_with_the_source(scored, tmp_path, monkeypatch):
    heard = {True: "so la mi", False: "so la so"}
    toy = Recogniser("toy", lambda wave: heard[bool(np.abs(wave).max() > 0.1)])
    monkeypatch.setattr("eval.conversion.voices.load_recogniser", lambda folder, language: toy)
    wave = sing(melody(0), HARMONICS["t"])
    folder = made(tmp_path / "made", "t-0", {"proposed": wave * np.float32(0.1), "copy_source": wave})
    inputs = inputs_of(scored, folder)
    score_converted(Execution(tmp_path / "source"), inputs, Judges(recogniser=Path("toy")))
    rows = pd.read_parquet(tmp_path / "source" / "scores.parquet").set_index("system")
    assert rows["word_error"].tolist() == [pytest.approx(1 / 3), 0]
    assert rows["source_word_error"].isna().all()
    assert rows["text"].tolist() == ["source", "source"]
    known = Judges(recogniser=Path("toy"), words={"t-0": "so la so"})
    score_converted(Execution(tmp_path / "words"), inputs, known)
    rows = pd.read_parquet(tmp_path / "words" / "scores.parquet").set_index("system")
    assert rows["word_error"].tolist() == [0, pytest.approx(1 / 3)]
    assert rows["source_word_error"].tolist() == [pytest.approx(1 / 3)] * 2
    assert (rows["text"].unique(), rows["recogniser"].unique()) == (["words"], ["toy"])


def test_quality_is_predicted_of_every_voice_where_weights_are_given(scored, tmp_path, monkeypatch):
    toy = QualityPredictor("toy", lambda wave: 1 + 4 * float(np.abs(wave).max() > 0.1))
    monkeypatch.setattr("eval.conversion.voices.load_quality_predictor", lambda path: toy)
    wave = sing(melody(0), HARMONICS["t"])
    folder = made(tmp_path / "made", "t-0", {"proposed": wave * np.float32(0.1), "copy_source": wave}, "snr0")
    score_converted(Execution(tmp_path / "scores"), inputs_of(scored, folder), Judges(quality=Path("toy")))
    rows = pd.read_parquet(tmp_path / "scores" / "scores.parquet").set_index("system")
    assert rows["speech_quality"].to_dict() == {"proposed": 1.0, "copy_source": 5.0}
    assert rows["quality_predictor"].unique() == ["toy"]
    assert scored.scores["speech_quality"].isna().all()
    assert scored.scores["quality_predictor"].dropna().unique() == [""]


def test_the_clip_itself_is_not_part_of_the_singer_it_is_compared_with(scored, tmp_path, monkeypatch):
    seen = []
    watched = replace(TOY, embed=lambda wave: seen.append(len(wave)) or TOY.embed(wave))
    monkeypatch.setattr("eval.conversion.voices.load_speaker_encoder", lambda path: watched)
    wave = sing(melody(0), HARMONICS["t"])
    folder = made(tmp_path / "made", "t-0", {"copy_source": wave})
    score_converted(Execution(tmp_path / "scores"), inputs_of(scored, folder), Judges(speaker=Path("toy")))
    embeddings = pd.read_parquet(tmp_path / "scores" / "embeddings.parquet")
    assert embeddings.groupby("kind").size().to_dict() == {"copy_source": 1, "voice": 9}
    similarity = pd.read_parquet(tmp_path / "scores" / "scores.parquet")["speaker_source"].iloc[0]
    others = [TOY.embed(clip.wave) for clip in make_clips() if clip.singer == "t" and clip.id != "t-0"]
    mean, mine = centroid(np.stack(others)), TOY.embed(wave)
    assert similarity == pytest.approx(mean @ mine / np.linalg.norm(mine), abs=1e-3)


def test_what_belongs_to_nothing_is_refused_by_name(scored, tmp_path):
    wave = sing(melody(0), HARMONICS["t"])
    strange = made(tmp_path / "strange", "nobody-0", {"proposed": wave})
    with pytest.raises(InputError, match="nobody-0"):
        score_converted(Execution(tmp_path / "1"), inputs_of(scored, strange))
    short = made(tmp_path / "short", "t-0", {"proposed": wave[:8000]})
    with pytest.raises(InputError, match="proposed of t-0 clean has 8000 samples, its source 16000"):
        score_converted(Execution(tmp_path / "2"), inputs_of(scored, short))
    values = np.zeros((50, 2), np.float32)
    item = (Record("x-t-0-clean", values, 100, "x"), {"system": "x", "clip": "t-0", "condition": "clean"})
    folders = scored.folders
    with pytest.raises(InputError, match="x of t-0 clean has 50 frames, its reference 101"):
        score_melodies(
            Execution(tmp_path / "3"), write_labelled(tmp_path / "melody", [item]), folders.mixtures, folders.voices,
            folders.targets,
        )  # fmt: skip


def test_copies_are_scored_on_the_voiced_frames(scored, tmp_path):
    rows = scored.vocoder.set_index(["system", "clip"])
    assert rows.loc[("vocos", "t-0"), "within_50_cents"] == 1
    assert rows.loc[("vocos", "t-0"), "frames"] == pytest.approx(71, abs=4)
    # A wobble of 150 cents is within 50 cents for arcsin(1/3) / (π/2) of the time.
    rough = scored.vocoder[scored.vocoder["system"] == "griffin_lim"]["within_50_cents"]
    assert rough.mean() == pytest.approx(np.arcsin(1 / 3) / (np.pi / 2), abs=0.08)
    assert (rows.loc["vocos", "mr_stft"] < rows.loc["griffin_lim", "mr_stft"]).all()
    wave = sing(melody(0), HARMONICS["t"], wobble(melody(0), 10))
    short = write_labelled(
        tmp_path / "short", [(Record("v-t-0", to_pcm16(wave[:8000, None]), RATE, "v"), {"system": "v", "clip": "t-0"})]
    )
    with pytest.raises(InputError, match="v of t-0 has 8000 samples, the recording 16000"):
        score_vocoders(Execution(tmp_path / "scores"), short, scored.folders.voices)
