"""Evaluations that are computed and saved in parts, so that they can be resumed.

Each part is saved as soon as it is finished. An evaluation that is interrupted loses only the parts in progress.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

from data.execution import Execution
from data.files.tables import read_frame, write_frame
from data.progress import Progress

Frames = Mapping[str, pd.DataFrame]

_FOLDER = "parts"
_THREADS = 2


def evaluate_in_parts(
    execution: Execution, names: Sequence[str], count: int, evaluate: Callable[[int], Frames], progress: Progress
) -> dict[str, pd.DataFrame]:
    """Evaluate all parts and return their tables, concatenated.

    Each part is saved when it is finished. A part that an earlier, interrupted call saved is read instead of
    evaluated again. Parts are identified by their number only, so every call must divide the work in the same way.

    Args:
        execution: its folder holds the saved parts, in the subfolder `parts`, until `clear_parts` is called.
        names: names of the tables that each part has.
        count: number of parts.
        evaluate: function that receives the number of a part (0 to `count` - 1) and returns the tables of this part
            by name. It is called from two threads at the same time.
        progress: is advanced by one for each part and finished at the end.

    Returns:
        The tables by name, with their rows in the order of the parts; empty tables if `count` is 0.

    Example:
        >>> progress = Progress("score", total=len(batches), unit="batches")
        >>> found = evaluate_in_parts(execution, ["scores"], len(batches), evaluate_batch, progress)
        >>> write_frame(execution.folder / "scores.parquet", found["scores"])
        >>> clear_parts(execution)
    """
    folder = execution.folder / _FOLDER
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in names}

    def part(number: int) -> tuple[Frames, bool]:
        paths = {name: _path(folder, number, name) for name in names}
        if all(path.is_file() for path in paths.values()):
            return {name: read_frame(path) for name, path in paths.items()}, True
        frames = evaluate(number)
        for name, path in paths.items():
            write_frame(path, frames[name])
        return frames, False

    with ThreadPoolExecutor(_THREADS) as pool:
        for frames, known in pool.map(part, range(count)):
            for name in names:
                found[name].append(frames[name])
            (progress.skip if known else progress.advance)(1)
    progress.finish()
    return {name: pd.concat(some, ignore_index=True) if some else pd.DataFrame() for name, some in found.items()}


def clear_parts(execution: Execution) -> None:
    """Delete the saved parts. Call it after the result of the whole evaluation has been saved."""
    shutil.rmtree(execution.folder / _FOLDER, ignore_errors=True)


def _path(folder: Path, number: int, name: str) -> Path:
    """Return the file of table `name` of part `number`."""
    return folder / f"{number:06d}-{name}.parquet"
