"""Writes a report: the page, its front for the index of reports, and its tables as LaTeX.

A page of at most 25 MB is one file that holds everything. A larger one has its sounds beside it, in the folder
"sounds", and says so. The sounds are the same in both forms: lossless (FLAC) where systems are compared, since a lossy
codec would add artifacts that might be taken for those of a system, and small (MP3) on maps.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from data.files.durable import write_bytes
from eval.report.blocks import Table
from eval.report.document import Document, render
from eval.report.exports import latex
from eval.report.front import write_front

PAGE, SOUNDS, TABLES = "report.html", "sounds", "tables.tex"
LARGEST = 25_000_000  # bytes of a page that is one file
ENDINGS = {"audio/flac": "flac", "audio/mpeg": "mp3", "audio/ogg": "ogg", "audio/wav": "wav"}
_SOUND = re.compile(r"data:(audio/[a-z]+);base64,([A-Za-z0-9+/]+={0,2})")


def write_document(folder: Path, document: Document, largest: int = LARGEST) -> dict[str, Any]:
    """Write report.html, front.json and tables.tex, and the folder "sounds" if the page would be too large.

    Args:
        folder: folder that receives the files.
        document: the report.
        largest: size in bytes above which sounds lie beside the page.

    Returns:
        Size of the page in "megabytes".

    Example:
        >>> write_document(Path("report"), document)
        {'megabytes': 12.3}
    """
    page, sounds = render(document), {}
    if len(page.encode()) > largest:
        page, sounds = sounds_apart(render(replace(document, apart=True)))
    for name, content in sounds.items():
        write_bytes(folder / name, content)
    write_bytes(folder / PAGE, page.encode())
    write_front(folder, document.title, document.front)
    tables = [one for section in document.sections for one in section.blocks if isinstance(one, Table)]
    write_bytes(folder / TABLES, "\n".join(map(latex, tables)).encode())
    return {"megabytes": round(len(page.encode()) / 1e6, 2)}


def sounds_apart(page: str) -> tuple[str, Mapping[str, bytes]]:
    """Take the sounds out of a page.

    Args:
        page: text of a page with sounds as data: URIs.

    Returns:
        The page with links to files in their place, and the content of these files by name, such as
        "sounds/3f2a9c01d4e6b870.flac". Equal sounds are one file.
    """
    found: dict[str, bytes] = {}

    def linked(match: re.Match[str]) -> str:
        content = base64.b64decode(match[2])
        name = f"{SOUNDS}/{hashlib.sha256(content).hexdigest()[:16]}.{ENDINGS.get(match[1], 'bin')}"
        found[name] = content
        return name

    return _SOUND.sub(linked, page), found
