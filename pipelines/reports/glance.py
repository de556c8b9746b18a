"""What the page over all reports shows of a report at a glance: its front (`eval.report.front`), read from front.json.

The folder of reports may have been edited or copied from elsewhere, so nothing in the file is believed: texts are
limited, and pictures and sounds are taken only as data: URIs of their kind.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.files.durable import read_json

_LARGEST = 3_000_000  # bytes of a front.json
_LONGEST = 600  # characters of a text
_MOST = 8  # numbers or sentences
_PICTURE = re.compile(r"data:image/png;base64,[A-Za-z0-9+/]*={0,2}")
_SOUND = re.compile(r"data:audio/(flac|wav|ogg);base64,[A-Za-z0-9+/]*={0,2}")


@dataclass(frozen=True)
class Glance:
    """The front of a report.

    Attributes:
        title: title of the report.
        done: what was done on what data.
        numbers: label, value and interval of each number.
        verdict: the verdict, with the worst finding.
        champion: what is in use, and how it compares; "" if nothing is told.
        label: name of the sound; "" without one.
        sound: data: URI of a sound; "" for none.
        picture: data: URI of its spectrogram; "" for none.
    """

    title: str
    done: str
    numbers: Sequence[tuple[str, str, str]]
    verdict: str
    champion: str
    label: str
    sound: str
    picture: str


def glance_of(folder: Path) -> Glance | None:
    """Return the front of the report in a folder; None if it has none, or one that cannot be read.

    Example:
        >>> glance_of(Path("reports/2026-11-29-060117-separation-small-3f2a9c01"))
    """
    from eval.report.front import FRONT  # brings numpy, which the asset graph loads without

    path = folder / FRONT
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LARGEST:
            return None
        told = read_json(path)
        sound = told["sound"] or {}
        numbers = [
            (_text(one["label"]), _text(one["value"]), _text(one["interval"])) for one in told["numbers"][:_MOST]
        ]
        return Glance(
            _text(told["title"]),
            _text(told["done"]),
            numbers,
            " ".join(map(_text, told["verdict"][:_MOST])),
            _text(told["champion"]),
            _text(sound.get("label", "")),
            _matching(_SOUND, sound.get("source", "")),
            _matching(_PICTURE, sound.get("picture", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return None


def printable_text(value: Any) -> str:
    """Return a value as text that can be written as UTF-8, whatever JSON made of it."""
    return str(value).encode("utf-8", "replace").decode()


def _text(value: Any) -> str:
    return printable_text(value)[:_LONGEST]


def _matching(form: re.Pattern[str], value: Any) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else ""
