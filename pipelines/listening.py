"""Copies listening tests out of the store, and prints what listeners said."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assets.environment import Configuration
from assets.listening import INDEX
from assets.store.pointers import find
from data.errors import InputError
from data.files.durable import new_folder
from data.files.regular import printable
from data.files.targets import check_target_folder
from pipelines.definitions import make_graph
from pipelines.jobs import find_system
from pipelines.settings import Settings

if TYPE_CHECKING:
    from eval.report.document import Block


def export_tests(settings: Settings, system: str, output: Path) -> list[Path]:
    """Copy the current listening tests of a system into a folder, each into a folder of its own.

    A test that lies there already is left as it is, so results beside it are never lost.

    Args:
        settings: the settings, such as the preset.
        system: name of the system.
        output: the folder.

    Returns:
        The folders of the tests, "SYSTEM-KIND-TEST".

    Raises:
        InputError: there is no such system, there are no tests yet, or the folder cannot be written to.

    Example:
        >>> export_tests(Settings.read(), "separation", Path("tests"))
    """
    graph = make_graph(settings)
    slot = graph.registry.assets[f"{find_system(system).name}_listening_tests"].slot(Configuration(graph.environment))
    version = find(slot)
    if version is None:
        raise InputError(f"no {slot.name} in {settings.store_folder} yet; make it with: tessitura run {system}")
    check_target_folder(output)
    made = json.loads((version / INDEX).read_text())
    folders = []
    for kind, told in made.items():
        if "test" not in told:
            continue
        folder = output / f"{system}-{kind}-{told['test']}"
        if not folder.exists():
            with new_folder(folder) as partial:
                shutil.copytree(version / kind, partial, dirs_exist_ok=True)
        folders.append(folder)
    if not folders:
        reasons = "; ".join(f"{kind}: {told['left out']}" for kind, told in made.items())
        raise InputError(f"{printable(version)}: no listening test could be made ({reasons})")
    return folders


def lines(blocks: "Sequence[Block]") -> Iterator[str]:
    """Yield paragraphs and tables of a report as lines of text."""
    from eval.report.blocks import Table, Text

    for block in blocks:
        if isinstance(block, Text):
            yield from (block.text, "")
        elif isinstance(block, Table):
            rows = [list(block.columns), *(list(row) for row in block.rows)]
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            yield block.caption
            yield from (_aligned(row, widths, block.words) for row in rows)
            yield from ([f"  {block.note}", ""] if block.note else [""])


def _aligned(row: Sequence[str], widths: Sequence[int], words: int) -> str:
    """Return the cells of a row as a line: the first ones, words, to the left, and numbers to the right."""
    cells = zip(row, widths, strict=True)
    shown = [cell.ljust(width) if place < words else cell.rjust(width) for place, (cell, width) in enumerate(cells)]
    return f"  {'  '.join(shown)}".rstrip()
