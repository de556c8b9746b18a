"""Finds recordings of singing in a folder: who sings what, in which channel, and where annotations lie.

Corpora are recognised by their own names of folders and files (`data.voices.corpora`), at any depth below the folder
that is searched:

    embedded    <singer>_<song>_<clip>.wav   stereo; marked by complete.json of the embedded singers; exact F0
    mir1k       <singer>_<song>_<clip>.wav   stereo: accompaniment left, voice right; <name>.pv with the pitch
    vocadito    vocadito_<n>.wav             <name>_f0.csv with the pitch
    ssvd        <name>.wav                   <name>_notes.tsv with the notes
    opensinger  ManRaw/<n>_<song>/…          also WomanRaw
    m4singer    <Voice>-<n>#<song>/…
    opencpop    wavs/<four or ten digits>.wav
    nus48e      <SINGER>/sing/<n>.wav        the spoken half in <SINGER>/read is left out
    folders     <singer>/…                   everything else: the first folder is the singer, the second the song

A CSV file with the columns "file" and "singer" (and "song", "language") overrides what names say about the files
beside it. Tracks of MUSDB18 are left out here: they come from the shards of `data.musdb.tracks`.
"""

import hashlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from data.errors import InputError
from data.files.listing import files_below, plain_name
from data.files.readers import SUFFIXES, open_sound
from data.files.regular import UnreadableFile, printable, read_regular, state
from data.voices.corpora import CORPORA, Names, folders
from data.voices.lists import Said, read_lists

MARKER = "complete.json"
KIND = "embedded singers"  # value of "kind" in the marker of the embedded singers
VOICE_RIGHT = 1
MEAN = -1
_LARGEST_MARKER = 1 << 20  # bytes of a complete.json
# Ending after the name of the recording, and the kind and the source of the annotation (`annotations.read_annotation`).
_ANNOTATIONS = (
    (".f0.csv", "f0", "table"),
    ("_f0.csv", "f0", "human"),
    (".pv", "pv", "human"),
    ("_notes.tsv", "notes", "human"),
)
_ANNOTATION_FOLDERS = (".", "f0", "notes", "../f0", "../PitchLabel", "../Annotations/F0")
_MUSDB = re.compile(r".+\.stem\.mp4|(mixture|drums|bass|other|vocals|accompaniment)\.wav")


@dataclass(frozen=True)
class Recording:
    """A file with singing.

    Attributes:
        path: the file.
        name: its path below the searched folder (`listing.plain_name`).
        names: layout, singer, song and language.
        channel: channel of the voice: 1 if the accompaniment is in channel 0, -1 for the mean of all channels.
        annotation: file that tells F0 or notes; None if there is none.
        kind: form of the annotation: "f0", "pv" or "notes", "" for none.
        f0_source: who made the annotation: "exact", "human" or "table", "" for none.
    """

    path: Path
    name: str
    names: Names
    channel: int = MEAN
    annotation: Path | None = None
    kind: str = ""
    f0_source: str = ""

    @property
    def singer(self) -> str:
        """Name of the singer."""
        return self.names.singer

    @property
    def accompanied(self) -> bool:
        """Whether the left channel holds the accompaniment."""
        return self.channel == VOICE_RIGHT


def find_recordings(folder: Path) -> list[Recording]:
    """Return the recordings of singing below a folder, sorted by their paths.

    Links are followed; a folder that is reached twice is read once. Hidden files are left out. Nothing is decoded here:
    a damaged file, a pipe, a link to nothing or a folder that cannot be read is found, and becomes a row of the
    quarantine table when it is ingested.

    Args:
        folder: folder with a folder for each singer, or with corpora.

    Raises:
        InputError: there is no such folder, it holds no recording, two files have the same name, or a list in it is
            damaged.

    Example:
        >>> for one in find_recordings(Path("voices")):
        ...     print(one.singer, one.path)
    """
    if not folder.is_dir():
        raise InputError(f"{printable(folder)}: no such folder; name a folder with a folder for each singer")
    files: dict[str, Path] = {}
    for path in files_below(folder):
        name = plain_name(path.relative_to(folder))
        if name in files:
            raise InputError(f"{printable(path)}: {printable(files[name])} has the same name; remove one of them")
        files[name] = path
    said = read_lists(files)
    found = [
        _recording(name, files, said.get(name), PurePosixPath(plain_name(folder.resolve().name)))
        for name in sorted(files)
        if _is_singing(PurePosixPath(name), files)
    ]
    if not found:
        raise InputError(
            f"{printable(folder)}: no recordings of singing ({' '.join(sorted(SUFFIXES))}) below it; "
            "expected a folder for each singer"
        )
    return found


def source_version(recordings: Sequence[Recording]) -> str:
    """Return a hash over names, singers, sizes and modification times of the files, not over their contents."""
    digest = hashlib.sha256()
    for one in recordings:
        digest.update(f"{one.name} {one.names}\n".encode())
        for path in (one.path, one.annotation):
            if path is not None:
                digest.update(f"{printable(path.name)} {state(path)}\n".encode())
    return digest.hexdigest()


def _is_singing(path: PurePosixPath, files: dict[str, Path]) -> bool:
    """Return whether a file is a recording, and neither part of MUSDB18 nor the spoken version of a song.

    A folder among the files is one that cannot be read; it may hold recordings.
    """
    if os.path.isdir(files[path.as_posix()]):
        return True
    spoken = path.parent.name == "read" and (path.parent.with_name("sing") / path.name).as_posix() in files
    return path.suffix.lower() in SUFFIXES and not _MUSDB.fullmatch(path.name) and not spoken


def _recording(name: str, files: dict[str, Path], said: Said | None, root: PurePosixPath) -> Recording:
    """Return the recording of a file; `root` is the name of the searched folder."""
    path, pure = files[name], PurePosixPath(name)
    names = next((one for one in (recognise(pure) for recognise in CORPORA) if one is not None), None)
    if names is None or (names.two_sided and not _is_stereo(path)):
        names = folders(pure if len(pure.parts) > 1 else root / pure)
    one = Recording(path, name, names, VOICE_RIGHT if names.two_sided else MEAN)
    for ending, kind, source in _ANNOTATIONS:
        for folder in _ANNOTATION_FOLDERS:
            place = _joined(pure.parent, folder, f"{pure.stem}{ending}")
            if one.annotation is None and place in files:
                one = replace(one, annotation=files[place], kind=kind, f0_source=source)
    if one.names.layout == "folders" and one.kind == "notes":
        one = replace(one, names=replace(one.names, layout="ssvd", singer=pure.stem, song=pure.stem))
    marker = (pure.parent / MARKER).as_posix()
    if marker in files and _is_embedded(files[marker]):
        one = replace(one, names=replace(one.names, layout="embedded"), f0_source="exact" if one.kind else "")
    return one if said is None else replace(one, names=_overridden(one.names, said))


def _joined(folder: PurePosixPath, below: str, name: str) -> str:
    """Return the path of a file in a folder named relative to another one; "../" is the folder above."""
    start = folder.parent if below.startswith("../") else folder
    return (start / below.removeprefix("../") / name).as_posix()


def _is_stereo(path: Path) -> bool:
    """Return whether a file has two channels; an unreadable one counts as if it had, and fails when it is ingested."""
    try:
        with open_sound(path) as file:
            return file.channels == 2
    except UnreadableFile:
        return True


def _is_embedded(marker: Path) -> bool:
    """Return whether a complete.json was written by `data.embedded.voices`."""
    try:
        found = json.loads(read_regular(marker, _LARGEST_MARKER))
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and found.get("kind") == KIND


def _overridden(names: Names, said: Said) -> Names:
    """Return names with those that a list says in place of the others."""
    return replace(
        names,
        singer=said.singer or names.singer,
        song=said.song or names.song,
        language=said.language or names.language,
    )
