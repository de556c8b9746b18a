"""Writes an exported report with everything that can be taken from it into one ZIP file, whole or absent.

The archive holds the exported files as they are (the page, JSON, Parquet, LaTeX, model card), each table of scores as
CSV too, and every sound of the page as a file, listed in sounds.csv. The same report gives the same bytes.
"""

import csv
import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

from data.files.durable import replacing_path
from data.files.targets import check_target
from pipelines.reports.folder import PAGE, Exported, check_whole

ENDING = ".zip"
_STORED = (".flac", ".mp3", ".ogg", ".parquet")  # are compressed already


def write_archive(folder: Path, path: Path) -> Path:
    """Write the archive of an exported report, and return its path.

    Args:
        folder: folder of the exported report (`pipelines.reports.export.export_report`).
        path: file to write, which ends with ".zip"; it is replaced if it exists.

    Raises:
        InputError: the file cannot be written, or the report is damaged; the message says why.
        ValueError: the folder is no exported report.

    Example:
        >>> write_archive(Path("reports/2026-11-29-060117-separation-small-3f2a9c01"), Path("separation.zip"))
        PosixPath('separation.zip')
    """
    target, report = check_target(path, [ENDING]), Exported.read(folder)
    check_whole(folder)
    with (
        replacing_path(target) as partial,
        open(partial, "wb") as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, content in _members(folder):
            entry = zipfile.ZipInfo(f"{folder.name}/{name}", _date(report.made))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_STORED if name.endswith(_STORED) else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content)
    return path


def _members(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files of the archive."""
    from data.files.tables import read_frame

    names = sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file())
    for name in names:
        yield name, (folder / name).read_bytes()
        if name.endswith(".parquet"):
            yield f"{name.removesuffix('.parquet')}.csv", read_frame(folder / name).to_csv(index=False).encode()
    page, sounds = _sounds((folder / PAGE).read_text(encoding="utf-8"))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("file", "sound"), *page])
    if page:
        yield "sounds.csv", table.getvalue().encode()
    yield from ((name, content) for name, content in sounds if name not in names)


def _sounds(page: str) -> tuple[list[tuple[str, str]], list[tuple[str, bytes]]]:
    """Return the sounds of a page: (file, what it is) of each, and name and content of those that lie in the page."""
    from eval.report.writing import sounds_apart

    linked, contents = sounds_apart(page)
    found: list[tuple[str, str]] = []

    class Sounds(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            values = dict(attrs)
            if tag == "audio" and values.get("src"):
                found.append((str(values["src"]), str(values.get("aria-label", ""))))

    Sounds().feed(linked)
    return found, sorted(contents.items())


def _date(made: datetime) -> tuple[int, int, int, int, int, int]:
    """Return the date of the files in the archive; ZIP knows none before 1980."""
    return (max(1980, made.year), made.month, made.day, made.hour, made.minute, made.second)
