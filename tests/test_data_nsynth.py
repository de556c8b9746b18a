"""NSynth's labels and SING's split."""

import io
import json
import random

import pytest
from tiny import note_metadata, pack, write_nsynth

from data.errors import InputError
from data.nsynth.dataset import completion_split, locate, released_subset
from data.nsynth.metadata import read_metadata


def parse(objects: dict | str):
    text = objects if isinstance(objects, str) else json.dumps(objects, indent=4)
    return read_metadata(io.BytesIO(text.encode()), "examples.json")


def test_the_first_six_draws_are_the_published_ones():
    names = [f"bass_acoustic_000-{pitch:03d}-100" for pitch in range(30, 36)]
    assert completion_split(names, [0] * 6, range(30, 36)) == ["train", "valid", "train", "train", "train", "train"]


def test_velocities_of_a_pair_stay_together_and_order_of_input_is_irrelevant():
    notes = [(f"bass_acoustic_{i:03d}-{p:03d}-{v:03d}", i, p) for i in range(9) for p in range(40) for v in (25, 127)]
    split = dict(zip([name for name, *_ in notes], completion_split(*zip(*notes, strict=True)), strict=True))
    pairs = {}
    for name, one in split.items():
        pairs.setdefault(name[:-4], set()).add(one)
    assert all(len(found) == 1 for found in pairs.values())
    backwards = notes[::-1]
    again = dict(zip([name for name, *_ in backwards], completion_split(*zip(*backwards, strict=True)), strict=True))
    assert again == split
    shares = [list(split.values()).count(one) / len(split) for one in ("train", "valid", "test")]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.04)


def test_the_callers_random_state_is_untouched():
    random.seed(7)
    expected = random.Random(7).random()
    completion_split(["a"], [0], [0])
    released_subset(["a"], 1)
    assert random.random() == expected


def test_the_released_subset_is_a_seeded_shuffle_of_the_sorted_names():
    assert released_subset(["d", "b", "a", "c"], 3) == ["c", "b", "d"]


def test_metadata_becomes_columns():
    one = note_metadata(5, 3, 60, 25)
    row = parse({one["note_str"]: one}).table.to_pylist()
    assert row == [
        {
            "id": "reed_acoustic_003-060-025",
            "note": 5,
            "instrument": 3,
            "instrument_name": "reed_acoustic_003",
            "pitch": 60,
            "velocity": 25,
            "family": "reed",
            "source": "acoustic",
            "qualities": ["bright"],
        }
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pitch": 121}, "pitch is 121"),
        ({"pitch": "60"}, "pitch is '60'"),
        ({"pitch": True}, "pitch is True"),
        ({"velocity": 64}, "velocity is 64"),
        ({"instrument": None}, "instrument is None"),
        ({"instrument_family": 11}, "instrument_family is 11"),
        ({"qualities": [1]}, "qualities is"),
        ({"instrument_str": 5}, "instrument_str is 5"),
    ],
)
def test_a_faulty_field_is_a_fault_of_that_note_alone(change, reason):
    good, bad = note_metadata(0, 0, 60, 25), note_metadata(1, 0, 61, 25) | change
    metadata = parse({good["note_str"]: good, bad["note_str"]: bad})
    assert metadata.table["id"].to_pylist() == [good["note_str"]]
    assert metadata.faults[0][0] == bad["note_str"]
    assert metadata.faults[0][1].startswith(reason)


def test_a_key_named_twice_and_an_unsafe_key_are_faults():
    one = json.dumps(note_metadata(0, 0, 60, 25))
    metadata = parse(f'{{"a": {one}, "a": {one}, "../x": {one}, "b": 3}}')
    assert metadata.table["id"].to_pylist() == ["a"]
    assert [key for key, _ in metadata.faults] == ["a", "../x", "b"]


@pytest.mark.parametrize("text", ["", "{", "<html>", '{"a": {"pitch": }}'])
def test_no_json_says_so(text):
    with pytest.raises(InputError, match=r"examples.json: no readable JSON"):
        parse(text)


def test_all_real_shapes_are_found(tmp_path):
    part = write_nsynth(tmp_path / "a" / "nsynth-train", 1, range(60, 61), (25,))
    valid = write_nsynth(tmp_path / "a" / "nsynth-valid", 1, range(60, 61), (25,))
    archive = pack(valid)
    assert [one.path for one in locate(str(part), tmp_path)] == [part]
    assert [one.path for one in locate(str(archive), tmp_path)] == [archive]
    with pytest.raises(InputError, match="is there as nsynth-valid and as nsynth-valid"):
        locate(str(tmp_path / "a"), tmp_path)
    archive.rename(tmp_path / "a" / "nsynth-test.jsonwav.tar.gz")
    assert [one.name for one in locate(str(tmp_path / "a"), tmp_path)] == [
        "nsynth-test",
        "nsynth-train",
        "nsynth-valid",
    ]


@pytest.mark.parametrize("place", ["", "missing", "empty"])
def test_nothing_of_that_shape_says_what_was_looked_for(tmp_path, place):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no NSynth here; expected a folder with examples.json"):
        locate(str(tmp_path / place), tmp_path)


def test_a_url_cannot_name_a_path(tmp_path):
    for url in ("http://127.0.0.1/x.zip", "http://127.0.0.1/..tar.gz", "http://127.0.0.1/.tar.gz"):
        with pytest.raises(InputError, match=r"must end in a plain NAME.jsonwav.tar.gz"):
            locate(url, tmp_path)
