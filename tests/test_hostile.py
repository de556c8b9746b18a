"""Hostile variants of every kind of file that strangers write, made by Hypothesis, the same in every run."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulated_listeners import session
from tiny_hostile import parsers, sound, survives
from tiny_listening import QUALITY, written_test

from data.files.audio import UnreadableAudio, decode
from data.files.names import fit_id, is_id, make_id
from eval.listening.results import collect
from pipelines.reports.folder import exported

SAME = settings(derandomize=True, max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
EDIT = st.tuples(
    st.sampled_from(["flip", "cut", "set", "insert", "repeat", "swap"]), st.floats(0, 1), st.binary(max_size=9)
)


def edited(content: bytes, edits: list[tuple[str, float, bytes]]) -> bytes:
    """Return a file with damages: flipped bits, cuts, fields of extreme values, repetitions."""
    found = bytearray(content)
    for how, where, what in edits:
        place = int(where * len(found))
        if how == "flip" and found:
            found[place % len(found)] ^= 1 << (len(what) % 8)
        elif how == "cut":
            del found[place:]
        elif how == "set":
            found[place : place + len(what)] = what
        elif how == "insert":
            found[place:place] = what
        elif how == "repeat":
            found[place:place] = found[place : place + 64] * (1 + len(what))
        else:
            found[place : place + 8] = found[place : place + 8][::-1]
    return bytes(found)


@pytest.mark.parametrize("name", parsers())
def test_hostile_variants_of_a_file_are_read_or_refused(name):
    parser = parsers()[name]
    assert any(survives(parser, one) for one in parser.examples)

    @SAME
    @given(st.sampled_from(parser.examples), st.lists(EDIT, max_size=4))
    def try_out(example, edits):
        survives(parser, edited(example, edits))

    try_out()


def test_a_length_without_one_frame_is_refused():
    """Found by fuzzing: a FLAC that promises samples, none of which can be decoded."""
    flac = sound("FLAC")
    with pytest.raises(UnreadableAudio, match=r"^(holds no samples|damaged|not readable)"):
        decode(flac[:42] + bytes(range(190, 255)) * 9)


@pytest.mark.parametrize("name", parsers())
def test_any_bytes_are_read_or_refused(name):
    @SAME
    @given(st.binary(max_size=700))
    def try_out(content):
        survives(parsers()[name], content)

    try_out()


@SAME
@given(st.text(max_size=400))
def test_any_name_becomes_an_id_that_leads_nowhere(text):
    for one in (make_id(text), fit_id(make_id(text))):
        assert is_id(one)
        assert len(one.encode()) <= 255
        assert (Path("folder") / one).parent == Path("folder")
        assert one not in (".", "..")
        assert not one.startswith("-")
    if is_id(text):
        assert is_id(fit_id(text))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def listened(tmp_path_factory):
    folder = tmp_path_factory.mktemp("test")
    plan = written_test(folder, "mos", sessions=1)
    return folder, plan


def test_hostile_results_of_listeners_stop_nobody(listened):
    """A session in which anything was replaced by anything: the good one still counts, and nothing is written."""
    folder, plan = listened
    good = session(plan, 1, QUALITY)
    before = collect(folder).ratings

    @SAME
    @given(
        st.sampled_from(["whole", "field", "trials", "trial", "bytes"]),
        JSON,
        st.text(max_size=30),
        st.binary(max_size=99),
    )
    def try_out(place, value, name, content):
        hostile = json.loads(json.dumps(good))
        if place == "whole":
            hostile = value
        elif place == "field":
            hostile[name] = value
            hostile[sorted(good)[len(name) % len(good)]] = value
        elif place == "trials":
            hostile["trials"] = value
        elif place == "trial":
            hostile["trials"][0] = value
        text = content if place == "bytes" else json.dumps(hostile).encode()
        (folder / "results" / "hostile.json").write_bytes(text)
        files = sorted(folder.rglob("*"))
        found = collect(folder)
        assert sorted(folder.rglob("*")) == files
        kept = found.ratings[found.ratings["listener"].isin(before["listener"])]
        assert len(kept) >= len(before)
        assert found.ratings["rating"].notna().all()

    try_out()


@SAME
@given(value=JSON)
def test_what_lies_in_a_folder_of_reports_is_not_believed(tmp_path_factory, value):
    root = tmp_path_factory.mktemp("reports")
    (root / "a").mkdir()
    (root / "a" / "export.json").write_text(json.dumps(value))
    assert all(not one.is_whole for one in exported(root))
