"""Recognises corpora of singing by the names of their folders and files.

A recogniser is a function of the path of a file below the searched folder; it returns what the path says, or None if
the path does not have the form of its corpus. `CORPORA` holds them in the order in which they are asked.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True)
class Names:
    """What the path of a recording says.

    Attributes:
        layout: name of the layout.
        singer: name of the singer.
        song: name of the song, "" if unknown.
        language: language of the words as a code such as "zh", "" if unknown.
        two_sided: whether the recording must have two channels, accompaniment left and voice right.
    """

    layout: str
    singer: str
    song: str = ""
    language: str = ""
    two_sided: bool = False


# Licences by layout, as their publishers state them; read their terms before use.
LICENCES = {
    "embedded": "none applies: made by this program",
    "m4singer": "M4Singer: CC BY-NC-SA 4.0",
    "mir1k": "MIR-1K: for research",
    "nus48e": "NUS-48E: for research",
    "opencpop": "Opencpop: CC BY-NC-ND 4.0",
    "opensinger": "OpenSinger: for research",
    "vocadito": "vocadito: CC BY 4.0",
}

_TWO_SIDED = re.compile(r"(?P<singer>[^\W_]+)_(?P<song>\d+)_\d+")
_VOCADITO = re.compile(r"vocadito_\d+")
_OPENSINGER = re.compile(r"(?P<singer>\d+)_(?P<song>.+)")
_M4SINGER = re.compile(r"(?P<singer>(Alto|Soprano|Tenor|Bass)-\d+)#(?P<song>.+)")
_OPENCPOP = re.compile(r"(?P<song>\d{4})(\d{6})?")


def two_sided(path: PurePosixPath) -> Names | None:
    """Recognise clips named as those of MIR-1K: <singer>_<song>_<clip>; songs are numbered for each singer."""
    found = _TWO_SIDED.fullmatch(path.stem)
    return found and Names("mir1k", found["singer"], f"{found['singer']}_{found['song']}", two_sided=True)


def vocadito(path: PurePosixPath) -> Names | None:
    """Recognise vocadito: vocadito_<n>; its table of metadata names the singers, else each file is a singer."""
    return Names("vocadito", path.stem) if _VOCADITO.fullmatch(path.stem) else None


def opensinger(path: PurePosixPath) -> Names | None:
    """Recognise OpenSinger: ManRaw/<n>_<song>/<n>_<song>_<part>, and WomanRaw; both number their singers from 0."""
    for above, here in zip(path.parts, path.parts[1:-1], strict=False):
        if above in ("ManRaw", "WomanRaw") and (found := _OPENSINGER.fullmatch(here)):
            return Names("opensinger", f"{above.removesuffix('Raw').lower()}-{found['singer']}", found["song"], "zh")
    return None


def m4singer(path: PurePosixPath) -> Names | None:
    """Recognise M4Singer: <Voice>-<n>#<song>/<part>."""
    found = _M4SINGER.fullmatch(path.parent.name)
    return found and Names("m4singer", found["singer"], found["song"], "zh")


def opencpop(path: PurePosixPath) -> Names | None:
    """Recognise Opencpop, which has one singer: wavs/<song of four digits>, followed by six digits in its segments."""
    found = _OPENCPOP.fullmatch(path.stem)
    return found and Names("opencpop", "opencpop", found["song"], "zh") if path.parent.name == "wavs" else None


def nus48e(path: PurePosixPath) -> Names | None:
    """Recognise the sung half of NUS-48E: <SINGER>/sing/<song of two digits>."""
    named = path.parent.name == "sing" and re.fullmatch(r"\d\d", path.stem)
    return Names("nus48e", path.parent.parent.name, path.stem, "en") if named else None


def folders(path: PurePosixPath) -> Names:
    """Take the first folder as the singer and the second one, if any, as the song."""
    return Names("folders", path.parts[0], path.parts[1] if len(path.parts) > 2 else "")


CORPORA: tuple[Callable[[PurePosixPath], Names | None], ...] = (
    opensinger,
    m4singer,
    opencpop,
    nus48e,
    vocadito,
    two_sided,
)
