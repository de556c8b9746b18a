"""What is no regular file, members of zips, and places for results: each told in one line, nothing waits."""

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from data.errors import InputError
from data.files.audio import UnreadableAudio, read, writing_sound
from data.files.listing import files_below, sounds_by_name
from data.files.regular import MissingFile, UnreadableFile, open_regular, printable, read_regular
from data.files.targets import check_target, check_target_folder
from data.files.zips import Zip, open_zip


@pytest.fixture
def odd(tmp_path) -> Path:
    """A folder with everything that has the name of a sound and is none."""
    (tmp_path / "folder.wav").mkdir()
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "nothing.wav").symlink_to(tmp_path / "gone")
    (tmp_path / "loop.wav").symlink_to(tmp_path / "loop.wav")
    (tmp_path / "device.wav").symlink_to("/dev/zero")
    with open(tmp_path / "sparse.wav", "wb") as file:
        file.truncate(1 << 40)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("folder", "is a folder"),
        ("pipe", "is a pipe"),
        ("nothing", "a link to a file that is not there"),
        ("loop", "cannot be opened"),
        ("device", "is a device"),
        ("sparse", r"1,099,511,627,776 bytes; at most"),
    ],
)
def test_only_regular_files_are_read_and_nothing_waits(odd, name, said):
    with pytest.raises(UnreadableFile, match=rf"{name}\.wav: .*{said}"):
        read(odd / f"{name}.wav")


def test_a_missing_file_is_told_apart(tmp_path):
    with pytest.raises(MissingFile, match=r"a\.wav: no such file"):
        open_regular(tmp_path / "a.wav")
    (tmp_path / "a.wav").write_bytes(b"four")
    with pytest.raises(UnreadableFile, match="at most 3 are read"):
        read_regular(tmp_path / "a.wav", 3)
    assert read_regular(tmp_path / "a.wav", 4) == b"four"


def test_names_that_are_not_utf_8_are_shown_as_bytes(tmp_path):
    path = tmp_path / os.fsdecode(b"no\xffte.wav")
    path.write_bytes(b"")
    assert printable(path.name) == r"no\xffte.wav"
    with pytest.raises(UnreadableAudio, match=r"no\\xffte\.wav: empty file"):
        read(path)


def test_listing_leaves_out_twins_and_yields_what_cannot_be_read(odd):
    (odd / "__MACOSX").mkdir()
    for name in ("._a.wav", ".DS_Store", "__MACOSX/a.wav", "a.wav"):
        (odd / name).write_bytes(b"\0\5\x16\7")
    names = {path.name for path in files_below(odd)}
    assert names == {"a.wav", "pipe.wav", "nothing.wav", "loop.wav", "device.wav", "sparse.wav"}


def test_files_are_paired_by_name_whatever_their_form_and_ending(tmp_path):
    for folder, name in (("a", "flu\u0302te-060-100.wav"), ("b", "fl\u00fbte-060-100.flac")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_bytes(b"")
    kinds = {".wav", ".flac"}
    assert sounds_by_name(tmp_path / "a", kinds).keys() == sounds_by_name(tmp_path / "b", kinds).keys()
    (tmp_path / "b" / "fl\u00fbte-060-100.wav").write_bytes(b"")
    with pytest.raises(InputError, match="has the same name; remove one"):
        sounds_by_name(tmp_path / "b", kinds)


def test_each_member_of_a_zip_fails_alone(tmp_path):
    path = tmp_path / "a.zip"
    noise = np.random.default_rng(0).integers(0, 16, 20_000, np.uint8).tobytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in ("good", "damaged", "encrypted", "__MACOSX/._good"):
            file.writestr(name, noise)
        with file.open("bomb", "w", force_zip64=True) as member:
            for _ in range(48):
                member.write(bytes(1 << 20))
        places = {one.filename: one.header_offset for one in file.infolist()}
    content = bytearray(path.read_bytes())
    content[places["damaged"] + 500 : places["damaged"] + 564] = b"\xff" * 64
    entry = content.index(b"encrypted", places["bomb"])  # in the central directory
    content[entry - 38] |= 1
    content[places["encrypted"] + 6] |= 1
    path.write_bytes(content)
    archive = open_zip(path)
    assert set(archive.names) == {"good", "damaged", "encrypted", "bomb"}
    for name, said in (("damaged", "damaged in a.zip"), ("encrypted", "encrypted"), ("bomb", "50,331,648 bytes in")):
        with pytest.raises(UnreadableFile, match=said):
            archive.read(name, 1 << 20)
    assert archive.read("good", 1 << 20) == noise
    assert open_zip(path) is archive


def test_names_in_zips_of_macos_are_utf_8(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("fl\u00fbte.wav", b"x")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[7] &= ~8  # the flag that says so
    content[content.index(b"PK\1\2") + 9] &= ~8
    (tmp_path / "a.zip").write_bytes(content)
    assert list(Zip(tmp_path / "a.zip").names) == ["fl\u00fbte.wav"]


@pytest.mark.parametrize("name", ["v.mp3", "v", "v.wav.partial"])
def test_an_ending_decides_the_format_or_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"it is written as \.wav or \.flac"):
        check_target(tmp_path / name, [".wav", ".flac"])


def test_results_replace_regular_files_only(odd):
    for name in ("folder", "pipe", "device"):
        with pytest.raises(InputError, match=rf"{name}\.wav: is no regular file, and nothing else is replaced"):
            check_target(odd / f"{name}.wav", [".wav"])
    for name in (odd / "loop.wav", odd / ("n" * 246 + ".wav"), Path("/proc/x.wav")):
        with pytest.raises(InputError, match="cannot be written"):
            check_target(name, [".wav"])
    before = {path.name for path in odd.iterdir()}
    assert check_target(odd / "sparse.wav", [".wav"]) == odd / "sparse.wav"
    assert check_target(odd / "nothing.wav", [".wav"]) == odd / "gone"  # through the link
    assert {path.name for path in odd.iterdir()} == before
    assert (odd / "sparse.wav").stat().st_size == 1 << 40
    with pytest.raises(InputError, match="is the file that is read"):
        check_target(odd / "sparse.wav", [".wav"], source=odd / "sparse.wav")
    with pytest.raises(InputError, match="no folder to write to"):
        check_target_folder(odd / "sparse.wav")
    check_target_folder(odd / "new" / "folder")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no device that is always full")
def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch):
    limit = pytest.importorskip("resource")
    old = limit.getrlimit(limit.RLIMIT_FSIZE)
    limit.setrlimit(limit.RLIMIT_FSIZE, (50_000, old[1]))
    try:
        with (
            pytest.raises(InputError, match=r"v\.wav: cannot be written \([^\n]+\); see that there is space on"),
            writing_sound(tmp_path / "v.wav", 8000, 1) as file,
        ):
            file.write(np.zeros((200_000, 1)))
    finally:
        limit.setrlimit(limit.RLIMIT_FSIZE, old)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", [".wav", ".flac", ".FLAC"])
def test_sound_is_written_in_the_format_of_its_ending(tmp_path, ending):
    with writing_sound(tmp_path / f"v{ending}", 8000, 2) as file:
        file.write(np.full((100, 2), 0.5))
    assert (tmp_path / f"v{ending}").read_bytes()[:4] == (b"RIFF" if ending == ".wav" else b"fLaC")
    assert (read(tmp_path / f"v{ending}").samples == 16384).all()
