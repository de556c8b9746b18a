"""Evaluations in parts, each kept as soon as it is finished: a stop costs one part, not everything before it."""

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
    """Return the tables of all parts, one below the other; what an earlier attempt has evaluated is read.

    Args:
        execution: its folder keeps the parts, in a folder `parts`, until `clear_parts`.
        names: of the tables that every part has.
        count: how many parts there are.
        evaluate: is given the number of a part and returns its tables by name. It is called on two threads.
        progress: is advanced by one a part.

    Returns:
        The tables by name, their rows in the order of the parts.
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
    """Delete the parts, once what was made of them is safe."""
    shutil.rmtree(execution.folder / _FOLDER, ignore_errors=True)


def _path(folder: Path, number: int, name: str) -> Path:
    return folder / f"{number:06d}-{name}.parquet"
