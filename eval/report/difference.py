"""Compares two reports by their metrics.json: what they are made from, their checks and their numbers.

Works for reports of any system and version of this project; what only one of them has is told too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.errors import InputError
from data.files.durable import read_json
from eval.report.numbers import number, with_interval

METRICS = "metrics.json"
_CENTRES = ("mean", "median")
_TEXTS = ("definitions", "provenance", "checks", "schema")
_LARGEST = 50_000_000  # bytes
_DEEPEST = 12


@dataclass(frozen=True)
class Value:
    """A number of a report with its interval; `low` and `high` are None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Difference:
    """What two reports say differently.

    Attributes:
        provenance: value in both by name, where they differ; "" where a report has none.
        checks: for each check that one passed and the other did not, whether each passed it; None where it has none.
        numbers: value in both by name, where they differ; None where a report has none.
        same: number of values that are the same in both.
    """

    provenance: Mapping[str, tuple[str, str]]
    checks: Mapping[str, tuple[bool | None, bool | None]]
    numbers: Mapping[str, tuple[Value | None, Value | None]]
    same: int


def read_metrics(place: Path) -> dict[str, Any]:
    """Read the metrics of a report.

    Args:
        place: folder of a report, or one of its files.

    Raises:
        InputError: there is no metrics.json, or it is damaged; the message names it.
    """
    path = (place if place.is_dir() else place.parent) / METRICS
    if not path.is_file():
        raise InputError(f"{path}: no such file; name the folder of a report, such as reports/latest/separation-small")
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"larger than {_LARGEST / 1e6:.0f} MB")
        found = read_json(path)
        if not isinstance(found, dict):
            raise ValueError("not a table of names and values")
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: damaged ({error}); export the report again") from error
    return found


def difference(first: Mapping[str, Any], second: Mapping[str, Any]) -> Difference:
    """Return what two reports say differently.

    Args:
        first: content of a metrics.json (`read_metrics`).
        second: content of another one.

    Example:
        >>> difference(read_metrics(Path("a")), read_metrics(Path("b"))).numbers["test masks uSDR"]
    """
    texts = [
        {str(name): str(value) for name, value in _table(one.get("provenance")).items()} for one in (first, second)
    ]
    checks = [
        {str(name): bool(_table(value).get("passed")) for name, value in _table(one.get("checks")).items()}
        for one in (first, second)
    ]
    numbers = [
        dict(_numbers({name: value for name, value in one.items() if name not in _TEXTS})) for one in (first, second)
    ]
    kept = {name: tuple(one.get(name) for one in numbers) for name in _names(*numbers)}
    changed = {name: (one, two) for name, (one, two) in kept.items() if one != two}
    told = {name: tuple(one.get(name, "") for one in texts) for name in _names(*texts)}
    passed = {name: tuple(one.get(name) for one in checks) for name in _names(*checks)}
    return Difference(
        {name: (one, two) for name, (one, two) in told.items() if one != two},
        {name: (one, two) for name, (one, two) in passed.items() if one != two},
        changed,
        len(kept) - len(changed),
    )


def lines(found: Difference) -> Iterator[str]:
    """Yield a difference as lines of text."""
    if found.provenance:
        yield "made from"
        yield from (f"  {name}: {one or '–'} → {two or '–'}" for name, (one, two) in found.provenance.items())
    if found.checks:
        yield "checks"
        words = {True: "passed", False: "not passed", None: "–"}
        yield from (
            f"  {name.replace('_', ' ')}: {words[one]} → {words[two]}" for name, (one, two) in found.checks.items()
        )
    if found.numbers:
        yield "numbers [95 %]; * where neither value lies in the interval of the other"
        width = max(map(len, found.numbers))
        for name, (one, two) in found.numbers.items():
            change = (
                f"  {number(two.value - one.value, signed=True)}{_apart(one, two)}"
                if one is not None and two is not None
                else ""
            )
            yield f"  {name:<{width}}  {_written(one)} → {_written(two)}{change}"
    yield f"{found.same} values are the same"


def _table(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, dict) else {}


def _names(*tables: Mapping[str, Any]) -> list[str]:
    """Return the names of several tables, each once, in their order."""
    return list(dict.fromkeys(name for one in tables for name in one))


def _numbers(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Value]]:
    """Yield all numbers in nested tables, by the names on the way; a table with a mean or median is one number."""
    if (number := _number(value)) is not None:
        yield name, Value(number)
    elif isinstance(value, dict) and depth < _DEEPEST:
        centre = next((found for one in _CENTRES if (found := _number(value.get(one))) is not None), None)
        if centre is not None:
            yield name, Value(centre, _number(value.get("low")), _number(value.get("high")))
            return
        for key, inner in value.items():
            yield from _numbers(inner, f"{name} {key}".strip(), depth + 1)


def _number(value: Any) -> float | None:
    """Return a value as a number; None if it is none, or larger than any."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _written(one: Value | None) -> str:
    if one is None:
        return "–"
    if one.low is None or one.high is None:
        return number(one.value, significant=4)
    return with_interval(one.value, one.low, one.high, digits=3)


def _apart(one: Value, two: Value) -> str:
    """Return " *" if both have an interval and neither holds the value of the other."""
    if one.low is None or one.high is None or two.low is None or two.high is None:
        return ""
    inside = one.low <= two.value <= one.high or two.low <= one.value <= two.high
    return "" if inside else " *"
