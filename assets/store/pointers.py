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

A store that several machines share is the same, with a `Remote`: pointers and versions are there, the folder holds
copies of what this machine uses.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from assets.store.record import RUN, damage, read_record
from data.errors import InputError
from data.files.durable import write_bytes
from data.files.names import check_id, is_id

MAIN = "main"
_KEY = re.compile(r"[0-9a-f]{16}")


class Remote(Protocol):
    """What a store that several machines share does besides the local folder (`assets.store.remote.shared`)."""

    def place(self, slot: "Slot") -> Path | None:
        """Return where the valid version of exactly this slot is, or would be, in the local folder."""
        ...

    def record(self, folder: Path) -> dict[str, Any] | None:
        """Return the record of a version without copying it; None if it is not finished."""
        ...

    def pointed(self, slot: "Slot") -> Path | None:
        """Return the folder of the valid version of exactly this slot, after copying the version there."""
        ...

    def fetch(self, folder: Path) -> bool:
        """Copy a finished version to its folder; return False if there is none, or if it is damaged."""
        ...

    def working(self, slot: "Slot", say: Callable[[str], None]) -> AbstractContextManager[None]:
        """Context manager for all work on the next version of a slot; see `working`."""
        ...

    def making(self, slot: "Slot", folder: Path) -> AbstractContextManager[None]:
        """Context manager for making a version, while its local lock is held."""
        ...

    def saved(self, folder: Path) -> None:
        """Copy the checkpoint of a version that is being made."""
        ...

    def publish(self, slot: "Slot", folder: Path) -> None:
        """Make a finished version the valid version of a slot."""
        ...

    def set_aside(self, folder: Path, reason: str) -> None:
        """Make a damaged version unfinished."""
        ...

    def pin(self, folder: Path, content: bytes) -> None:
        """Pin a version; `content` is that of the local record of the pin."""
        ...

    def unpin(self, folder: Path) -> bool:
        """Remove the pin of a version; return whether there was one."""
        ...


@dataclass(frozen=True)
class Slot:
    """A place in the store that has one valid version: an asset, its variant, and its experiment.

    Attributes:
        root: folder of the store.
        space: "data" or "embedded" for data sets, otherwise the preset.
        asset: name of the asset.
        variant: name of the variant; "" for the main variant.
        experiment: name of the experiment; "" for the version in use.
        remote: the store that several machines share; None if this folder is the store.

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
    remote: Remote | None = field(default=None, compare=False, repr=False)

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
    return text if is_key(text) else None


def is_key(text: object) -> bool:
    """Return whether `text` is a key of a version: 16 hexadecimal digits."""
    return isinstance(text, str) and _KEY.fullmatch(text) is not None


def pointed(slot: Slot) -> Path | None:
    """Return the folder of the valid version of a slot, whose files may be damaged; None if there is none.

    In an experiment, this is the experiment's own version if there is one, otherwise the version in use.
    """
    for one in (slot, slot.in_use):
        if one.remote is not None:
            if (folder := one.remote.pointed(one)) is not None:
                return folder
            continue
        key = read_pointer(one.pointer)
        if key is not None and (folder := version_folder(one.home, key)) and (folder / RUN).is_file():
            return folder
    return None


def recorded(slot: Slot) -> tuple[Path, dict[str, Any]] | None:
    """Return the folder and the record of the valid version of a slot; None if there is none.

    A version of a shared store is not copied here; the folder is where it would be.

    Raises:
        InputError: the record cannot be read.
    """
    if slot.remote is None:
        folder = pointed(slot)
        return None if folder is None else (folder, read_record(folder))
    for one in (slot, slot.in_use):
        folder = slot.remote.place(one)
        if folder is not None and (record := slot.remote.record(folder)) is not None:
            return folder, record
    return None


def is_made(slot: Slot) -> bool:
    """Return whether a slot has a valid version, whose files may be damaged; nothing is copied here."""
    try:
        return recorded(slot) is not None
    except InputError:
        return True


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


def working(slot: Slot, say: Callable[[str], None]) -> AbstractContextManager[None]:
    """Context manager for all work on the next version of a slot, from the choice of its inputs to publishing.

    In a shared store, what is copied here meanwhile is not deleted again, and nothing is published if another machine
    has published into the slot since. In a local store it does nothing.

    Args:
        slot: the slot.
        say: callback that receives a line of text when files are copied, or when another machine is waited for.
    """
    return nullcontext() if slot.remote is None else slot.remote.working(slot, say)


def publish(slot: Slot, folder: Path) -> None:
    """Make the version in `folder` the valid version of a slot.

    Raises:
        InputError: the store is shared, and another machine has published since this work was begun (`working`).
    """
    if slot.remote is not None:
        slot.remote.publish(slot, folder)
    else:
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
