"""The front of a report: the verdict tells the worst finding, whatever was passed."""

import json

import numpy as np
import pytest
from test_eval_report import document

from eval.acceptance import Criterion
from eval.report.blocks import Clip, Players
from eval.report.document import Document, render
from eval.report.front import FRONT, Front, Number, champion_sentence, verdict, write_front


def criterion(passed: bool, found: float, bound: float, meaning: str) -> Criterion:
    return Criterion(passed, found, bound, meaning, "")


def test_the_verdict_tells_the_failure_that_is_farthest_from_what_was_asked():
    found = {
        "in_tune": criterion(False, 0.85, 0.9, "share in tune"),
        "better_than_copy": criterion(False, 1.5, 1.0, "loss over a copy's"),
        "complete": criterion(True, 1.0, 1.0, "share made"),
    }
    assert verdict(found, "SING") == (
        "SING passes 1 of 3 checks; not passed: “in tune”, “better than copy”.",
        "The worst finding: loss over a copy's is 1.5; at most 1 was asked.",
    )


def test_what_could_not_be_measured_is_worst_of_all():
    found = {"a": criterion(False, 9.0, 1.0, "one"), "b": criterion(False, np.nan, 1.0, "two")}
    assert verdict(found, "It")[1] == "The worst finding: two is not measurable; 1 was asked."


def test_a_bound_of_zero_does_not_make_every_failure_the_worst():
    found = {"a": criterion(False, 0.1, 0.0, "distance"), "b": criterion(False, 1.0, 4.0, "ratio")}
    assert verdict(found, "It")[1] == "The worst finding: ratio is 1; at least 4 was asked."


def test_if_all_is_well_the_narrowest_is_told():
    found = {"a": criterion(True, 2.0, 1.0, "one"), "b": criterion(True, 1.1, 1.0, "two")}
    assert verdict(found, "It") == ("It passes 2 of 2 checks.", "The narrowest: two is 1.1; at least 1 was asked.")


def test_the_verdict_leaves_details_to_the_table():
    told = "loss over a copy's [2.1, 9.4]: all of the interval must be below"
    assert verdict({"a": criterion(False, 4.2, 1.0, told)}, "It")[1] == (
        "The worst finding: loss over a copy's is 4.2; an interval wholly below 1 was asked."
    )
    whole = {"complete": criterion(True, 1.0, 1.0, "share made"), "a": criterion(True, 2.0, 1.0, "gain (dB)")}
    assert verdict(whole, "It")[1] == "The narrowest: gain is 2; at least 1 was asked."


@pytest.mark.parametrize(
    ("models", "compared", "told"),
    [
        ([], None, "There is no champion"),
        (["abcd"], None, "This model is the champion, the first one."),
        (
            ["ffff", "abcd"],
            0.93,
            "This model is the champion, better than the one before on the validation items (0.93).",
        ),
        (["abcd", "ffff"], 0.9, "The champion is an earlier model (commit c), better"),
    ],
)
def test_the_champion_is_told_and_how_it_compares(models, compared, told):
    champions = [{"model": one, "commit": "c", "criteria": {"better_than_champion": compared}} for one in models]
    assert champion_sentence(champions, "abcd").startswith(told)


def test_the_front_stands_first_on_the_page_and_beside_it_for_the_index(tmp_path):
    plain = document("plain")
    players = next(one for one in plain.sections[0].blocks if isinstance(one, Players))
    clips = [players.rows[0][1][0], Clip("second", players.rows[0][1][0].sound, spectrogram=b"png")]
    front = Front(
        "done <b>",
        [Number("uSDR", "4.6", "[2, 7]")],
        ("One.", "Two."),
        "None.",
        Players("x", ["a", "b"], [("i", clips)]),
    )
    page = render(Document(plain.title, plain.summary, plain.provenance, plain.sections, plain.methods, front))
    assert (
        page.index("done &lt;b&gt;")
        < page.index('id="summary"')
        < page.index(plain.sections[0].anchor, page.index("</nav>"))
    )
    write_front(tmp_path, "A title", front)
    told = json.loads((tmp_path / FRONT).read_text())
    assert told["verdict"] == ["One.", "Two."]
    assert told["sound"]["label"] == "second"
    assert told["sound"]["source"].startswith("data:audio/flac;base64,")


@pytest.mark.parametrize(
    ("told", "value", "interval"),
    [("2.50 [1.00, 4.00]", "2.50", "[1.00, 4.00]"), ("2.50 [no interval]", "2.50", "too few for an interval"),
     ("86 % [73, 100]", "86 %", "[73, 100]")],
)  # fmt: skip
def test_a_number_tells_in_words_that_it_has_no_interval(told, value, interval):
    assert Number.of("uSDR", told) == Number("uSDR", value, interval)
