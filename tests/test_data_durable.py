"""Files are whole or absent, whatever call fails."""

import os

import pytest

from data.errors import InputError
from data.files.checked_json import parse_checked, read_checked_json, write_checked_json
from data.files.durable import read_json, replacing, write_bytes, write_json
from models.training.history import History


def test_a_written_file_holds_the_content(tmp_path):
    write_json(tmp_path / "a" / "b.json", {"x": [1, "ü"]})
    assert read_json(tmp_path / "a" / "b.json") == {"x": [1, "ü"]}


def test_nan_never_reaches_a_json_file(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_the_block_keeps_the_old_file(tmp_path):
    path = tmp_path / "a"
    write_bytes(path, b"old")
    with pytest.raises(RuntimeError), replacing(path) as file:  # noqa: PT012
        file.write(b"half of the new")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
@pytest.mark.parametrize("failing", [1, 2, 3])
def test_every_failing_system_call_leaves_old_or_new(tmp_path, monkeypatch, call, failing):
    path = tmp_path / "a"
    write_bytes(path, b"old")
    real, count = getattr(os, call), 0

    def fail(*args, **kwargs):
        nonlocal count
        count += 1
        if count == failing:
            raise OSError(28, "No space left on device")
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        try:
            write_bytes(path, b"new")
            failed = False
        except OSError:
            failed = True
    assert path.read_bytes() in ((b"old", b"new") if failed else (b"new",))
    assert [one.name for one in tmp_path.iterdir()] == ["a"]


def test_the_order_is_write_sync_rename_sync(tmp_path, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *args, _real=real, _name=name: (calls.append(_name), _real(*args))[1])
    write_bytes(tmp_path / "a", b"x")
    assert calls == ["fsync", "replace", "fsync"]


@pytest.mark.parametrize("content", [b'{"a": 1', b"\xff\xfe", b"", b"[" * 100_000])
def test_what_is_no_json_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a.json: not readable as JSON"):
        read_json(tmp_path / "a.json")


VALUE = {"stride": 256, "scale": [0.5, 1e-9], "kind": {"ü": None}, "sha256": "5c1e"}


def test_a_json_object_with_its_checksum_is_read_as_written(tmp_path):
    write_checked_json(tmp_path / "a.json", {**VALUE, "shape": (1, 2)})
    assert read_checked_json(tmp_path / "a.json") == {**VALUE, "shape": [1, 2]}
    write_json(tmp_path / "old.json", VALUE)  # as earlier versions did
    assert read_checked_json(tmp_path / "old.json") == VALUE
    for bad in ({"loss": float("nan")}, {"checksum": 1}):
        with pytest.raises(ValueError, match=r"JSON compliant|name of the checksum"):
            write_checked_json(tmp_path / "b.json", bad)


def test_no_flipped_bit_of_a_checked_json_object_changes_what_is_read(tmp_path):
    write_checked_json(tmp_path / "a.json", VALUE)
    whole = (tmp_path / "a.json").read_bytes()
    noticed = 0
    for place in range(8 * len(whole)):
        content = bytearray(whole)
        content[place // 8] ^= 1 << place % 8
        try:
            assert parse_checked(bytes(content), tmp_path / "a.json") == VALUE  # a space that became another
        except InputError as error:
            noticed += "a.json: " in str(error)
    assert noticed > 0.9 * 8 * len(whole)


def test_a_row_of_history_that_was_damaged_counts_as_missing(tmp_path):
    history = History(tmp_path)
    for step in (1, 2, 3):
        history.append({"step": step, "loss": float("nan") if step == 2 else 0.25})
    whole = (tmp_path / "history.jsonl").read_bytes()
    (tmp_path / "history.jsonl").write_bytes(whole.replace(b"0.25", b"0.75", 1) + b'\xff\n{"step": "x"}\n[]\n{"st')
    history.rewind(3)
    assert [row["step"] for row in history.rows()] == [2, 3]
    (tmp_path / "history.jsonl").write_bytes(b'{"step": 1, "loss": 0.5}\n')  # as earlier versions wrote it
    assert history.rows() == [{"step": 1, "loss": 0.5}]
