"""Finds the sources of tracks in a folder, in the layouts that separation programs write.

    <track>/<source>.wav                                  a folder a track: MUSDB18-HQ, Spleeter, Open-Unmix
    <model>/<track>/<source>.wav                          the same below one more folder: Demucs
    <track>_(<Source>).wav, <track>_(<Source>)_<model>.wav    all tracks in one folder: Ultimate Vocal Remover
    <track>_<source>.wav                                  the same with plain names

The sum of everything but the vocals has several names (`no_vocals`, `instrumental`, `accompaniment`); all are taken for
one source, "accompaniment". Names are compared in Unicode form NFC. Mixtures are left out.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

from data.errors import InputError
from data.files.listing import files_below, plain_name
from data.files.readers import SUFFIXES
from data.files.regular import printable
from eval.separation.sounds import ACCOMPANIMENT, VOCALS

_NAMES = {
    **dict.fromkeys(("vocals", "vocal"), VOCALS),
    **dict.fromkeys(
        ("accompaniment", "no_vocals", "instrumental", "instrumentals", "instrument", "inst", "other_than_vocals"),
        ACCOMPANIMENT,
    ),
    **{name: name for name in ("drums", "bass", "other", "piano", "guitar", "no_drums", "no_bass", "no_other")},
}
_NO_SOURCES = ("mixture", "linear_mixture")
_IN_BRACKETS = re.compile(r"(?P<track>.+?)[ _-]*\((?P<source>[^()]+)\)(_.*)?")
_PLAIN = re.compile(
    rf"(?P<track>.+?)[ _-]+(?P<source>{'|'.join(sorted(_NAMES, key=len, reverse=True))})", re.IGNORECASE
)
_NUMBERED = re.compile(r"\d+_(?P<track>.+)")


@dataclass
class Found:
    """The tracks in a folder.

    Attributes:
        tracks: paths of the files by track and source.
        taken: what was taken for what, as sentences, each once.
    """

    tracks: dict[str, dict[str, Path]] = field(default_factory=dict)
    taken: list[str] = field(default_factory=list)

    def add(self, track: str, name: str, path: Path) -> None:
        """Add a file whose name says that it is the source `name` of a track; mixtures are left out.

        Raises:
            InputError: the track has the source already; the message names both files.
        """
        source = _source(name) or name
        if source in _NO_SOURCES:
            return
        sources = self.tracks.setdefault(track, {})
        if source in sources:
            raise InputError(
                f"{printable(path)}: {printable(sources[source].name)} is the {source} of {track} too; remove one"
            )
        sources[source] = path
        if source != name.lower():
            self.tell(f"{name} is taken for {source}")

    def tell(self, text: str) -> None:
        """Note what was taken for what."""
        if text not in self.taken:
            self.taken.append(text)


def find_tracks(folder: Path) -> Found:
    """Return the tracks in a folder, in whichever of the layouts (module docstring).

    Raises:
        InputError: the folder does not exist or holds no track, several models, or two files of one source.

    Example:
        >>> find_tracks(Path("separated")).taken
        ['the tracks are those below htdemucs', 'no_vocals is taken for accompaniment']
    """
    if not folder.is_dir():
        raise InputError(f"{printable(folder)}: no such folder")
    files = [path.relative_to(folder) for path in files_below(folder) if path.suffix.lower() in SUFFIXES]
    in_folders = [one for one in files if len(one.parts) == 2]
    flat = [(one, named) for one in files if len(one.parts) == 1 and (named := _track_and_source(one))]
    deeper = {one.parts[0] for one in files if len(one.parts) == 3}
    found = Found()
    for one in in_folders:
        bracketed = _IN_BRACKETS.fullmatch(one.stem)
        name = bracketed["source"] if bracketed and _source(bracketed["source"]) else one.stem
        found.add(plain_name(one.parent), plain_name(name), folder / one)
    if not in_folders:
        for one, (track, name) in flat:
            found.add(track, name, folder / one)
    if not found.tracks and len(deeper) == 1:
        (model,) = deeper
        below = find_tracks(folder / model)
        return Found(below.tracks, [f"the tracks are those below {printable(model)}", *below.taken])
    found.tracks = {track: sources for track, sources in found.tracks.items() if sources}
    if not found.tracks:
        several = f" (or one of its folders: {', '.join(map(printable, sorted(deeper)[:5]))})" if deeper else ""
        raise InputError(
            f"{printable(folder)}: no tracks inside{several}; expected <track>/<source>.wav or "
            f"<track>_(<Source>).wav, with sources such as {VOCALS} and {ACCOMPANIMENT}"
        )
    return found


def without_numbers(made: Found, true: Found) -> Found:
    """Return the estimates with the number taken off that Ultimate Vocal Remover puts before names: `1_<track>`.

    Only names without a reference are changed, and only to those of references without an estimate.
    """
    renamed = {}
    for track, sources in made.tracks.items():
        number = _NUMBERED.fullmatch(track)
        plain = number["track"] if number else track
        fits = track not in true.tracks and plain in true.tracks and plain not in {*made.tracks, *renamed}
        renamed[plain if fits else track] = sources
        if fits:
            made.tell(f"{track} is taken for {plain}")
    return Found(renamed, made.taken)


def _source(name: str) -> str | None:
    """Return the source that a name stands for, None for a name that is not known."""
    return _NAMES.get(re.sub(r"[ -]", "_", name.lower()))


def _track_and_source(path: Path) -> tuple[str, str] | None:
    """Return track and source that the name of a file in one folder with all others says, None if it says none."""
    for pattern in (_IN_BRACKETS, _PLAIN):
        named = pattern.fullmatch(plain_name(path.stem))
        if named and _source(named["source"]):
            return named["track"], named["source"]
    return None
