"""Checks before the work whether a result can be written where it is wanted.

Only regular files are ever replaced: a device, a pipe or a folder of the same name is an error, also behind a link.
"""

import os
from collections.abc import Collection
from pathlib import Path

from data.errors import InputError
from data.files.durable import replacing_path
from data.files.regular import printable, reason


def check_target(path: Path, endings: Collection[str], source: Path | None = None) -> Path:
    """Check that a file can be written, and return the path to write to: where a link leads, otherwise `path`.

    Its folder is created if necessary.

    Args:
        path: file to write; it may exist.
        endings: endings of names that are accepted, such as ".wav".
        source: file that is read for it, which must be another one.

    Raises:
        InputError: the name has another ending, is too long, there is something that is no regular file, it is the
            source itself, or the folder cannot be written; the message names the file and says what to do.

    Example:
        >>> target = check_target(Path("vocals.wav"), [".wav", ".flac"], source=Path("song.mp3"))
    """
    name = printable(path)
    if path.suffix.lower() not in endings:
        raise InputError(f"{name}: it is written as {' or '.join(endings)}; give the file such an ending with -o")
    try:
        target = path.resolve() if path.is_symlink() else path
        if target.exists() and not target.is_file():
            raise InputError(f"{name}: is no regular file, and nothing else is replaced; choose another with -o")
        if source is not None and target.exists() and source.exists() and target.samefile(source):
            raise InputError(f"{name}: is the file that is read; choose another with -o")
        _try(target)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        raise InputError(f"{name}: cannot be written ({reason(error)}); choose another with -o") from error
    return target


def check_target_folder(path: Path) -> None:
    """Check that files can be written into a folder, and create it if necessary.

    Raises:
        InputError: it is no folder, or cannot be written; the message names it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        _try(path / "check")
    except OSError as error:
        raise InputError(
            f"{printable(path)}: no folder to write to ({reason(error)}); choose another with -o"
        ) from error


def _try(target: Path) -> None:
    """Write an empty file as `durable.replacing_path` would, and take it away again.

    Raises:
        OSError: it cannot be written.
    """

    class _Tried(Exception):
        """Ends the attempt, so that nothing is replaced."""

    try:
        with replacing_path(target) as partial:
            os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            raise _Tried
    except _Tried:
        pass
