"""Files are whole or absent, whatever call fails."""

import os

import pytest

from data.files.durable import read_json, replacing, write_bytes, write_json


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
