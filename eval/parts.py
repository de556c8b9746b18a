"""Evaluations that are computed and saved in parts, so that they can be resumed; several processes share the work.

Each part is saved as soon as it is finished. An evaluation that is interrupted loses only the parts in progress.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import pandas as pd

from data.execution import Execution
from data.files.tables import read_frame, write_frame
from data.processes import map_in_order
from data.progress import Progress

Frames = Mapping[str, pd.DataFrame]
Part = TypeVar("Part")

_FOLDER = "parts"


def evaluate_in_parts(
    execution: Execution,
    names: Sequence[str],
    parts: Sequence[Part],
    evaluate: Callable[[Part], Frames],
    progress: Progress,
) -> dict[str, pd.DataFrame]:
    """Evaluate all parts and return their tables, concatenated.

    Each part is saved when it is finished. A part that an earlier, interrupted call saved is read instead of
    evaluated again. Parts are identified by their number only, so every call must divide the work in the same way.
    The tables do not depend on the number of processes.

    Args:
        execution: its folder holds the saved parts, in the subfolder `parts`, until `clear_parts` is called; as many
            processes evaluate as it has `workers`.
        names: names of the tables that each part has.
        parts: what is evaluated together: names, or lists of them.
        evaluate: returns the tables of a part by name. It is sent to the processes: a method of a `Reopened`.
        progress: is advanced by one for each part and finished at the end.

    Returns:
        The tables by name, with their rows in the order of the parts; empty tables if there is no part.

    Raises:
        InputError: a process was ended from outside.

    Example:
        >>> progress = Progress("score", total=len(tracks), unit="songs")
        >>> found = evaluate_in_parts(execution, ["scores"], tracks, evaluation.score, progress)
        >>> write_frame(execution.folder / "scores.parquet", found["scores"])
        >>> clear_parts(execution)
    """
    folder = execution.folder / _FOLDER
    paths = [{name: _path(folder, number, name) for name in names} for number in range(len(parts))]
    todo = [number for number, one in enumerate(paths) if not all(path.is_file() for path in one.values())]
    progress.skip(len(parts) - len(todo))
    found: dict[int, Frames] = {}
    with closing(map_in_order(evaluate, [parts[number] for number in todo], execution.workers)) as made:
        for number, found[number] in zip(todo, made, strict=True):
            for name, path in paths[number].items():
                write_frame(path, found[number][name])
            progress.advance()
    progress.finish()
    for number in sorted(set(range(len(parts))) - set(todo)):
        found[number] = {name: read_frame(path) for name, path in paths[number].items()}
    tables = {name: [found[number][name] for number in range(len(parts))] for name in names}
    return {name: pd.concat(some, ignore_index=True) if some else pd.DataFrame() for name, some in tables.items()}


def clear_parts(execution: Execution) -> None:
    """Delete the saved parts. Call it after the result of the whole evaluation has been saved."""
    shutil.rmtree(execution.folder / _FOLDER, ignore_errors=True)


def _path(folder: Path, number: int, name: str) -> Path:
    """Return the file of table `name` of part `number`."""
    return folder / f"{number:06d}-{name}.parquet"
