"""Tells which fields of a configuration dataclass affect a result, and overrides fields by path.

A field that affects only observation (such as how often progress is reported, or how many validation notes are
evaluated) is declared with `metadata=OBSERVES`. It changes no result, so it is left out of the values by which a
stored result is identified. A field that has its default value is left out as well: a new field whose default is
the old behaviour then keeps existing results valid. A changed default is visible in the version of the code.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import Any

from data.errors import InputError

OBSERVES = {"observes": True}


def decisive(value: Any) -> Any:
    """Return the fields of a configuration that affect results, as values that JSON can represent.

    Args:
        value: dataclass instance, or plain values, lists, tuples and dictionaries of them.

    Returns:
        Dataclasses as dictionaries sorted by field name, without the fields declared with `OBSERVES` and without
        those that have their default value; tuples as lists; dictionary keys as strings; everything else unchanged.

    Example:
        >>> decisive(FitConfig(steps=100, batch_size=8, report_every=10))
        {'batch_size': 8, 'steps': 100}
    """
    if is_dataclass(value) and not isinstance(value, type):
        found = {one.name: decisive(getattr(value, one.name)) for one in fields(value) if _decides(one, value)}
        return dict(sorted(found.items()))
    if isinstance(value, dict):
        return {str(name): decisive(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [decisive(one) for one in value]
    return value


def _decides(one: Field[Any], value: Any) -> bool:
    """Return whether a field of the dataclass instance `value` affects results and differs from its default."""
    if one.metadata.get("observes"):
        return False
    default = one.default if one.default_factory is MISSING else one.default_factory()
    given = getattr(value, one.name)
    return default is MISSING or type(given) is not type(default) or decisive(given) != decisive(default)


def override(config: Any, changes: Mapping[str, Any]) -> Any:
    """Return a copy of a (nested) dataclass with some fields replaced.

    Args:
        config: dataclass instance; it is not modified.
        changes: new values by the dotted path of their field, such as {"fine_tune.steps": 2000}. A list may stand
            for a tuple and an integer for a float.

    Raises:
        InputError: a path names no field, or a value has another type than the field's present value.

    Example:
        >>> override(SynthesisConfig(), {"fine_tune.steps": 2000}).fine_tune.steps
        2000
    """
    for path, value in changes.items():
        config = _replaced(config, path.split("."), value, path)
    return config


def _replaced(config: Any, names: list[str], value: Any, path: str) -> Any:
    """Return `config` with the field at the path `names` replaced; `path` is the full path for error messages."""
    if not is_dataclass(config) or isinstance(config, type):
        raise InputError(f"override {path!r}: no field {names[0]!r}; there are none below it")
    known = [one.name for one in fields(config)]
    if names[0] not in known:
        raise InputError(f"override {path!r}: no field {names[0]!r}; there are {', '.join(known)}")
    current = getattr(config, names[0])
    if len(names) > 1:
        return replace(config, **{names[0]: _replaced(current, names[1:], value, path)})
    if isinstance(current, tuple) and isinstance(value, list):
        value = tuple(value)
    if isinstance(current, float) and type(value) is int:
        value = float(value)
    if type(value) is not type(current):
        raise InputError(f"override {path!r}: {value!r} is no {type(current).__name__} (now {current!r})")
    return replace(config, **{names[0]: value})
