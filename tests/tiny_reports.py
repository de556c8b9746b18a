"""Finished reports in a store of their own, made as the assets make them."""

import io
import json
import wave
from pathlib import Path
from typing import Any

from assets.environment import Configuration, Environment
from assets.registry import REGISTRY
from assets.store.pointers import publish
from assets.store.versions import Making, Recipe, make

PAGE = '<!doctype html><html lang="en"><title>A report</title><h1>A report</h1><audio controls src="tone.wav"></audio>'


def keep(home: Path, system: str = "synthesis", data: str = "songs", **changes: Any) -> Path:
    """Make a finished report, publish it, and return the folder of its version.

    Args:
        home: the home.
        system: name of the system.
        data: name of the data set.
        **changes: "preset", "experiment", "commit", "page", and "files": more files by name.
    """
    asset = REGISTRY.assets[f"{system}_report"]
    preset, experiment = changes.get("preset", "demo"), changes.get("experiment", "")
    slot = asset.slot(Configuration(Environment(home, preset)), experiment)

    def work(folder: Path, earlier: tuple[Path, ...]) -> dict[str, int]:
        (folder / "report.html").write_text(changes.get("page", PAGE))
        (folder / "metrics.json").write_text(json.dumps({"provenance": {"data": data}}))
        for name, content in changes.get("files", {}).items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        return {}

    notes = {
        "space": preset,
        "experiment": experiment,
        "overrides": {},
        "provenance": {"commit": changes.get("commit", "abcdef012345"), "changed": {}},
    }
    recipe = Recipe("c0de", {"data": data, "notes": notes}, {}, ("report.html",))
    made = make(slot, recipe, Making(work, notes))
    publish(slot, made.folder)
    return made.folder


def sound() -> bytes:
    """Return a WAV file of 5 s."""
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(range(250)) * 320)
    return content.getvalue()
