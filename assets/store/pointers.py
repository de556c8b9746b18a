"""Which version of an asset is current, which belong to an experiment, which are pinned.

    store/demo/synthesis_model/
        versions/3f2a…/            a version: the files of the asset, recipe.json, and run.json, written last
        versions/3f2a….lock        held by whoever makes or reads it
        current/main               the key of the current version
        current/waveform           the same for a variant
        experiments/wider/main     the same within an experiment
        pins/3f2a….json            a version that somebody wants to keep, and why
        damaged/3f2a…-1/           a version that was set aside, with the reason in reason.json

A pointer is a text file that holds a key. It changes in one rename, so a reader sees the old version or the
new one. A pointer that cannot be read, or to a version that is not finished, is none.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from data.errors import InputError
from data.files.durable import write_bytes
from data.files.names import check_id

RUN = "run.json"
MAIN = "main"
_KEY = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Slot:
    """Where an asset has a version that counts: the asset, one of its variants, and the experiment it belongs to.

    Attributes:
        root: the folder of the store.
        space: "data" or "embedded" for data sets, else the preset.
        asset: name of the asset.
        variant: of the asset; "" for the main one.
        experiment: name of the experiment; "" for what is in use.
    """

    root: Path
    space: str
    asset: str
    variant: str = ""
    experiment: str = ""

    @property
    def home(self) -> Path:
        """The folder of the asset."""
        return self.root / self.space / self.asset

    @property
    def name(self) -> str:
        """What people call it: space/asset, with the variant behind."""
        return "/".join(filter(None, (self.space, self.asset, self.variant)))

    @property
    def pointer(self) -> Path:
        """The file that names the version."""
        folder = f"experiments/{check_id(self.experiment)}" if self.experiment else "current"
        return self.home / folder / check_id(self.variant or MAIN)

    @property
    def in_use(self) -> "Slot":
        """The same outside experiments."""
        return replace(self, experiment="")


def version_folder(home: Path, key: str) -> Path:
    """Return the folder of the version `key` of the asset at `home`."""
    return home / "versions" / key


def lock_path(folder: Path) -> Path:
    """Return the lock file of a version folder."""
    return folder.with_name(f"{folder.name}.lock")


def read_pointer(path: Path) -> str | None:
    """Return the key in a pointer, None where there is none that can be read."""
    try:
        text = path.read_bytes().decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if _KEY.fullmatch(text) else None


def find(slot: Slot) -> Path | None:
    """Return the folder of the version that counts in `slot`, None where there is none.

    Within an experiment that is the experiment's own version if it has one, else the one in use.
    """
    for one in (slot, slot.in_use):
        key = read_pointer(one.pointer)
        if key is not None and (folder := version_folder(one.home, key)) and (folder / RUN).is_file():
            return folder
    return None


def get(slot: Slot) -> Path:
    """Return the folder of the version that counts in `slot`.

    Raises:
        InputError: there is none.
    """
    folder = find(slot)
    if folder is None:
        raise InputError(f"{slot.name} has not been materialised in {slot.root}; materialise it first")
    return folder


def publish(slot: Slot, folder: Path) -> None:
    """Make the version in `folder` the one that counts in `slot`."""
    write_bytes(slot.pointer, folder.name.encode())


def homes(root: Path) -> Iterator[Path]:
    """Yield the folder of every asset in the store at `root`."""
    for versions in sorted(root.glob("*/*/versions")):
        yield versions.parent


def pointers(home: Path) -> Iterator[Path]:
    """Yield every pointer of an asset: the current ones, then those of experiments."""
    yield from sorted(home.glob("current/*"))
    yield from sorted(home.glob("experiments/*/*"))
