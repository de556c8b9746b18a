"""Configurations as plain values: what of a dataclass decides a result, and what only observes it.

A field that only observes (how often progress is reported, how many validation notes are looked at) is
declared with `metadata=OBSERVES`. It changes no result, so it is no part of what a result is known by.
A field that has its default value is left out as well: a new field whose default is the old behaviour
then changes nothing either. That a default itself was changed shows in the version of the code.
"""

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from typing import Any

from data.errors import InputError

OBSERVES = {"observes": True}


def decisive(value: Any) -> Any:
    """Return what decides results of a configuration, as values that JSON knows.

    Args:
        value: a dataclass instance, or plain values, lists, tuples and dictionaries of such.

    Returns:
        Dataclasses as dictionaries without the fields that only observe or have their default value,
        tuples as lists, everything else as it is.

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
    """Tell whether a field of the dataclass instance `value` is part of what decides."""
    if one.metadata.get("observes"):
        return False
    default = one.default if one.default_factory is MISSING else one.default_factory()
    return default is MISSING or decisive(getattr(value, one.name)) != decisive(default)


def override(config: Any, changes: Mapping[str, Any]) -> Any:
    """Return a (nested) dataclass with fields replaced.

    Args:
        config: a dataclass instance.
        changes: values by the path of their field, such as {"fine_tune.steps": 2000}. Lists stand for tuples,
            whole numbers for floats.

    Raises:
        InputError: a path names no field, or a value has another type than the field.

    Example:
        >>> override(SynthesisConfig(), {"fine_tune.steps": 2000}).fine_tune.steps
        2000
    """
    for path, value in changes.items():
        config = _replaced(config, path.split("."), value, path)
    return config


def _replaced(config: Any, names: list[str], value: Any, path: str) -> Any:
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
