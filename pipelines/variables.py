"""Checks the names of environment variables and reads the names that a file .env sets."""

import difflib
import io
from collections.abc import Iterable
from pathlib import Path

from dotenv.parser import parse_stream

from data.errors import InputError

PREFIX = "TESSITURA_"
FROZEN = "TESSITURA_FROZEN"  # variable that passes settings, as JSON, to the processes that this one starts


def check_names(names: Iterable[str], place: str, known: Iterable[str]) -> None:
    """Raise an error if one of the names of variables starts with TESSITURA_ and is no setting.

    Args:
        names: names of variables.
        place: text in front of the name in the message.
        known: names of the settings, without TESSITURA_.

    Raises:
        InputError: the message names the variable and the setting that may be meant.
    """
    known = sorted(one.upper() for one in known)
    for name in names:
        rest = name.upper().removeprefix(PREFIX)
        if name.upper().startswith(PREFIX) and name.upper() != FROZEN and rest not in known:
            near = difflib.get_close_matches(rest, known, 1)
            remedy = f"do you mean {PREFIX}{near[0]}?" if near else f"there are {PREFIX}{f', {PREFIX}'.join(known)}"
            raise InputError(f"{place}{name} is no setting; {remedy}")


def names_in(file: Path) -> list[str]:
    """Return the names of the variables that a file .env sets.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or has a line that is no NAME=VALUE.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; make it readable or remove it") from error
    names = []
    for binding in parse_stream(io.StringIO(text)):
        if binding.error or (binding.key is not None and binding.value is None):
            skipped = len(binding.original.string) - len(binding.original.string.lstrip())
            line = binding.original.line + binding.original.string[:skipped].count("\n")
            said = binding.original.string.strip().splitlines()[0]
            raise InputError(
                f"{file}, line {line}: {said!r} cannot be read; write NAME=VALUE, and close quotes on the same line"
            )
        if binding.key is not None:
            names.append(binding.key)
    return names
