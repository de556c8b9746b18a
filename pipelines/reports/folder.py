"""Reads the folder of exported reports, and writes its index page and its links to the newest reports.

Only folders with a name of the form `DATE-TIME-SYSTEM-PRESET[-EXPERIMENT]-CONTENT` and a readable export.json count as
exported reports; everything else in the folder is left as it is. The index page needs neither scripts nor a network,
its content security policy forbids both, and all strings are escaped.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data.errors import InputError, explain
from data.files.checked_json import read_checked_json
from data.files.durable import SUFFIX, file_sha256, write_bytes
from eval import report
from pipelines.reports.glance import glance_of, printable_text

PAGE = "report.html"
MANIFEST = "export.json"
INDEX = "index.html"
LATEST = "latest"
_MARK = b'<meta name="generator" content="tessitura reports">'  # tells our index page from somebody else's
_NAME = re.compile(r"\d{4}-\d\d-\d\d-\d{6}(-[A-Za-z0-9_-]+)?-[0-9a-f]{8}(-\d+)?")
_FILE = re.compile(r"(sounds/)?[A-Za-z0-9][A-Za-z0-9_.-]*")
_LARGEST_MANIFEST = 1_000_000  # bytes
_DAMAGED = "its content is not what was written; export it again with: tessitura export report {}"
_STYLE = Path(report.__file__).parent / "templates" / "report.css"


@dataclass(frozen=True)
class Exported:
    """An exported report.

    Attributes:
        folder: its folder.
        made: when the report was made, UTC.
        system: name of the system.
        preset: name of the preset.
        experiment: name of the experiment; "" for the system in use.
        data: name of the data set that was judged on.
        commit: commit that made the page, with uncommitted files.
        content: SHA-256 that identifies the content, 64 hexadecimal digits.
        files: size of each file in bytes, by name.
        hashes: SHA-256 of each file, by name.
    """

    folder: Path
    made: datetime
    system: str
    preset: str
    experiment: str
    data: str
    commit: str
    content: str
    files: dict[str, int]
    hashes: dict[str, str]

    @classmethod
    def read(cls, folder: Path) -> "Exported":
        """Return the exported report in a folder.

        Raises:
            ValueError: the folder is no exported report, or its export.json is damaged.
            OSError: export.json cannot be read.
        """
        path = folder / MANIFEST
        if not is_name(folder.name) or folder.is_symlink() or not path.is_file():
            raise ValueError(f"{folder}: is no exported report")
        if path.stat().st_size > _LARGEST_MANIFEST:
            raise ValueError(f"{path}: larger than {_LARGEST_MANIFEST} bytes")
        known: dict[str, Any] = read_checked_json(path)
        try:
            made = datetime.fromisoformat(known["made"]).astimezone(UTC)
            texts = {
                name: printable_text(known[name])
                for name in ("system", "preset", "experiment", "data", "commit", "content")
            }
            own = {name: one for name, one in known["files"].items() if is_file_name(name)}
            files = {name: int(one["bytes"]) for name, one in own.items()}
            hashes = {name: str(one["sha256"]) for name, one in own.items()}
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"{path}: is damaged ({error!r})") from error
        return cls(folder, made, files=files, hashes=hashes, **texts)

    @property
    def is_whole(self) -> bool:
        """Whether all its files are what was written."""
        return not self.damaged()

    def damaged(self) -> list[str]:
        """Return a text for each file that is not what was written, with the remedy."""
        return [f"{name}: {_DAMAGED.format(self.system)}" for name in self.files if not self._is_same(name)]

    def _is_same(self, name: str) -> bool:
        try:
            return file_sha256(self.folder / name) == self.hashes[name]
        except OSError:
            return False

    @property
    def others(self) -> list[str]:
        """Names of its files besides the page and its sounds."""
        return sorted(name for name in self.files if name != PAGE and "/" not in name)


def is_name(text: str) -> bool:
    """Return whether a text is the name of the folder of an exported report."""
    return _NAME.fullmatch(text) is not None


def is_file_name(text: str) -> bool:
    """Return whether a text is safe as the name of a file of a report: letters, digits, ".", "_" and "-".

    The only folder is "sounds".
    """
    return _FILE.fullmatch(text) is not None


def exported(root: Path) -> list[Exported]:
    """Return the exported reports in a folder, newest first; folders that are damaged or none of ours are left out.

    Example:
        >>> [one.system for one in exported(Path(".tessitura/reports"))]
        ['separation', 'synthesis']
    """
    return sorted(_readable(root), key=lambda one: (one.made, one.folder.name), reverse=True)


def _readable(root: Path) -> Iterator[Exported]:
    for folder in root.iterdir() if root.is_dir() else ():
        try:
            yield Exported.read(folder)
        except (OSError, ValueError):
            continue


def damage(root: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield each exported report in a folder, with a text for each file of it that is not what was written."""
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if is_name(folder.name) and folder.is_dir() and not folder.is_symlink():
            yield folder, _damage(folder)


def _damage(folder: Path) -> list[str]:
    """Return a text for each file of an exported report that is not what was written."""
    try:
        return Exported.read(folder).damaged()
    except (OSError, ValueError):
        return [f"{MANIFEST}: {_DAMAGED.format('SYSTEM')}"]


def check_whole(place: Path) -> None:
    """Check that the exported report in a folder, or one of its files, is what was written.

    A folder that is no exported report, such as one that somebody else wrote, is not checked.

    Raises:
        InputError: a file of it is damaged; the message names it and the remedy.
    """
    folder = (place if place.is_dir() else place.parent).resolve()
    if is_name(folder.name) and folder.is_dir() and (found := _damage(folder)):
        raise InputError(f"{folder}: {'; '.join(found)}")


def latest(root: Path) -> dict[str, str]:
    """Return the name of each link in the folder "latest", by the name of the report folder that it points to."""
    links = [one for one in (root / LATEST).glob("*") if one.is_symlink() and is_file_name(one.name)]
    return {os.path.basename(os.readlink(one)): one.name for one in sorted(links)}


def check_folder(root: Path) -> None:
    """Check that nothing of somebody else would be replaced in a folder of reports; the folder need not exist.

    Raises:
        InputError: it is no folder, or has an index.html or an entry "latest" that is not ours; the message names it.
    """
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: is no folder; choose another place for the reports")
    index, links = root / INDEX, root / LATEST
    if os.path.lexists(index) and (index.is_symlink() or not index.is_file() or not _is_ours(index)):
        raise InputError(f"{index}: is no index of reports, so it is not replaced; choose an empty folder")
    if os.path.lexists(links) and (links.is_symlink() or not links.is_dir()):
        raise InputError(f"{links}: is no folder of links to reports, so it is not replaced; choose an empty folder")
    for link in links.glob("*"):
        if not link.is_symlink():
            raise InputError(f"{link}: is no link to a report, so it is not replaced; choose an empty folder")


def open_folder(root: Path) -> None:
    """Create a folder of reports if there is none, and bring its index page up to date.

    Raises:
        InputError: it cannot be written to, or something of somebody else would have to be replaced.
    """
    try:
        check_folder(root)
        root.mkdir(parents=True, exist_ok=True)
        write_index(root)
    except OSError as error:
        raise unwritable(root, error) from error


def unwritable(root: Path, error: OSError) -> InputError:
    """Return the error that says that a folder of reports cannot be used, and why."""
    named = OSError(error.errno, error.strerror, error.filename or str(root))
    return InputError(f"{explain(named)}, or choose another folder for the reports (TESSITURA_REPORTS or -o)")


def _is_ours(index: Path) -> bool:
    with open(index, "rb") as file:
        return _MARK in file.read(2000)


def point(root: Path, name: str, folder: Path) -> None:
    """Let the link `name` in the folder "latest" point to the folder of a report; the link is replaced in one rename.

    Args:
        root: folder of exported reports.
        name: name of the link, such as "separation-small".
        folder: folder of the report, in `root`.
    """
    link, target = root / LATEST / name, f"../{folder.name}"
    link.parent.mkdir(exist_ok=True)
    if link.is_symlink() and os.readlink(link) == target:
        return
    partial = link.with_name(f".{name}{SUFFIX}")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    os.replace(partial, link)


def write_index(root: Path) -> Path:
    """Write the index page of all exported reports, newest first, unless it is up to date, and return its path.

    Example:
        >>> write_index(Path(".tessitura/reports"))
        PosixPath('.tessitura/reports/index.html')
    """
    page, path = _render(root).encode(), root / INDEX
    if not path.is_file() or path.read_bytes() != page:
        write_bytes(path, page)
    return path


def _render(root: Path) -> str:
    from eval.report.inline import inline_page

    reports, links = exported(root), latest(root)
    newest = [(one, glance) for one in reports if one.folder.name in links and (glance := glance_of(one.folder))]
    own = {"mark": _MARK.decode(), "reports": reports, "newest": newest, "latest": links, "page": PAGE}
    style = _STYLE.read_text(encoding="utf-8")
    return inline_page(Path(__file__).parent, "index", "img-src data:; media-src data:", style, **own)
