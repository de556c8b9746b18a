"""What an earlier run found of the sources is used again, unless it is damaged."""

import pytest

from data.embedded.marker import is_made
from data.files.durable import write_bytes, write_json
from data.progress import Progress, ignore
from data.voices import inspection
from data.voices.inspection import Inspected, inspect_all
from data.voices.slices import Slicing


@pytest.mark.parametrize("damage", [None, b"", b'[{"id": "a"}]', b'{"found": [{"id": "b"}]}', b"\xff"])
def test_damaged_findings_are_found_again(tmp_path, monkeypatch, damage):
    asked = []

    def inspect(source: str, slicing: Slicing) -> Inspected:
        asked.append(source)
        return Inspected(source, slices=[[0, 16_000]], hertz=[220.5])

    monkeypatch.setattr(inspection, "inspect", inspect)

    def look() -> list[Inspected]:
        return inspect_all(tmp_path, ["a"], Slicing(), Progress("voices", total=1, unit="files", listener=ignore))

    first = look()
    (path,) = tmp_path.iterdir()
    if damage is not None:
        whole = path.read_bytes()
        write_bytes(path, whole.replace(b"220.5", b"221.5") if damage.startswith(b'{"found') else damage)
    assert look() == first
    assert asked == (["a"] if damage is None else ["a", "a"])


@pytest.mark.parametrize("content", [b'{"version": 1', b"[]", b"\xff", b'{"version": 2}', None])
def test_a_marker_that_is_damaged_missing_or_of_another_version_is_none(tmp_path, content):
    marker = tmp_path / "complete.json"
    if content is not None:
        marker.write_bytes(content)
    assert not is_made(marker, 1)
    write_json(marker, {"version": 1})
    assert is_made(marker, 1)
