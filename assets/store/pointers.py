"""Records which version of an asset is current, which belong to an experiment, and which are pinned.

    store/demo/synthesis_model/
        versions/3f2a…/            a version: the files of the asset, and run.json, written last
        versions/3f2a….lock        lock file of the version, held by processes that make or read it
        current/main               the key of the current version
        current/waveform           the key of the current version of a variant
        experiments/wider/main     the key of the version that belongs to an experiment
        pins/3f2a….json            marks a version that the user wants to keep, with the reason
        damaged/3f2a…-1/           a version that was set aside, with the reason in reason.json

A pointer is a text file that holds the key of a version. It is replaced by one rename, so a reader sees the old key or
the new one. A pointer that cannot be read, or that names an unfinished version, counts as missing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from assets.store.record import RUN, damage
from data.errors import InputError
from data.files.durable import write_bytes
from data.files.names import check_id, is_id

MAIN = "main"
_KEY = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Slot:
    """A place in the store that has one valid version: an asset, its variant, and its experiment.

    Attributes:
        root: folder of the store.
        space: "data" or "embedded" for data sets, otherwise the preset.
        asset: name of the asset.
        variant: name of the variant; "" for the main variant.
        experiment: name of the experiment; "" for the version in use.

    Example:
        >>> slot = Slot(Path(".tessitura/store"), "demo", "synthesis_model")
        >>> publish(slot, folder)
        >>> find(slot) == folder
        True
    """

    root: Path
    space: str
    asset: str
    variant: str = ""
    experiment: str = ""

    @property
    def home(self) -> Path:
        """Folder of the asset."""
        return self.root / self.space / self.asset

    @property
    def name(self) -> str:
        """Name for messages: "SPACE/ASSET", or "SPACE/ASSET/VARIANT"."""
        return "/".join(filter(None, (self.space, self.asset, self.variant)))

    @property
    def pointer(self) -> Path:
        """Path of the pointer: the file that holds the key of the version."""
        folder = f"experiments/{check_id(self.experiment)}" if self.experiment else "current"
        return self.home / folder / check_id(self.variant or MAIN)

    @property
    def in_use(self) -> "Slot":
        """The slot of the version in use, outside experiments."""
        return replace(self, experiment="")


def version_folder(home: Path, key: str) -> Path:
    """Return the folder of a version, given the folder of its asset and its key."""
    return home / "versions" / key


def lock_path(folder: Path) -> Path:
    """Return the lock file of a version folder."""
    return folder.with_name(f"{folder.name}.lock")


def read_pointer(path: Path) -> str | None:
    """Return the key in a pointer file; None if the file is missing or does not hold a key."""
    try:
        text = path.read_bytes().decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if _KEY.fullmatch(text) else None


def pointed(slot: Slot) -> Path | None:
    """Return the folder of the valid version of a slot, whose files may be damaged; None if there is none.

    In an experiment, this is the experiment's own version if there is one, otherwise the version in use.
    """
    for one in (slot, slot.in_use):
        key = read_pointer(one.pointer)
        if key is not None and (folder := version_folder(one.home, key)) and (folder / RUN).is_file():
            return folder
    return None


def find(slot: Slot) -> Path | None:
    """Return the folder of the valid version of a slot, as `pointed` does, after comparing its files with run.json.

    Raises:
        InputError: a file of the version is damaged; the message names it.
    """
    folder = pointed(slot)
    if folder is not None and (reason := damage(folder)) is not None:
        raise InputError(
            f"{folder}: damaged ({reason}); materialise {slot.name} again, which sets this version aside and makes it "
            "afresh"
        )
    return folder


def get(slot: Slot) -> Path:
    """Return the folder of the valid version of a slot, as `find` does.

    Raises:
        InputError: there is none, or a file of it is damaged.
    """
    folder = find(slot)
    if folder is None:
        raise InputError(f"{slot.name} has not been materialised in {slot.root}; materialise it first")
    return folder


def publish(slot: Slot, folder: Path) -> None:
    """Make the version in `folder` the valid version of a slot."""
    write_bytes(slot.pointer, folder.name.encode())


def homes(root: Path) -> Iterator[Path]:
    """Yield the folder of every asset in the store at `root`."""
    for versions in sorted(root.glob("*/*/versions")):
        yield versions.parent


def pointers(home: Path) -> Iterator[Path]:
    """Yield all pointers of the asset at `home`: the current ones, then those of experiments.

    Files whose name no pointer has (`.DS_Store`) are left out.
    """
    for pattern in ("current/*", "experiments/*/*"):
        yield from (path for path in sorted(home.glob(pattern)) if is_id(path.name))
