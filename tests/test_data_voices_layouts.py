"""Recordings are found with their singers, in every layout, and annotations land on the melody grid."""

import json
from pathlib import Path

import numpy as np
import pytest

from data.errors import InputError
from data.files.audio import encode
from data.files.durable import write_bytes
from data.files.listing import files_below
from data.voices.annotations import read_annotation
from data.voices.layouts import find_recordings, source_version


def sound(path: Path, channels: int = 1, seconds: float = 0.01) -> Path:
    write_bytes(path, encode(np.full((int(16_000 * seconds), channels), 5, np.int16), 16_000, "WAV"))
    return path


def text(path: Path, content: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "channels", "expected"),
    [
        ("WomanRaw/0_光年之外/0_光年之外_3.wav", 1, ("opensinger", "woman-0", "光年之外", "zh")),
        ("OpenSinger/ManRaw/12_a b/12_a b_0.wav", 1, ("opensinger", "man-12", "a b", "zh")),
        ("m4singer/Alto-1#newboy/0004.wav", 1, ("m4singer", "Alto-1", "newboy", "zh")),
        ("segments/wavs/2001000042.wav", 1, ("opencpop", "opencpop", "2001", "zh")),
        ("nus/ADIZ/sing/09.wav", 1, ("nus48e", "ADIZ", "09", "en")),
        ("Audio/vocadito_7.wav", 1, ("vocadito", "vocadito_7", "", "")),
        ("Wavfile/abjones_1_02.wav", 2, ("mir1k", "abjones", "abjones_1", "")),
        ("ada/abjones_1_02.wav", 1, ("folders", "ada", "", "")),  # mono: not MIR-1K, whatever its name
        ("ada/take.wav", 1, ("folders", "ada", "", "")),
        ("ada/Song of June/deep/er/take.wav", 1, ("folders", "ada", "Song of June", "")),
        ("read/ada/take.wav", 1, ("folders", "read", "ada", "")),  # no song of this name is sung: not NUS-48E
    ],
)
def test_a_layout_is_recognised_by_its_names(tmp_path, name, channels, expected):
    sound(tmp_path / name, channels)
    (found,) = find_recordings(tmp_path)
    names = found.names
    assert (names.layout, names.singer, names.song, names.language) == expected
    assert found.name == name
    assert found.accompanied == (names.layout == "mir1k")


def test_what_is_no_singing_is_left_out(tmp_path):
    for name in ("ADIZ/sing/01.wav", "ADIZ/read/01.wav", "ada/.hidden.wav", "ada/notes.txt", ".git/a.wav"):
        sound(tmp_path / name) if name.endswith("wav") else text(tmp_path / name, "x")
    for name in ("train/A - B/vocals.wav", "train/A - B/mixture.wav", "train/C - D.stem.mp4"):
        sound(tmp_path / name)
    assert [one.name for one in find_recordings(tmp_path)] == ["ADIZ/sing/01.wav"]


def test_a_file_beside_no_folder_belongs_to_the_folder_itself(tmp_path):
    sound(tmp_path / "grace" / "take.wav")
    assert [one.singer for one in find_recordings(tmp_path / "grace")] == ["grace"]


def test_links_are_followed_and_loops_end(tmp_path):
    sound(tmp_path / "elsewhere" / "one.wav")
    root = tmp_path / "root"
    sound(root / "ada" / "take.wav")
    (root / "ben").symlink_to(tmp_path / "elsewhere")
    (root / "ada" / "above").symlink_to(root)
    (root / "ada" / "gone.wav").symlink_to(root / "nowhere.wav")
    assert [one.name for one in find_recordings(root)] == ["ada/gone.wav", "ada/take.wav", "ben/one.wav"]
    assert len(list(files_below(root))) == 3


def test_two_unicode_forms_of_a_name_are_one_singer(tmp_path):
    sound(tmp_path / "Zoe\u0308" / "a.wav")
    sound(tmp_path / "Zo\u00eb" / "b.wav")
    text(tmp_path / "Zo\u00eb" / "a_f0.csv", "0,220\n0.01,220\n")  # beside the other form of the folder
    first, second = find_recordings(tmp_path)
    assert first.singer == second.singer == "Zo\u00eb"
    assert first.annotation is not None


def test_twins_of_finder_and_markers_of_any_form_are_no_recordings(tmp_path):
    sound(tmp_path / "ada" / "a.wav")
    sound(tmp_path / "ada" / "._a.wav")
    sound(tmp_path / "__MACOSX" / "ada" / "b.wav")
    text(tmp_path / "ada" / "complete.json", "[" * 100_000)
    (one,) = find_recordings(tmp_path)
    assert one.names.layout == "folders"


def test_a_list_that_cannot_be_read_is_an_error_and_an_annotation_is_not(tmp_path):
    sound(tmp_path / "ada" / "a.wav")
    (tmp_path / "ada" / "a_f0.csv").symlink_to(tmp_path / "gone")
    assert len(find_recordings(tmp_path)) == 1
    (tmp_path / "singers.csv").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match=r"singers\.csv: a link to a file that is not there; it may list the singers"):
        find_recordings(tmp_path)


def test_a_list_overrides_names_and_must_be_true(tmp_path):
    sound(tmp_path / "pack" / "a.wav")
    sound(tmp_path / "pack" / "b.wav")
    path = text(tmp_path / "pack" / "singing.csv", "file,singer,language,x\na.wav,Ada Å,?,1\nb.wav,Ben,zh,2\n")
    found = {one.name: one.names for one in find_recordings(tmp_path)}
    assert (found["pack/a.wav"].singer, found["pack/a.wav"].language) == ("Ada Å", "")
    assert (found["pack/b.wav"].singer, found["pack/b.wav"].language) == ("Ben", "zh")
    path.write_text("file,singer\nc.wav,Cy\n")
    with pytest.raises(InputError, match=r"singing\.csv.*c\.wav.*correct"):
        find_recordings(tmp_path)


def test_the_table_of_vocadito_names_singers(tmp_path):
    for number in (1, 2):
        sound(tmp_path / "Audio" / f"vocadito_{number}.wav")
    text(tmp_path / "vocadito_metadata.csv", "track_id,singer_id,average_pitch,language\n1,S1,60,English\n2,S1,62,\n")
    text(tmp_path / "Annotations" / "F0" / "vocadito_2_f0.csv", "0,220\n")
    first, second = find_recordings(tmp_path)
    assert (first.singer, first.names.language, first.annotation) == ("vocadito_S1", "English", None)
    assert (second.singer, second.kind, second.f0_source) == ("vocadito_S1", "f0", "human")


def test_annotations_are_found_beside_and_in_the_folders_of_their_corpora(tmp_path):
    sound(tmp_path / "MIR-1K" / "Wavfile" / "amy_1_01.wav", 2)
    text(tmp_path / "MIR-1K" / "PitchLabel" / "amy_1_01.pv", "60\n")
    sound(tmp_path / "pack" / "long.wav")
    text(tmp_path / "pack" / "f0" / "long_notes.tsv", "0.0\t0.1\t60\n")
    sound(tmp_path / "ada" / "01.wav")
    sound(tmp_path / "ben" / "01.wav")
    text(tmp_path / "ben" / "01.f0.csv", "seconds,hertz\n0,100\n")
    found = {one.name: one for one in find_recordings(tmp_path)}
    told = {name: (one.kind, one.f0_source, one.names.layout) for name, one in found.items()}
    assert told == {
        "MIR-1K/Wavfile/amy_1_01.wav": ("pv", "human", "mir1k"),
        "pack/long.wav": ("notes", "human", "ssvd"),
        "ada/01.wav": ("", "", "folders"),
        "ben/01.wav": ("f0", "table", "folders"),
    }


def test_only_the_marker_of_our_own_makes_f0_exact(tmp_path):
    for folder, content in (("ours", {"kind": "embedded singers", "version": 1}), ("theirs", [1])):
        sound(tmp_path / folder / "mira_1_01.wav", 2)
        text(tmp_path / folder / "mira_1_01.f0.csv", "0,100\n")
        text(tmp_path / folder / "complete.json", json.dumps(content))
    told = {one.name.split("/")[0]: (one.names.layout, one.f0_source) for one in find_recordings(tmp_path)}
    assert told == {"ours": ("embedded", "exact"), "theirs": ("mir1k", "table")}


def test_a_folder_without_singing_says_what_is_expected(tmp_path):
    text(tmp_path / "readme.txt", "x")
    with pytest.raises(InputError, match="no recordings of singing"):
        find_recordings(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        find_recordings(tmp_path / "nowhere")


def test_the_version_changes_with_a_file_and_with_its_annotation(tmp_path):
    path = sound(tmp_path / "ada" / "take.wav")
    versions = {source_version(find_recordings(tmp_path))}
    sound(path, seconds=0.02)
    versions.add(source_version(find_recordings(tmp_path)))
    text(tmp_path / "ada" / "take.f0.csv", "0,100\n")
    versions.add(source_version(find_recordings(tmp_path)))
    assert len(versions) == 3
    assert source_version(find_recordings(tmp_path)) in versions


def test_a_table_of_f0_is_put_on_the_grid(tmp_path):
    # Voiced from 0 to 20 ms at 100 and then 110 Hz, unvoiced from 30 ms, nothing said from 60 ms on.
    path = text(tmp_path / "a.csv", "time,f0\n0.0,100\n0.02,110\n0.03,0\n0.04,-110\n\n")
    found = read_annotation(path, "f0", 9)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, 0], [100, 110**0.5 * 10, 110, 0, 0, 0, 0, 0, 0], rtol=1e-6)
    assert found[:, 1].tolist() == [1, 1, 1, 1, 1, 1, 1, 0, 0]


def test_a_jump_of_a_table_is_not_smeared(tmp_path):
    path = text(tmp_path / "a.csv", "0.0 100\n0.03 200\n")
    assert read_annotation(path, "f0", 4)[:, 0].tolist() == [100, 100, 200, 200]


def test_mir1k_counts_from_20_ms_in_steps_of_20_ms(tmp_path):
    found = read_annotation(text(tmp_path / "a.pv", "69\n69\n0\n81\n"), "pv", 11)
    np.testing.assert_allclose(found[[2, 3, 4, 6, 8], 0], [440, 440, 440, 0, 880], rtol=1e-6)
    assert found[:2, 1].tolist() == [1, 1]


def test_between_notes_and_at_their_ends_nothing_is_known(tmp_path):
    # A note of 30 ms loses a third at either end, one of 300 ms loses 50 ms.
    path = text(tmp_path / "a.tsv", "0.005\t0.035\t69\n0.105\t0.405\t57\n")
    found = read_annotation(path, "notes", 45)
    assert np.flatnonzero(found[:, 1]).tolist() == [2, *range(16, 36)]
    assert found[2].tolist() == [440, 1]
    assert {tuple(one) for one in found[16:36].tolist()} == {(220, 1)}
    assert not found[[0, 1, 3, 15, 36, 44]].any()


@pytest.mark.parametrize(("content", "line"), [("0,1\n0.1,x\n", 2), ("h\n0,nan\n", 2), ("0,1\n1\n", 2)])
def test_a_damaged_table_is_named_with_its_line(tmp_path, content, line):
    with pytest.raises(InputError, match=rf"a\.csv, line {line}: .* expected 2 numbers"):
        read_annotation(text(tmp_path / "a.csv", content), "f0", 10)
    with pytest.raises(InputError, match="no numbers"):
        read_annotation(text(tmp_path / "b.csv", "seconds,hertz\n"), "f0", 10)
