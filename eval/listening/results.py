"""Collects the results of listening tests from a folder: ratings that can be used, and a table of those that cannot.

The folder is searched at any depth for keys of tests (`private/key.json`, see `eval.listening.write`), for files of
results of our own page (`*.json`) and for tables of webMUSHRA (`*.csv`). Every file comes from outside, so nothing in
it is believed: what does not fit the key goes, session by session, into the quarantine table with its reason.

A session is left out if it is

* unreadable, of an unknown test or form, or does not follow the order of its form (spoofed or damaged),
* a duplicate: a listener's second session of a test, or the very answers of another session,
* partial: a trial of the form is missing,
* impossible: a rating off the scale, more or fewer sounds rated than were played, less time than the sounds last,
* inattentive: a wrong answer to an attention check, or the same answer in all of ten or more trials.

A static page cannot keep a determined person from inventing plausible answers; what it can do is done here.
"""

import csv
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from data.errors import InputError
from data.files.listing import files_below, plain_name
from data.files.regular import read_regular
from eval.listening.design import Plan
from eval.listening.kinds import KINDS
from eval.listening.webmushra import is_webmushra, read_webmushra
from eval.listening.write import KEY, read_plan

COLUMNS = ("test", "kind", "subject", "listener", "trial", "item", "system", "role", "rating", "seconds", "file")
QUARANTINE = ("file", "test", "listener", "reason", "trials")  # the reason has a kind, and after a colon the detail
_LARGEST, _LARGEST_TABLE = 5_000_000, 200_000_000  # bytes of a file of results, and of a table of many sessions
_MOST_PLAYED = 0.4  # share of each sound that must have been heard; the page asks for a half
_SAME = 10  # trials with one and the same answer that show inattention


@dataclass(frozen=True)
class Session:
    """The answers of one listener to one test, as they come.

    Attributes:
        file: name of the file.
        test: id of the test, "" if there is none.
        listener: name that the page drew, or what webMUSHRA tells; hashed before it is stored.
        content: the content of the file, or of the part of it that is the session's.
        ordered: whether the order of the trials is known, as it is for our own page.
    """

    file: str
    test: str
    listener: str
    content: Mapping[str, Any]
    ordered: bool


@dataclass(frozen=True)
class Collected:
    """What a folder of results holds.

    Attributes:
        ratings: one row per rating, with the columns `COLUMNS`; attention checks are left out.
        quarantine: one row per session that cannot be used, with the columns `QUARANTINE`.
        plans: the tests by id.
    """

    ratings: pd.DataFrame
    quarantine: pd.DataFrame
    plans: Mapping[str, Plan]


class Unusable(Exception):
    """A session cannot be used; the text is the reason, and after a colon the detail."""


def collect(folder: Path) -> Collected:
    """Collect the results below a folder.

    Raises:
        InputError: there is no such folder, it holds no key of a test, or a key is damaged.

    Example:
        >>> collect(Path("test")).ratings.groupby("system")["rating"].mean()
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; name the folder of an exported listening test")
    files = {plain_name(path.relative_to(folder)): path for path in files_below(folder)}
    keys = [path for name, path in files.items() if f"/{name}".endswith(f"/{KEY}")]
    plans = {plan.test: plan for plan in map(read_plan, keys)}
    if not plans:
        raise InputError(f"{folder}: no {KEY} below it; name the folder of an exported listening test")
    ratings: list[dict[str, Any]] = []
    left_out: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], str] = {}
    for name in sorted(files):
        path = files[name]
        if path in keys or path.suffix.lower() not in (".json", ".csv") or "public" in Path(name).parts:
            continue
        for session in _sessions(path, name, plans):
            try:
                ratings += _checked(session, plans, seen)
            except Unusable as error:
                left_out.append(_row(session, str(error)))
    return Collected(
        pd.DataFrame(ratings, columns=list(COLUMNS)).astype({"rating": float, "seconds": float}),
        pd.DataFrame(left_out, columns=list(QUARANTINE)),
        plans,
    )


def _row(session: Session, reason: str) -> dict[str, Any]:
    trials = session.content.get("trials")
    count = len(trials) if isinstance(trials, list) else 0
    return {
        "file": session.file,
        "test": _plain(session.test, 40),
        "listener": _hashed(session.listener),
        "reason": _plain(reason, 200),
        "trials": count,
    }


def _hashed(listener: str) -> str:
    """Return a short hash of what tells a listener, so that no name of a person is stored or shown."""
    return hashlib.sha256(listener.encode("utf-8", "surrogatepass")).hexdigest()[:10] if listener else ""


def _plain(value: object, longest: int) -> str:
    """Return a value that came from outside as a short text without control characters, which a terminal may obey."""
    return "".join(one if one.isprintable() else "?" for one in str(value)[:longest])


def _sessions(path: Path, name: str, plans: Mapping[str, Plan]) -> Iterator[Session]:
    """Yield the sessions of a file; one that cannot be read is a single session without content."""
    try:
        table = path.suffix.lower() == ".csv"
        text = read_regular(path, _LARGEST_TABLE if table else _LARGEST).decode("utf-8-sig")
        if table:
            if is_webmushra(text.partition("\n")[0].strip()):
                for test, listener, content in read_webmushra(text, plans):
                    yield Session(name, test, listener, content, ordered=False)
            return
        content = json.loads(text)
        if not isinstance(content, dict):
            raise InputError("not the results of a listening test")
        test, listener = content.get("test"), content.get("listener")
        if not isinstance(test, str) or not isinstance(listener, str):
            raise InputError("it does not tell the test and the listener")
        yield Session(name, test, listener, content, ordered=True)
    except (InputError, OSError, ValueError, RecursionError, csv.Error) as error:
        yield Session(name, "", "", {"unreadable": str(error)}, ordered=True)


def _checked(session: Session, plans: Mapping[str, Plan], seen: dict[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return the rows of a session.

    Args:
        session: the session.
        plans: the tests by id.
        seen: file of the session that was accepted before, by test and listener, and by test and answers; it is
            added to.

    Raises:
        Unusable: the session cannot be used.
    """
    if "unreadable" in session.content:
        raise Unusable(f"unreadable: {session.content['unreadable']}")
    plan = plans.get(session.test)
    if plan is None:
        raise Unusable("no key of this test is below the folder")
    if not session.listener:
        raise Unusable("it does not tell the listener")
    trials = _answers(session, plan)
    told = [(session.test, session.listener), (session.test, _digest(trials))]
    for key in told:
        if key in seen:
            raise Unusable(f"duplicate of {seen[key]}")
    _attentive(plan, trials)
    seen.update(dict.fromkeys(told, session.file))
    return list(_rows(session, plan, trials))


def _answers(session: Session, plan: Plan) -> dict[str, Mapping[str, Any]]:
    """Return the trials of a session by id, complete and possible."""
    content = session.content
    given = content.get("trials")
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise Unusable("it has no list of trials")
    order = [str(one.get("trial")) for one in given]
    if session.ordered:
        form = content.get("form")
        if not isinstance(form, int) or isinstance(form, bool) or not 0 <= form < len(plan.forms):
            raise Unusable("there is no such form of the test")
        wanted = [trial for trial, _ in plan.forms[form]]
        if order != wanted[: len(order)]:
            raise Unusable("the trials are not in the order of the form: not written by the page of this test")
    else:
        wanted = list(plan.trials)
        if len(set(order)) != len(order) or not set(order) <= set(wanted):
            raise Unusable("it has trials that are not of this test")
    if len(order) < len(wanted):
        raise Unusable(f"partial: {len(order)} of {len(wanted)} trials")
    trials = dict(zip(order, given, strict=True))
    for name, one in trials.items():
        _possible(plan, name, one, played=session.ordered)
    return trials


def _possible(plan: Plan, name: str, answer: Mapping[str, Any], *, played: bool) -> None:
    """Check that an answer can be true; `played` asks for the seconds that each sound was heard."""
    kind, trial = KINDS[plan.kind], plan.trials[name]
    ratings = answer.get("ratings")
    if not isinstance(ratings, dict) or set(ratings) != set(trial.sounds):
        raise Unusable(f"impossible: trial {name} does not rate the sounds that were played")
    for value in ratings.values():
        number = _finite(value)
        if number is None or not kind.low <= number <= kind.high or (kind.whole and number != int(number)):
            raise Unusable(f"impossible: rating {_plain(value, 20)} in trial {name} is not on the scale")
    if kind.choice and sum(ratings.values()) != 1:
        raise Unusable(f"impossible: trial {name} does not choose one of two")
    seconds = _finite(answer.get("seconds"))
    if seconds is None or seconds <= 0:
        raise Unusable(f"impossible: no time of trial {name}")
    if not played:
        return
    heard, least = answer.get("heard"), 0.0
    for one in {trial.reference, *trial.sounds} - {""}:
        needed = _MOST_PLAYED * plan.sounds[one].seconds
        listened = _finite(heard.get(one)) if isinstance(heard, dict) else None
        if listened is None or listened < needed:
            raise Unusable(f"impossible: trial {name} was answered without hearing its sounds")
        least += needed
    if seconds < least:
        raise Unusable(f"impossible: trial {name} took {seconds:.1f} s, less than its sounds last")


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer beyond every float
        return None


def _attentive(plan: Plan, trials: Mapping[str, Mapping[str, Any]]) -> None:
    """Check the attention checks of a session, and that its answers vary."""
    checks = {name: check for name in trials if (check := plan.trials[name].check) is not None}
    wrong = [name for name, one in checks.items() if not one.least <= trials[name]["ratings"][one.sound] <= one.most]
    if wrong:
        raise Unusable(f"inattentive: {len(wrong)} of {len(checks)} attention checks answered wrongly")
    kind = KINDS[plan.kind]
    rated = [tuple(one["ratings"].values()) for name, one in trials.items() if name not in checks]
    if not kind.choice and len(rated) >= _SAME and len({value for one in rated for value in one}) == 1:
        raise Unusable(f"inattentive: the same answer in all {len(rated)} trials")


def _digest(trials: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a hash of the answers and their times: two listeners never have the same."""
    kept = [(name, trials[name]["seconds"], sorted(trials[name]["ratings"].items())) for name in sorted(trials)]
    return hashlib.sha256(json.dumps(kept).encode()).hexdigest()


def _rows(session: Session, plan: Plan, trials: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the rows of a session, one per rating, without its attention checks."""
    for name, answer in trials.items():
        if plan.trials[name].check is not None:
            continue
        for sound, rating in answer["ratings"].items():
            one = plan.sounds[sound]
            values: Sequence[Any] = (
                plan.test, plan.kind, plan.subject, _hashed(session.listener), name, one.item, one.system, one.role,
                rating, answer["seconds"], session.file,
            )  # fmt: skip
            yield dict(zip(COLUMNS, values, strict=True))
