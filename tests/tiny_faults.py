"""A layer of faults: the N-th call of a kind that touches a folder fails, for every N, as on a full or broken disk.

Calls of Python are caught: opening, writing, forcing to disk, renaming, making a folder. What a library writes itself
(safetensors, Arrow) is caught where we open it, force it to disk or rename it.
"""

import builtins
import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from data.errors import InputError

KINDS = ("open", "write", "fsync", "rename", "mkdir")


class Layer:
    """Counts the calls of one kind below a folder, and lets the one with a given number fail.

    Attributes:
        struck: whether that call was made.
    """

    def __init__(self, folder: Path, kind: str, number: int) -> None:
        self._folder, self._kind, self._left, self.struck = str(folder), kind, number, False

    def pass_by(self, kind: str, path: Any) -> None:
        """Count a call; raise "no space left on device" if it is the one that fails."""
        if isinstance(path, int):
            path = os.readlink(f"/proc/self/fd/{path}")
        if kind != self._kind or not os.fspath(path).startswith(self._folder):
            return
        self._left -= 1
        if self._left == 0:
            self.struck = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(path))

    def guarded(self, kind: str, function: Callable) -> Callable:
        """Return a function that is counted; its first argument is the path."""

        def call(*args: Any, **options: Any) -> Any:
            if "dir_fd" not in options:  # a folder that is being deleted
                self.pass_by(kind, args[0])
            return function(*args, **options)

        return call

    def opened(self, function: Callable) -> Callable:
        """Return `open`, counted, whose files count what is written to them."""

        def call(path: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
            if isinstance(path, int):
                return function(path, mode, *args, **options)
            self.pass_by("open", path)
            file = function(path, mode, *args, **options)
            return _Counted(file, self, path) if set(mode) & set("wax+") else file

        return call


class _Counted(io.IOBase):
    """An open file whose writes are counted."""

    def __init__(self, file: Any, layer: Layer, path: Any) -> None:
        self._file, self._layer, self._path = file, layer, path

    def write(self, content: Any) -> int:
        self._layer.pass_by("write", self._path)
        return self._file.write(content)

    def close(self) -> None:
        self._file.close()

    def __getattribute__(self, name: str) -> Any:
        own = ("_file", "_layer", "_path", "write", "close", "__enter__", "__exit__", "__class__")
        return object.__getattribute__(self, name) if name in own else getattr(self._file, name)

    def __enter__(self) -> "_Counted":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


@contextmanager
def failing(folder: Path, kind: str, number: int) -> Iterator[Layer]:
    """Context manager: lets the call `number`, from 1, of a kind fail that touches something below a folder."""
    layer = Layer(folder, kind, number)
    with ExitStack() as stack:
        for module in (builtins, io):
            stack.enter_context(patch.object(module, "open", layer.opened(module.open)))
        for name, one in (("open", "open"), ("fsync", "fsync"), ("write", "write"), ("mkdir", "mkdir"),
                          ("rename", "rename"), ("replace", "rename")):  # fmt: skip
            stack.enter_context(patch.object(os, name, layer.guarded(one, getattr(os, name))))
        yield layer


def every_failure(
    folder: Path,
    work: Callable[[], object],
    prepare: Callable[[], object] = lambda: None,
    kinds: tuple[str, ...] = KINDS,
) -> Iterator[tuple[str, int]]:
    """Do a work again and again, each time with another call that fails; yield kind and number after each failure.

    `prepare` is called before each attempt. The work may raise an OSError or InputError then, or survive it.
    """
    for kind in kinds:
        for number in count(1):
            prepare()
            with failing(folder, kind, number) as layer:
                try:
                    work()
                except (OSError, InputError):
                    assert layer.struck
            if not layer.struck:
                break
            yield kind, number
