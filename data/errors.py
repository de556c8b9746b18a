"""Exceptions for errors that a retry cannot fix, and the one line that tells a person of any error.

Errors that a retry cannot fix are invalid input, and training that cannot continue.
"""

import errno
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path


class PermanentError(Exception):
    """Base class of errors that would occur again on a retry; code that retries after failures must not retry these."""


class InputError(PermanentError, ValueError):
    """Invalid input: a file or a value from outside. The message names it, what is wrong and what to do."""


class NotFiniteError(PermanentError, FloatingPointError):
    """A network produced NaN or infinite values. The message says which network and what to do."""


class Stopped(Exception):
    """Work was stopped by a signal, or by its user. The message says where; it goes on from there when begun again."""


_REMEDIES = {
    errno.ENOSPC: "free space on that disk",
    errno.EDQUOT: "free space, the quota of that disk is used up",
    errno.EFBIG: "the file may not grow so large here (see ulimit -f)",
    errno.EACCES: "give this user the permission, or choose another place",
    errno.EPERM: "give this user the permission, or choose another place",
    errno.EROFS: "choose a place that can be written to",
    errno.ELOOP: "remove the link, which leads to itself",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "correct the path",
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "name a folder, not a file",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.EIO: "the disk cannot be read or written; check it",
}
_MEMORY = ("can't allocate memory", "cannot allocate memory", "out of memory", "bad_alloc")  # of torch and of C++


def is_memory_full(error: BaseException) -> bool:
    """Return whether an error says that no memory is left, of the machine or of a GPU.

    Python and NumPy raise MemoryError, the operating system ENOMEM, torch a RuntimeError (`torch.OutOfMemoryError` of a
    GPU).

    Example:
        >>> is_memory_full(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"))
        True
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return isinstance(error, RuntimeError) and any(one in str(error).lower() for one in _MEMORY)


def full_memory(error: BaseException) -> str:
    """Return which memory is full, for a message: that of the machine or of the GPU."""
    return f"the memory{' of the GPU' if 'cuda' in str(error).lower() else ''} is full"


def explain(error: BaseException, log: Path | None = None) -> str:
    """Return one line of text that tells a person of an error: the file or value, the cause, and the remedy.

    The line is the message of the outermost `PermanentError` in the chain of causes, since that one was written for a
    person and its own causes are details ("Resource temporarily unavailable"). Otherwise it tells of the outermost
    `OSError`, or error of a full memory, and of any other exception by its type and its message.

    Args:
        error: the exception.
        log: file to which the traceback is appended if there is no `PermanentError`; the line then names it. None
            records no traceback.

    Example:
        >>> explain(InputError("song.wav: cut off; fetch it again"))
        'song.wav: cut off; fetch it again'
        >>> explain(OSError(errno.ENOSPC, "No space left on device", "model.safetensors"))
        'model.safetensors: no space left on device; free space on that disk'
    """
    chain = list(_chain(error))
    for one in chain:
        if isinstance(one, PermanentError):
            return _line(one)
    system = next((one for one in chain if isinstance(one, OSError) or is_memory_full(one)), None)
    line = f"unexpected {type(error).__name__}: {_line(error)}" if system is None else _of_system(system)
    place = None if log is None else _record(error, log)
    return line if place is None else f"{line} (traceback in {place})"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, its cause, the cause of that, and so on."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        hidden = following.__suppress_context__
        following = following.__cause__ or (None if hidden else following.__context__)


def _line(error: BaseException) -> str:
    """Return the message of an error as one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _of_system(error: BaseException) -> str:
    """Return file, cause and remedy of an error of the operating system, or of a full memory."""
    if not isinstance(error, OSError) or is_memory_full(error):
        return f"{full_memory(error)}; end other programs, or choose a smaller preset or batch"
    said = (error.strerror or _line(error)).rstrip(".")
    names = [str(one) for one in (error.filename, error.filename2) if one is not None]
    said = f"{' to '.join(names)}: {said[:1].lower()}{said[1:]}" if names else said
    remedy = _REMEDIES.get(error.errno or 0)
    return said if remedy is None else f"{said}; {remedy}"


def _record(error: BaseException, log: Path) -> Path | None:
    """Append a traceback with the time to a log, and return the log, or None where it cannot be written."""
    text = "".join(traceback.format_exception(error))
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}\n{text}\n")
    except OSError:  # the disk is full, or this is what failed
        return None
    return log
