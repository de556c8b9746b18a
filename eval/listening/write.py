"""Writes a listening test into a folder: the page for listeners, and the key for whoever evaluates.

public/index.html            the page, one file: give it to listeners, or put it on a web server
public/webmushra/configs/    the same test for the server webMUSHRA, where it can show this kind
private/key.json             what every id stands for; not for listeners
results/                     put the files with the answers here
README.txt                   what to do, and how many listeners are needed
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError
from data.files.checked_json import read_checked_json, write_checked_json
from data.files.durable import write_bytes
from eval.listening.design import SCHEMA, Check, Plan, Sound, Trial
from eval.listening.kinds import KINDS
from eval.listening.page import write_page
from eval.listening.power import listeners_for
from eval.listening.webmushra import SUPPORTED, write_webmushra

PAGE, KEY = "public/index.html", "private/key.json"
_LARGEST_KEY = 100_000_000  # bytes


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        test: id of the test.
        trials: number of trials of a listener, checks included.
        megabytes: size of the page.
        listeners: proposed number of listeners.
        decided: the difference that so many listeners decide, as text.
    """

    test: str
    trials: int
    megabytes: float
    listeners: int
    decided: str


def write_test(folder: Path, plan: Plan, waves: Mapping[str, np.ndarray]) -> Written:
    """Write a listening test into a folder.

    Args:
        folder: the folder, which exists or not.
        plan: the plan.
        waves: the sounds by id (`plan.plan_test`).

    Raises:
        InputError: the page would be larger than 200 MB.

    Example:
        >>> write_test(Path("test"), *plan_test(items, Design("mushra"), 16_000, "separation", {})).listeners
    """
    kind, page = KINDS[plan.kind], folder / PAGE
    page.parent.mkdir(parents=True, exist_ok=True)
    size = write_page(page, plan, waves)
    if plan.kind in SUPPORTED:
        write_webmushra(page.parent / "webmushra", plan, waves)
    (folder / "results").mkdir(exist_ok=True)
    (folder / KEY).parent.mkdir(exist_ok=True)
    write_checked_json(folder / KEY, plan.as_json())
    needed = listeners_for(plan)
    trials = len(plan.forms[0])
    minutes = trials * (10 + sum(one.seconds for one in plan.sounds.values()) / max(len(plan.trials), 1)) / 60
    told = (
        f"{kind.title}, test {plan.test}, of the system {plan.subject}.\n\n"
        f"1. Give public/index.html to the listeners, or put it on a web server. {trials} tests take about "
        f"{minutes:.0f} minutes.\n"
        f"2. {needed.listeners} listeners decide {needed.decided} ({needed.assumed}).\n"
        "3. Each listener sends back one file. Put the files into results/.\n"
        "4. Keep private/ to yourself: it tells what every sound is.\n"
        "5. TESSITURA_RATINGS=this folder brings the results into the report; "
        "`tessitura score listening FOLDER` prints them.\n"
    )
    write_bytes(folder / "README.txt", told.encode())
    return Written(plan.test, trials, round(size / 1e6, 2), needed.listeners, needed.decided)


def read_plan(path: Path) -> Plan:
    """Read the key of a test.

    Raises:
        InputError: the file is damaged or of another version; the message names it.
    """
    if path.stat().st_size > _LARGEST_KEY:
        raise InputError(f"{path}: larger than {_LARGEST_KEY / 1e6:.0f} MB; this is no key of a listening test")
    try:
        return _plan(read_checked_json(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path}: no key of a listening test of version {SCHEMA} ({error}); export it again"
        ) from error


def _plan(read: Any) -> Plan:
    """Return a plan from its JSON values."""
    if read["schema"] != SCHEMA or read["kind"] not in KINDS:
        raise ValueError(f"schema {read['schema']!r}, kind {read['kind']!r}")
    trials = {
        name: Trial(one["reference"], tuple(one["sounds"]), one["check"] and Check(**one["check"]))
        for name, one in read["trials"].items()
    }
    sounds = {name: Sound(**one) for name, one in read["sounds"].items()}
    forms = [[(trial, tuple(order)) for trial, order in form] for form in read["forms"]]
    for name, one in trials.items():
        if not set(one.sounds) <= set(sounds):
            raise ValueError(f"trial {name} has sounds that are not in the key")
    if any(trial not in trials for form in forms for trial, _ in form):
        raise ValueError("a form has a trial that is not in the key")
    return Plan(
        str(read["test"]), read["kind"], str(read["subject"]), int(read["sample_rate"]), sounds, trials, forms,
        {str(name): str(value) for name, value in read["provenance"].items()},
    )  # fmt: skip
