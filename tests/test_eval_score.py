"""Collections judged: by shards and by folders of anybody's files."""

import os

import numpy as np
import pytest
import soundfile
from tiny import sine_note, write_nsynth

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_float, write_sound
from data.files.tables import read_frame
from data.nsynth.dataset import locate
from data.nsynth.ingest import ingest
from data.shards.reader import Shards
from eval.synthesis.score import score_folders, write_scores
from models.synthesis.estimates import Estimates, write_estimates


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    part = write_nsynth(folder / "nsynth-train", 1, range(60, 63), (25,))
    ingest(Execution(folder / "shards"), locate(str(part), folder))
    return folder / "shards"


def test_outputs_are_judged_and_what_was_not_made_is_counted(tmp_path, notes):
    ids = Shards(notes).column("id").tolist()
    perfect = [to_float(Shards(notes).read(row)[:, 0]) for row in range(len(ids))]
    units = [
        Estimates([{"system": "sing", "note": one} for one in ids], lambda: perfect),
        Estimates(
            [{"system": "nearest_pitch", "note": one} for one in ids[:2]],
            lambda: [None, np.full(64000, np.nan, np.float32)],
        ),
    ]
    assert write_estimates(Execution(tmp_path), units) == 5
    assert write_scores(Execution(tmp_path / "scores"), notes, tmp_path) == {"scored": 3, "not scored": 2}
    scores = read_frame(tmp_path / "scores" / "scores.parquet")
    sing = scores[scores["system"] == "sing"]
    assert sing["spectral"].tolist() == [0, 0, 0]
    assert sing["in_tune"].tolist() == [1, 1, 1]
    assert sing["instrument"].tolist() == [0, 0, 0]
    assert sing["pitch"].tolist() == [60, 61, 62]
    others = scores[scores["system"] == "nearest_pitch"].set_index("note")
    assert others["reason"].tolist() == ["not applicable", "NaN or infinite samples"]
    assert others["spectral"].isna().all()
    assert set(scores["split"]) <= {"train", "valid", "test"}


@pytest.fixture
def folders(tmp_path):
    for name in ("reference", "estimate"):
        for pitch in (60, 64):
            path = tmp_path / name / f"bass_synthetic_000-{pitch:03d}-025.wav"
            write_sound(path, sine_note(1, pitch + (name == "estimate" and pitch == 64), 25), 16000)
    return tmp_path / "reference", tmp_path / "estimate"


def test_folders_are_paired_by_name_and_pitch_is_read_from_it(folders):
    scores = score_folders(*folders).set_index("note")
    assert scores["in_tune"].to_dict() == {"bass_synthetic_000-060-025": 1.0, "bass_synthetic_000-064-025": 0.0}
    assert scores.loc["bass_synthetic_000-064-025", "pitch_error"] == pytest.approx(100, abs=1)


def test_unpaired_files_are_an_error_not_an_order(folders):
    (folders[1] / "bass_synthetic_000-064-025.wav").rename(folders[1] / "zzz.wav")
    with pytest.raises(InputError, match="2 files have no partner of their name"):
        score_folders(*folders)


def test_files_of_different_length_or_rate_are_refused(folders):
    write_sound(folders[1] / "bass_synthetic_000-064-025.wav", sine_note(1, 64, 25)[:100], 16000)
    with pytest.raises(InputError, match=r"064-025: \(samples, Hz\) is \(64000, 16000\) and \(100, 16000\)"):
        score_folders(*folders)


def test_empty_and_missing_folders_say_so(tmp_path, folders):
    with pytest.raises(InputError, match="no such folder"):
        score_folders(tmp_path / "nowhere", folders[1])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no files inside that end with .*\.wav"):
        score_folders(folders[0], tmp_path / "empty")


def test_twins_of_finder_are_ignored_and_endings_and_unicode_forms_may_differ(folders):
    for folder in folders:
        (folder / "._bass_synthetic_000-060-025.wav").write_bytes(b"\0\5\x16\7" + bytes(4000))
    wave = sine_note(1, 60, 25)
    write_sound(folders[0] / "flu\u0302te-060-100.wav", wave, 16_000)
    write_sound(folders[1] / "fl\u00fbte-060-100.flac", wave, 16_000)
    scores = score_folders(*folders).set_index("note")
    assert len(scores) == 3
    assert scores.loc["fl\u00fbte-060-100", "spectral"] == 0


def test_floats_beyond_full_scale_are_judged_as_they_are(folders):
    wave = to_float(sine_note(1, 60, 25))
    for folder, factor in zip(folders, (1.0, 4.0), strict=True):
        soundfile.write(folder / "bass_synthetic_000-060-025.wav", wave * factor, 16_000, subtype="FLOAT")
    scores = score_folders(*folders).set_index("note")
    assert np.abs(wave * 4).max() > 1
    assert scores.loc["bass_synthetic_000-060-025", "spectral"] > 0


def test_a_silent_channel_is_refused(folders):
    wave = to_float(sine_note(1, 60, 25))
    soundfile.write(folders[1] / "bass_synthetic_000-060-025.wav", np.stack([wave, 0 * wave], 1), 16_000)
    with pytest.raises(InputError, match=r"060-025\.wav: channel 2 of 2 is silent"):
        score_folders(*folders)


def test_what_is_no_regular_file_is_told(folders):
    (folders[1] / "bass_synthetic_000-060-025.wav").unlink()
    os.mkfifo(folders[1] / "bass_synthetic_000-060-025.wav")
    with pytest.raises(InputError, match=r"060-025\.wav: is a pipe"):
        score_folders(*folders)
