"""Damage in a store: noticed whatever it hits, named, and mended by making the version afresh; nothing kept is lost."""

import os
from pathlib import Path

import pytest

from assets.store.pointers import Slot, find, get, pointed, publish
from assets.store.record import RUN, damage, damaged_files
from assets.store.retention import garbage
from assets.store.verification import verify
from assets.store.versions import Making, Recipe, Version, make
from data.errors import InputError
from data.files.durable import read_json, write_bytes, write_json

LARGE = 3 << 20


def write(folder: Path, earlier: tuple[Path, ...]) -> dict[str, int]:
    write_bytes(folder / "small", b"small")
    write_bytes(folder / "sub" / "large", bytes(LARGE))
    return {"notes": 3}


def build(root: Path, name: str = "a", inputs: dict | None = None, config: int = 0) -> Version:
    slot = Slot(root, "demo", name)
    made = make(slot, Recipe("1", {"seed": config}, inputs or {}, ("small",)), Making(write, {"experiment": ""}))
    publish(slot, made.folder)
    return made


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "store"


def flip(path: Path, place: int = -1) -> None:
    """Change one bit of a file, in silence: its size and its time of modification stay."""
    times, content = path.stat(), bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_every_file_is_recorded(root):
    files = build(root).record["files"]
    assert sorted(files) == ["small", "sub/large"]
    assert all(len(one["sha256"]) == 64 for one in files.values())


def test_a_silent_flip_in_a_small_file_is_noticed_by_whoever_reads_the_version(root):
    made = build(root)
    flip(made.folder / "small")
    for read in (find, get):
        with pytest.raises(
            InputError, match=r"damaged \(small: its content is not what was written\); materialise demo/a"
        ):
            read(Slot(root, "demo", "a"))
    assert pointed(Slot(root, "demo", "a")) == made.folder
    assert not build(root).reused
    assert get(Slot(root, "demo", "a")) == made.folder


def test_a_silent_flip_in_a_large_file_is_found_by_verification(root):
    made = build(root)
    flip(made.folder / "sub" / "large")
    assert damage(made.folder) is None
    assert damaged_files(made.folder, thorough=True) == ["sub/large: its content is not what was written"]
    (found,) = [one for one in verify(root) if one.damage]
    assert (found.place, len(list(verify(root)))) == (made.folder, 2)  # the version, and the pointer to it


@pytest.mark.parametrize("instead", [lambda path: None, Path.mkdir, lambda path: path.symlink_to(path)])
def test_what_is_gone_or_no_file_is_damage(root, instead):
    made = build(root)
    (made.folder / "small").unlink()
    instead(made.folder / "small")
    assert damage(made.folder).startswith("small: ")
    assert not build(root).reused


def test_every_flipped_bit_of_the_record_is_noticed_or_changes_nothing(root):
    path = build(root).folder / RUN
    whole, record = path.read_bytes(), Version(path.parent).record
    for place in range(0, len(whole), 3):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        if damage(path.parent) is None:
            assert Version(path.parent).record == record
    path.write_bytes(whole)
    assert damage(path.parent) is None


def test_a_record_of_an_earlier_version_without_a_checksum_stays_valid(root):
    folder = build(root).folder
    write_json(folder / "recipe.json", {"asset": "a"})
    write_json(folder / RUN, {name: one for name, one in read_json(folder / RUN).items() if name != "checksum"})
    assert build(root).reused
    for harm in ({"files": 1}, {"files": {"small": 1}}, {}):  # what it says is then the only thing to judge it by
        write_json(folder / RUN, harm)
        assert damage(folder).startswith("run.json: cannot be read")


def test_a_store_that_was_copied_is_compared_by_content_once(root, monkeypatch):
    made = build(root)
    read: list[str] = []
    for name in ("small", "sub/large"):
        os.utime(made.folder / name, ns=(1, 1))
    real = damage.__globals__["file_sha256"]
    monkeypatch.setitem(damage.__globals__, "file_sha256", lambda path: (read.append(path.name), real(path))[1])
    assert (damage(made.folder), damage(made.folder)) == (None, None)
    assert read == ["small", "large", "small"]


def test_a_damaged_earlier_version_is_not_built_upon(root):
    first = build(root)
    flip(first.folder / "small")
    seen = []

    def look(folder: Path, earlier: tuple[Path, ...]) -> dict[str, int]:
        seen.append(earlier)
        return write(folder, earlier)

    make(Slot(root, "demo", "a"), Recipe("2", {}, {}, ("small",)), Making(look, {}))
    assert seen == [()]


def test_where_damage_hides_what_is_kept_nothing_is_deleted(root):
    up = build(root)
    down = build(root, "down", {"a": up.folder})
    build(root, config=1)  # the first is only kept because "down" was made from it
    assert garbage(root) == []
    whole = (down.folder / RUN).read_bytes()
    (down.folder / RUN).write_bytes(whole[:100])
    with pytest.raises(InputError, match=r"run.json: damaged .* nothing can be deleted"):
        garbage(root)
    (down.folder / RUN).write_bytes(whole)
    pointer = Slot(root, "demo", "down").pointer
    pointer.write_bytes(b"\xff")
    with pytest.raises(InputError, match=r"current/main: damaged.*nothing can be deleted"):
        garbage(root)
    assert [one.damage for one in verify(root) if one.damage] == [["main: holds no key of a version"]]
    build(root, "down", {"a": up.folder})
    write_bytes(pointer.with_name(".DS_Store"), b"somebody's")
    assert garbage(root) == []
    assert not any(one.damage for one in verify(root))


def test_a_pointer_to_nothing_is_told(root):
    pointer = Slot(root, "demo", "a").pointer
    build(root)
    pointer.write_bytes(b"0123456789abcdef")
    assert [one.damage for one in verify(root) if one.damage] == [
        ["main: names 0123456789abcdef, which is no finished version"]
    ]
