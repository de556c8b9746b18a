"""Writes a listening test for webMUSHRA, a server for listening tests (Schoeffler et al. 2018), and reads its results.

The sounds, under ids that tell nothing, and the configuration are laid out as that server has them:

    configs/tessitura-TEST.yaml
    configs/resources/tessitura-TEST/ID.wav

    kind            page of webMUSHRA
    mos, nmos       likert_single_stimulus
    mushra          mushra, with our anchors
    abx             paired_comparison
    smos, ab        none: it has no page with a reference beside one sound, or with two choices beside a reference

The server plays files at 16, 44.1 or 48 kHz; at 96 kHz it crashes, so higher rates than 48 kHz are converted.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from data.errors import InputError
from data.files.audio import resample, to_pcm16, write_sound
from data.files.durable import write_bytes
from eval.listening.design import Plan, Trial
from eval.listening.kinds import KINDS

SUPPORTED = ("mos", "nmos", "mushra", "abx")
_HIGHEST_RATE = 48_000
_PREFIX = "tessitura-"
_MEASURED = ("rating_score", "stimuli_rating", "choice_answer")
_COLUMNS = (
    {"rating_stimulus", "rating_score"},
    {"stimuli", "stimuli_rating"},
    {"choice_non_reference", "choice_answer"},
)


def write_webmushra(folder: Path, plan: Plan, waves: Mapping[str, np.ndarray]) -> Path:
    """Write configuration and sounds of a test for webMUSHRA.

    Args:
        folder: folder that receives `configs`; copy it over that of the server.
        plan: the plan.
        waves: the sounds by id, float32, (T, K).

    Returns:
        Path of the configuration.

    Raises:
        ValueError: webMUSHRA has no page for this kind of test (`SUPPORTED`).

    Example:
        >>> write_webmushra(Path("webmushra"), plan, waves)
    """
    if plan.kind not in SUPPORTED:
        raise ValueError(f"webMUSHRA has no page for tests of the kind {plan.kind}")
    place = f"configs/resources/{_PREFIX}{plan.test}"
    rate = min(plan.sample_rate, _HIGHEST_RATE)
    for name in plan.sounds:
        write_sound(folder / place / f"{name}.wav", to_pcm16(resample(waves[name], plan.sample_rate, rate)), rate)
    made = folder / "configs" / f"{_PREFIX}{plan.test}.yaml"
    text = yaml.safe_dump(_configuration(plan, place), sort_keys=False, allow_unicode=True)
    write_bytes(made, text.encode())
    return made


def _configuration(plan: Plan, place: str) -> dict[str, Any]:
    """Return the configuration of a test whose sounds lie in a folder `place` of the server."""
    pages = [_page(plan, name, trial, place) for name, trial in plan.trials.items()]
    welcome = "Please use headphones in a quiet room. Some sounds have a known answer."
    return {
        "testname": "Listening test",
        "testId": f"{_PREFIX}{plan.test}",
        "bufferSize": 2048,
        "stopOnErrors": True,
        "showButtonPreviousPage": False,
        "remoteService": "service/write.php",
        "pages": [
            {"type": "generic", "id": "welcome", "name": "Before you begin", "content": welcome},
            ["random", *pages],
            {
                "type": "finish",
                "name": "Thank you",
                "content": "Please send your answers.",
                "showResults": False,
                "writeResults": True,
                "questionnaire": [
                    {"type": "text", "label": "Any name that only you use", "name": "listener", "optional": False}
                ],
            },
        ],
    }


def _page(plan: Plan, name: str, trial: Trial, place: str) -> dict[str, Any]:
    """Return the page of a trial; conditions are named by the ids of their sounds."""
    kind, files = KINDS[plan.kind], {one: f"{place}/{one}.wav" for one in trial.sounds}
    page: dict[str, Any] = {"id": name, "name": "Test", "content": kind.question}
    if kind.compared == 1:
        scale = [{"value": point, "label": label} for point, label in enumerate(kind.labels, round(kind.low))]
        told = {"mustRate": True, "mustPlayback": True, "stimuli": files, "response": scale}
        return {"type": "likert_single_stimulus", **page, **told}
    hidden = _same_as_reference(plan, trial)
    reference, others = f"{place}/{hidden[0]}.wav", {one: path for one, path in files.items() if one not in hidden}
    shown = {"showWaveform": False, "enableLooping": True, "reference": reference}
    if kind.choice:
        return {"type": "paired_comparison", **page, **shown, "stimuli": others}
    anchors = {"createAnchor35": False, "createAnchor70": False, "strict": False, "randomize": True}
    return {"type": "mushra", **page, **shown, **anchors, "showConditionNames": False, "stimuli": others}


def _same_as_reference(plan: Plan, trial: Trial) -> list[str]:
    """Return the sounds of a trial that are the reference: the hidden one, or the right one of an attention check."""
    right = trial.check.sound if trial.check is not None else ""
    return [one for one in trial.sounds if plan.sounds[one].role == "hidden" or one == right]


def is_webmushra(header: str) -> bool:
    """Return whether the first line of a CSV file is that of results of webMUSHRA."""
    columns = header.replace('"', "").split(",")
    return "session_test_id" in columns and any(one in columns for one in _MEASURED)


def read_webmushra(text: str, plans: Mapping[str, Plan]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Read a table of results of webMUSHRA as the sessions in it.

    A session is told by "session_uuid" where the server writes it, else by what the listener called himself.

    Args:
        text: the content of the CSV file.
        plans: the tests by id.

    Yields:
        The id of the test ("" if unknown), the listener, and the trials of the session in the form of the results of
        our own page: a list "trials" of "trial", "seconds", "ratings". A session with a row that cannot be read has
        "unreadable" instead, and the reason; the others are as they are.

    Raises:
        InputError: a column is missing.
        csv.Error: the text is no table.
    """
    found: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    broken: dict[tuple[str, str], str] = {}
    reader = csv.DictReader(io.StringIO(text, newline=""))
    _check_columns(reader.fieldnames or ())
    for number, row in enumerate(reader, 2):
        test = (row["session_test_id"] or "").removeprefix(_PREFIX)
        session = (test, row.get("session_uuid") or row.get("listener") or "")
        trials = found.setdefault(session, {})
        try:
            _take(trials, row, number, plans.get(test))
        except InputError as error:
            broken.setdefault(session, str(error))
    for (test, listener), trials in found.items():
        reason = broken.get((test, listener))
        content = {"trials": list(trials.values())} if reason is None else {"unreadable": reason}
        yield (test if test in plans else "", listener, content)


def _check_columns(columns: Sequence[str]) -> None:
    """Check that a table has the columns of results of one of the pages of webMUSHRA.

    Raises:
        InputError: a column is missing.
    """
    there = set(columns)
    missing = {"session_test_id", "trial_id"} - there
    if missing or not any(one <= there for one in _COLUMNS):
        told = ", ".join(sorted(missing)) or " or ".join(", ".join(sorted(one)) for one in _COLUMNS)
        raise InputError(f"its columns are not those of results of webMUSHRA: it lacks {told}")


def _take(trials: dict[str, dict[str, Any]], row: Mapping[Any, Any], line: int, plan: Plan | None) -> None:
    """Take a row into the trials of its session.

    Raises:
        InputError: the row is cut off, or a rating is no number.
    """
    if None in row or None in row.values():
        raise InputError(f"line {line} has another number of columns than the first")
    trial = trials.setdefault(row["trial_id"], {"trial": row["trial_id"], "seconds": 0.0, "ratings": {}})
    seconds = _number(row.get("rating_time") or row.get("choice_time") or "0", line) / 1000
    trial["seconds"] = max(trial["seconds"], seconds)
    trial["ratings"].update(_ratings(row, line, plan))


def _ratings(row: Mapping[str, str], line: int, plan: Plan | None) -> dict[str, float]:
    """Return the ratings of a row by sound."""
    trial = None if plan is None else plan.trials.get(row["trial_id"])
    hidden = [] if plan is None or trial is None else _same_as_reference(plan, trial)
    if "rating_score" in row:
        name = hidden[0] if row["rating_stimulus"] == "reference" and hidden else row["rating_stimulus"]
        return {name: _number(row["rating_score"], line)}
    if "choice_answer" in row:
        right = {"correct": 1.0, "incorrect": 0.0}.get(row["choice_answer"])
        if right is None or not hidden:
            return {}
        return {hidden[0]: right, row["choice_non_reference"]: 1.0 - right}
    return {row["stimuli"]: _number(row["stimuli_rating"], line)}


def _number(text: str, line: int) -> float:
    if not re.fullmatch(r"\s*-?\d+(\.\d+)?\s*", text):
        raise InputError(f"line {line}: {text.strip()[:40]!r} is no number")
    return float(text)
