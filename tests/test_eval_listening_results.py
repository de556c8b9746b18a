"""Results of listening tests: what is used, and what goes to the quarantine table, with which reason."""

import copy
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated_listeners import session
from tiny_listening import QUALITY, written_test

from data.errors import InputError
from eval.listening.design import Plan
from eval.listening.kinds import KINDS
from eval.listening.ratings import collected, read_ratings, write_ratings
from eval.listening.results import COLUMNS, QUARANTINE, collect
from eval.listening.webmushra import SUPPORTED

EVERY = pytest.mark.parametrize("kind", KINDS)


def put(folder: Path, name: str, content: object) -> None:
    (folder / "results" / name).write_text(content if isinstance(content, str) else json.dumps(content))


@EVERY
def test_sessions_become_rows_and_checks_do_not(tmp_path, kind):
    plan = written_test(tmp_path, kind, sessions=3)
    found = collect(tmp_path)
    assert len(found.quarantine) == 0
    assert list(found.quarantine) == list(QUARANTINE)
    expected = sum(len(one.sounds) for one in plan.trials.values() if one.check is None)
    assert list(found.ratings) == list(COLUMNS)
    assert len(found.ratings) == 3 * expected
    assert found.ratings["listener"].nunique() == 3
    assert not (found.ratings["role"] == "check").any()
    means = found.ratings[found.ratings["role"] == "system"].groupby("system")["rating"].mean()
    assert means["clean"] > means["noisy"] > means["bad"]


def test_no_name_of_a_listener_is_kept(tmp_path):
    plan = written_test(tmp_path, "mos")
    put(tmp_path, "a.json", {**session(plan, 0, QUALITY), "listener": "Ada Lovelace, ada@example.org"})
    put(tmp_path, "b.json", {**session(plan, 1, QUALITY), "listener": "Ada", "trials": []})
    found = collect(tmp_path)
    assert "ada" not in (found.ratings.to_csv() + found.quarantine.to_csv()).lower()


def _early(one: dict[str, Any], plan: Plan) -> None:
    one["trials"] = one["trials"][:-1]


def _swapped(one: dict[str, Any], plan: Plan) -> None:
    one["trials"][0], one["trials"][1] = one["trials"][1], one["trials"][0]


def _failed(one: dict[str, Any], plan: Plan) -> None:
    for trial in one["trials"]:
        if plan.trials[trial["trial"]].check:
            trial["ratings"] = dict.fromkeys(trial["ratings"], 5)


def _same(one: dict[str, Any], plan: Plan) -> None:
    for trial in one["trials"]:
        if not plan.trials[trial["trial"]].check:
            trial["ratings"] = dict.fromkeys(trial["ratings"], 3)


def _rated(value: object) -> Any:
    def change(one: dict[str, Any], plan: Plan) -> None:
        first = one["trials"][0]
        first["ratings"] = dict.fromkeys(first["ratings"], value)

    return change


def _put(**changes: object) -> Any:
    return lambda one, plan: one.update(changes)


def _first(**changes: object) -> Any:
    return lambda one, plan: one["trials"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_put(test="0" * 12), "no key of this test"),
        (_put(test=7), "does not tell the test"),
        (_put(listener=""), "does not tell the listener"),
        (_put(listener=None), "does not tell the test and the listener"),
        (_put(form=99), "no such form"),
        (_put(form=-1), "no such form"),
        (_put(form=True), "no such form"),
        (_put(trials=None), "no list of trials"),
        (_put(trials=[1, 2]), "no list of trials"),
        (_swapped, "not in the order of the form"),
        (_early, "partial: 17 of 18"),
        (_put(trials=[]), "partial: 0 of 18"),
        (_rated(6), "rating 6 in trial"),
        (_rated(0), "rating 0 in trial"),
        (_rated(3.5), "rating 3.5 in trial"),
        (_rated("5"), "rating 5 in trial"),
        (_rated(True), "rating True in trial"),
        (_rated(10**400), "is not on the scale"),
        (_rated(None), "rating None in trial"),
        (_first(ratings={}), "does not rate the sounds"),
        (_first(ratings={"x": 3}), "does not rate the sounds"),
        (_first(seconds=-1), "no time of trial"),
        (_first(seconds="soon"), "no time of trial"),
        (_first(seconds=0.01), "less than its sounds last"),
        (_first(heard={}), "without hearing its sounds"),
        (_first(heard=None), "without hearing its sounds"),
        (_failed, "2 of 2 attention checks"),
        (_same, "the same answer in all 16 trials"),
    ],
)
def test_what_cannot_be_used_is_told_and_stops_nobody_else(tmp_path, change, reason):
    plan = written_test(tmp_path, "mos", sessions=2)
    bad = session(plan, 7, QUALITY)
    change(bad, plan)
    put(tmp_path, "bad.json", bad)
    found = collect(tmp_path)
    assert found.ratings["listener"].nunique() == 2
    assert len(found.quarantine) == 1
    assert reason in found.quarantine["reason"].iloc[0]
    assert found.quarantine["file"].iloc[0] == "results/bad.json"


SURROGATE = "\ud800"


@pytest.mark.parametrize("where", ["listener", "test", "rating", "trial"])
def test_half_a_character_is_told_and_written_without_harm(tmp_path, where):
    plan = written_test(tmp_path / "tests", "mos", sessions=1)
    bad = session(plan, 9, QUALITY)
    if where == "rating":
        bad["trials"][0]["ratings"] = dict.fromkeys(bad["trials"][0]["ratings"], SURROGATE)
    elif where == "trial":
        bad["trials"][0]["trial"] = SURROGATE
    else:
        bad[where] = SURROGATE
    put(tmp_path / "tests", "bad.json", bad)
    (tmp_path / "version").mkdir()
    told = write_ratings(tmp_path / "version", collected(tmp_path / "tests"))
    assert told["listeners"] + told["quarantine"] == 2


def test_nothing_that_a_terminal_obeys_is_kept(tmp_path):
    plan = written_test(tmp_path, "mos")
    bad = session(plan, 9, QUALITY)
    bad["trials"][0]["ratings"] = dict.fromkeys(bad["trials"][0]["ratings"], "\x1b]0;gone\x07")
    put(tmp_path, "bad.json", bad)
    assert "\x1b" not in collect(tmp_path).quarantine.to_csv()


@pytest.mark.parametrize("text", ["", "{", "[]", "3", '"x"', "null", "\x00", "[" * 100_000, '{"a": NaN}'])
def test_files_that_are_no_results_are_told(tmp_path, text):
    written_test(tmp_path, "mos", sessions=1)
    put(tmp_path, "other.json", text)
    found = collect(tmp_path)
    assert len(found.quarantine) == 1
    assert found.ratings["listener"].nunique() == 1


def test_a_pipe_and_a_huge_file_are_told_and_do_not_block(tmp_path):
    written_test(tmp_path, "mos", sessions=1)
    os.mkfifo(tmp_path / "results" / "pipe.json")
    with (tmp_path / "results" / "huge.json").open("wb") as file:
        file.truncate(10**12)
    reasons = collect(tmp_path).quarantine["reason"].tolist()
    assert len(reasons) == 2
    assert all(one.startswith("unreadable") for one in reasons)


def test_duplicates_are_left_out_whoever_sent_them(tmp_path):
    plan = written_test(tmp_path, "mos", sessions=1)
    again = session(plan, 0, QUALITY)
    put(tmp_path, "1.json", again)
    put(tmp_path, "2.json", {**again, "listener": "another"})
    put(tmp_path, "3.json", {**session(plan, 5, QUALITY), "listener": again["listener"]})
    found = collect(tmp_path)
    assert found.ratings["listener"].nunique() == 1
    assert found.quarantine["reason"].tolist() == ["duplicate of results/0.json"] * 3


def test_a_choice_takes_exactly_one_of_two(tmp_path):
    plan = written_test(tmp_path, "ab", sessions=1)
    for name, value in (("both", 1), ("none", 0)):
        one = session(plan, 3, QUALITY)
        _rated(value)(one, plan)
        put(tmp_path, f"{name}.json", one)
    assert all("does not choose one" in reason for reason in collect(tmp_path).quarantine["reason"])


def test_results_of_several_tests_lie_together(tmp_path):
    for kind in ("mos", "mushra"):
        written_test(tmp_path / kind, kind, sessions=2)
    found = collect(tmp_path)
    assert found.ratings.groupby("kind")["listener"].nunique().to_dict() == {"mos": 2, "mushra": 2}
    assert len(found.plans) == 2


def test_a_folder_without_a_test_is_an_error_that_says_what_to_name(tmp_path):
    with pytest.raises(InputError, match="name the folder of an exported listening test"):
        collect(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        collect(tmp_path / "none")


def _webmushra(plan: Plan, one: dict[str, Any]) -> str:
    """Return the answers of a session as webMUSHRA's service writes them."""
    rows = []
    for trial in one["trials"]:
        for sound, rating in trial["ratings"].items():
            known = plan.sounds[sound].role == "hidden" or "same" in plan.sounds[sound].system
            start = {
                "session_test_id": f"tessitura-{plan.test}",
                "listener": one["listener"],
                "trial_id": trial["trial"],
            }
            if plan.kind == "mushra":
                name = "reference" if known else sound
                rows.append(
                    {
                        **start,
                        "rating_stimulus": name,
                        "rating_score": rating,
                        "rating_time": 9000,
                        "rating_comment": "",
                    }
                )
            elif plan.kind == "abx":
                if not known:
                    answer = "incorrect" if rating else "correct"
                    told = {"choice_reference": "x", "choice_non_reference": sound, "choice_answer": answer}
                    rows.append({**start, **told, "choice_time": 9000, "choice_comment": ""})
            else:
                rows.append({**start, "stimuli_rating": f" {rating} ", "stimuli": sound, "rating_time": 9000})
    return pd.DataFrame(rows).to_csv(index=False)


@pytest.mark.parametrize("kind", SUPPORTED)
def test_webmushra_says_the_same_as_our_own_page(tmp_path, kind):
    for name in ("ours", "theirs"):
        plan = written_test(tmp_path / name, kind)
    sessions = [session(plan, number, QUALITY) for number in range(3)]
    for number, one in enumerate(sessions):
        put(tmp_path / "ours", f"{number}.json", one)
        put(tmp_path / "theirs", f"{number}.csv", _webmushra(plan, one))
    ours, theirs = collect(tmp_path / "ours"), collect(tmp_path / "theirs")
    assert len(theirs.quarantine) == 0
    order = ["listener", "trial", "item", "system", "role", "rating"]
    one, two = (found.ratings[order].sort_values(order).reset_index(drop=True) for found in (ours, theirs))
    pd.testing.assert_frame_equal(one, two)


def test_several_listeners_in_one_table_are_told_apart_and_a_bad_one_is_left_out(tmp_path):
    plan = written_test(tmp_path, "mos")
    good, early = session(plan, 0, QUALITY), session(plan, 1, QUALITY)
    _early(early, plan)
    lines = _webmushra(plan, early).splitlines()
    put(tmp_path, "lss.csv", "\n".join([*_webmushra(plan, good).splitlines(), *lines[1:]]))
    found = collect(tmp_path)
    assert found.ratings["listener"].nunique() == 1
    assert found.quarantine["reason"].tolist() == ["partial: 17 of 18 trials"]


@pytest.mark.parametrize("change", [(" 4 ", " four "), ("9000", "soon"), (" 4 ", "NaN")])
def test_a_row_that_cannot_be_read_costs_one_session_and_no_other(tmp_path, change):
    plan = written_test(tmp_path, "mos")
    good, bad = (_webmushra(plan, session(plan, number, QUALITY)).splitlines() for number in range(2))
    put(tmp_path, "lss.csv", "\n".join([*good, *(line.replace(*change) for line in bad[1:])]))
    found = collect(tmp_path)
    assert found.ratings["listener"].nunique() == 1
    assert found.quarantine["reason"].str.startswith("unreadable: line").all()
    assert len(found.quarantine) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace(",stimuli,", ",", 1),
        lambda text: "session_test_id,rating_score\n1,2\n",
        lambda text: text.replace("\n", "\r", 3) + "x" * 200_000,
        lambda text: text[:-20],
    ],
)
def test_a_damaged_table_of_webmushra_is_told(tmp_path, damage):
    plan = written_test(tmp_path, "mos")
    put(tmp_path, "lss.csv", damage(_webmushra(plan, session(plan, 0, QUALITY))))
    found = collect(tmp_path)
    assert len(found.ratings) == 0
    assert len(found.quarantine) == 1


def test_other_tables_beside_the_results_are_not_touched(tmp_path):
    written_test(tmp_path, "mos", sessions=1)
    put(tmp_path, "people.csv", "name,age\nAda,36\n")
    assert len(collect(tmp_path).quarantine) == 0


def test_what_is_written_is_read_again(tmp_path):
    written_test(tmp_path / "test", "mos", sessions=2)
    put(tmp_path / "test", "bad.json", "{")
    (tmp_path / "version").mkdir()
    told = write_ratings(tmp_path / "version", collected(tmp_path / "test"))
    assert told == {"tests": 1, "listeners": 2, "ratings": 32, "quarantine": 1}
    again = read_ratings(tmp_path / "version")
    pd.testing.assert_frame_equal(again.rows, collect(tmp_path / "test").ratings)
    assert [one["kind"] for one in again.tests.values()] == ["mos"]
    assert list(again.about("separation")) == list(again.tests)
    assert not again.about("synthesis")


def test_a_test_without_results_has_empty_tables(tmp_path):
    written_test(tmp_path / "test", "mos")
    (tmp_path / "version").mkdir()
    assert write_ratings(tmp_path / "version", collected(tmp_path / "test"))["ratings"] == 0
    assert read_ratings(tmp_path / "version").about("separation") == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> tuple[Path, Plan]:
    folder = tmp_path_factory.mktemp("hostile")
    return folder, written_test(folder, "mos")


@given(
    where=st.lists(st.sampled_from(["trials", "ratings", "heard", "seconds", "form", "test", 0, 1]), max_size=4),
    value=JSON,
)
def test_nothing_that_a_file_says_stops_the_others(hostile, where, value):
    folder, plan = hostile
    one: Any = copy.deepcopy(session(plan, 0, QUALITY))
    place, inner = one, None
    for key in where:
        if (isinstance(place, dict) and key in place) or (isinstance(place, list) and isinstance(key, int)):
            inner = (place, key)
            place = place[key]
    if inner:
        inner[0][inner[1]] = value
    put(folder, "x.json", one if inner else value)
    found = collect(folder)
    assert len(found.quarantine) + found.ratings["listener"].nunique() == 1
    assert np.isfinite(found.ratings["rating"]).all()
