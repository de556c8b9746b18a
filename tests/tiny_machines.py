"""Machines that share a store, and work for them that takes no time."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.store.pointers import Slot, publish, working
from assets.store.remote.shared import SharedStore
from assets.store.versions import Making, Recipe, Version, make
from data.files.durable import write_bytes


class Machine:
    """A machine that shares a store: a folder of its own, and a bucket."""

    def __init__(self, root: Path, url: str, limit: int = 1 << 30, seconds: float = 60.0) -> None:
        self.root, self.said = root, list[str]()
        self.remote = SharedStore(root, url, limit, seconds)

    def slot(self, name: str = "a", experiment: str = "") -> Slot:
        return Slot(self.root, "demo", name, "", experiment, self.remote)

    def build(self, work: Any, name: str = "a", *, config: Mapping[str, Any] | None = None, **inputs: Any) -> Version:
        """Make a version with `work`, or find it, and publish it, as a run does."""
        slot = self.slot(name)
        with working(slot, self.said.append):
            made = make(slot, Recipe("1", dict(config or {}), inputs, ("out",)), Making(work, {}))
            publish(slot, made.folder)
        return made


class Files:
    """Work that writes three files, and counts how often it was asked to."""

    def __init__(self, content: bytes = b"x") -> None:
        self.content, self.calls = content, 0

    def __call__(self, folder: Path, earlier: tuple[Path, ...]) -> dict[str, int]:
        self.calls += 1
        for name in ("out", "more/of it", "empty"):
            write_bytes(folder / name, self.content * {"out": 3, "more/of it": 7, "empty": 0}[name])
        return {"calls": self.calls}
