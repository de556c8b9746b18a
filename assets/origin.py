"""What a report tells of its origin: date, the command that makes it again, hours of training and of data."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.declaration import Work
from assets.environment import Environment
from assets.store.versions import Version, read_recipe

_LOCAL = (
    "home",
    "place",
    "cache",
    "preset",
    "device",
    "trainings",
    "ratings",
)  # what decides no result, or is told anyway


def made_by(work: Work, system: str, trained: Mapping[str, Path | None]) -> dict[str, str]:
    """Return date, command and hours of training of a report, as texts by name.

    Args:
        work: the work of the asset that writes the report.
        system: name of the system.
        trained: folder of the version of each network by name; None for one that was not made.

    Example:
        >>> made_by(work, "synthesis", {"synthesis_model": model})["command"]
        'TESSITURA_PRESET=demo .venv/bin/tessitura run synthesis'
    """
    seconds = {name: _seconds(folder) for name, folder in trained.items() if folder is not None}
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "command": command(work.environment, system, read_recipe(work.execution.folder)),
        "hours of training": hours_of(seconds),
    }


def command(environment: Environment, system: str, recipe: Mapping[str, Any]) -> str:
    """Return the command that makes a report again, at the same commit and in a checkout that is set up.

    Paths of this machine are told without their folders, "…/nsynth", since reports leave it.

    Args:
        environment: the settings; those that differ from their default are told.
        system: name of the system.
        recipe: what determines the version, with "experiment" and "overrides".
    """
    told = {"preset": environment.preset}
    for one in fields(environment):
        if one.name not in _LOCAL and (value := getattr(environment, one.name)) != one.default:
            told[one.name] = without_folders(str(value))
    words = [f"TESSITURA_{name.upper()}={shlex.quote(value)}" for name, value in told.items()]
    words += [".venv/bin/tessitura", "run", system]
    if recipe.get("experiment"):
        words += ["--experiment", recipe["experiment"]]
        for path, value in recipe.get("overrides", {}).items():
            text = value if isinstance(value, str) else json.dumps(value)
            words += ["--set", shlex.quote(f"{path}={text}")]
    return " ".join(words)


def without_folders(value: str) -> str:
    """Return the value of a setting with "…/" in place of the folders of an absolute path, also of "NAME=PATH,…"."""
    if value.startswith(("/", "~")):
        return f"…/{Path(value).name}"
    pairs = [one.partition("=") for one in value.split(",")]
    return ",".join(f"{name}{sign}{without_folders(place) if sign else ''}" for name, sign, place in pairs)


def hours_of(seconds: Mapping[str, float]) -> str:
    """Return lengths of time in hours as text: the sum, and each by name.

    Example:
        >>> hours_of({"codec": 1800.0, "denoiser": 5400.0})
        '2.00 (codec 0.50, denoiser 1.50)'
    """
    each = ", ".join(f"{name.replace('_', ' ')} {one / 3600:.2f}" for name, one in seconds.items())
    return f"{sum(seconds.values()) / 3600:.2f}" + (f" ({each})" if each else "")


def _seconds(folder: Path) -> float:
    """Return how long a network was trained, in seconds; 0 for a published one."""
    return float(Version(folder).record["summary"].get("seconds", 0.0))
