"""Describes MUSDB18 and MUSDB18-HQ: where to find them, their tracks, sources and splits.

MUSDB18 (Rafii et al. 2017, doi 10.5281/zenodo.1117372): 150 songs, 100 for training and 50 for testing, 44.1 kHz
stereo, four sources and their mixture. It exists in two forms, each as a folder or as the official zip:

    MUSDB18     train/<Artist - Title>.stem.mp4         five AAC streams, mixture first
    MUSDB18-HQ  train/<Artist - Title>/<source>.wav     five 16-bit WAV files

Beside train/ and test/ a folder may have valid/, with songs of one's own that are validated on, as are the songs of
train/ that are usual for it (`VALIDATION`).

`data.musdb.stems` reads the tracks.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from data.errors import InputError
from data.files.download import Remote, fetch
from data.files.listing import plain_name
from data.files.regular import is_clutter, printable, state
from data.files.zips import open_zip
from data.progress import Listener, ignore

LICENCE = "102 songs restricted to academic use, 46 CC BY-NC-SA, 2 CC BY-NC-SA 3.0"
CITATION = "Rafii, Liutkus, Stöter, Mimilakis, Bittner: The MUSDB18 corpus for music separation, 2017"
SAMPLE_RATE = 44_100
CHANNELS = 2
SOURCES = ("mixture", "drums", "bass", "other", "vocals")  # the order of the streams of a stem.mp4
STEM_SUFFIX = ".stem.mp4"
SUBSETS = ("train", "valid", "test")
GROUPS = tuple(f"group-{number}" for number in range(4))  # an additional song changes only its own group

OFFICIAL = {
    "musdb18hq": Remote(
        "https://zenodo.org/records/3338373/files/musdb18hq.zip",
        size=22_656_664_047,
        sha256="baac80d0483c61d74b2e5f3be75fa557eec52898339e6aa45c1fa48833c5d21d",
        magic=b"PK",
    ),
    "musdb18": Remote("https://zenodo.org/records/1117372/files/musdb18.zip", size=4_684_228_845, magic=b"PK"),
}

_TRAINING_TRACKS = 100
# The validation set usual in the field (musdb's mus.yaml, torchaudio); the other 86 training tracks are for training.
VALIDATION = frozenset(
    {
        "Actions - One Minute Smile",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Johnny Lokke - Promises & Lies",
        "Patrick Talbot - A Reason To Leave",
        "Triviul - Angelsaint",
        "Alexander Ross - Goodbye Bolero",
        "Fergessen - Nos Palpitants",
        "Leaf - Summerghost",
        "Skelpolu - Human Mistakes",
        "Young Griffo - Pennies",
        "ANiMAL - Rockshow",
        "James May - On The Line",
        "Meaxic - Take A Step",
        "Traffic Experiment - Sirens",
    }
)


@dataclass(frozen=True)
class Track:
    """A song on disk.

    Attributes:
        name: "Artist - Title", in Unicode form NFC.
        subset: "train", "valid" or "test", as on disk.
        place: a .stem.mp4 file, a folder of WAV files, or the zip that contains either.
        member: path inside the zip, "" if there is no zip.
        split: "train", "valid" or "test".
        left_out: name of another form of the same song beside it, which is not read; "" if there is none.
    """

    name: str
    subset: str
    place: Path
    member: str = ""
    split: str = ""
    left_out: str = ""

    @property
    def is_stem(self) -> bool:
        """Whether it is a .stem.mp4 file rather than a folder of WAV files."""
        return (self.member or self.place.name).endswith(STEM_SUFFIX)

    @property
    def shown(self) -> str:
        """Its path below the folder or in the zip, for messages."""
        return self.member or f"{self.subset}/{printable(self.place.name)}"


def locate(location: str, downloads: Path, listener: Listener = ignore) -> list[Track]:
    """Return the tracks at `location`, sorted by subset and name, with their splits.

    Args:
        location: folder, zip, or a name of `OFFICIAL` ("musdb18", "musdb18hq"), which is downloaded first.
        downloads: folder for downloaded archives.
        listener: callback that receives progress reports of the download.

    Raises:
        InputError: no track is found, a name occurs twice, `location` is a URL, or the download fails.

    Example:
        >>> tracks = locate("musdb18hq", Path("downloads"), listener=print)
    """
    if location in OFFICIAL:
        path = fetch(OFFICIAL[location], downloads / f"{location}.zip", listener=listener)
    elif location.startswith(("http://", "https://")):
        raise InputError(f"{location}: name a folder, a zip, or one of {', '.join(OFFICIAL)}")
    else:
        path = Path(location).expanduser()
    return find_tracks(path)


def find_tracks(path: Path) -> list[Track]:
    """Return the tracks in a local folder or zip, sorted by subset and name, with their splits.

    Raises:
        InputError: no track is found, or a name occurs twice.
    """
    tracks = sorted(_zipped(path) if path.is_file() else _in_folder(path), key=lambda one: (one.subset, one.name))
    if not tracks:
        raise InputError(
            f"{path}: no MUSDB18 here; expected train/ and test/ with <Artist - Title>{STEM_SUFFIX} files, "
            f"or with a folder a track that holds {', '.join(f'{one}.wav' for one in SOURCES)}"
        )
    tracks = _each_once(path, tracks)
    held_out = _held_out(tracks)
    return [replace(track, split="valid" if track.name in held_out else track.subset) for track in tracks]


def _each_once(path: Path, tracks: Sequence[Track]) -> list[Track]:
    """Return one track of each name: of a song in both forms, the folder if it is complete, otherwise the stem file.

    Raises:
        InputError: a name occurs in two subsets, or twice in the same form; the message names both places.
    """
    forms: dict[str, list[Track]] = defaultdict(list)
    for track in tracks:
        forms[track.name].append(track)
    found = []
    for name, some in forms.items():
        first, *others = sorted(some, key=lambda one: (not _is_complete(one), not one.is_stem))
        if not others:
            found.append(first)
            continue
        places = " and ".join(one.shown for one in some)
        if len({one.subset for one in some}) > 1:
            raise InputError(f"{printable(path)}: {name} is in two subsets ({places}) and would leak; remove one")
        if len({one.is_stem for one in some}) < len(some):
            raise InputError(f"{printable(path)}: two tracks of the name {name} ({places}); remove one")
        found.append(replace(first, left_out=others[0].shown))
    return found


def _is_complete(track: Track) -> bool:
    """Return whether a track is a folder with all its sources."""
    wanted = [f"{source}.wav" for source in SOURCES]
    if track.is_stem:
        return False
    if track.member:
        return all(f"{track.member}/{name}" in open_zip(track.place).names for name in wanted)
    return all(os.path.isfile(track.place / name) for name in wanted)


def _held_out(tracks: Sequence[Track]) -> set[str]:
    """Return the names of the tracks of train/ that are used for validation.

    These are the tracks of `VALIDATION` among them. If there are none, and no folder valid/, the same share of the
    tracks is chosen by hash.
    """
    names = {track.name for track in tracks if track.subset == "train"}
    if (named := names & VALIDATION) or any(track.subset == "valid" for track in tracks):
        return named
    order = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    return set(order[: round(len(names) * len(VALIDATION) / _TRAINING_TRACKS)])


def source_version(tracks: Sequence[Track]) -> str:
    """Return a hash over names, splits, file sizes and modification times of the tracks, not over their contents."""
    digest = hashlib.sha256()
    for track in tracks:
        for path in _files(track):
            where = f"{track.subset}/{track.name}/{track.member}/{printable(path.name)}"
            digest.update(f"{where} {track.split} {state(path)}\n".encode())
    return digest.hexdigest()


def _files(track: Track) -> list[Path]:
    """Return the files of a track, sorted; what cannot be listed is one."""
    try:
        return sorted(path for path in track.place.iterdir() if not is_clutter(path.name))
    except OSError:
        return [track.place]


def group_of(name: str) -> str:
    """Return which of `GROUPS` a track belongs to. It depends on the name only, so it is the same on every machine."""
    return GROUPS[int(hashlib.sha256(name.encode()).hexdigest(), 16) % len(GROUPS)]


def _in_folder(root: Path) -> Iterator[Track]:
    """Yield the tracks below `root`/train, valid and test: stem files, and every folder, usable or not.

    Links to nothing are tracks that are quarantined, as git-annex leaves them where the content was not fetched.
    """
    for subset in SUBSETS:
        folder = root / subset
        for path in sorted(folder.iterdir()) if folder.is_dir() else []:
            is_folder = os.path.isdir(path) or (path.is_symlink() and not os.path.exists(path))
            if not is_clutter(path.name) and (path.name.endswith(STEM_SUFFIX) or is_folder):
                yield Track(plain_name(path.name.removesuffix(STEM_SUFFIX)), subset, path)


def _zipped(archive: Path) -> Iterator[Track]:
    """Yield the tracks of an official zip; nothing is unpacked.

    Raises:
        InputError: the file is not a zip.
    """
    seen = set()
    for name in open_zip(archive).names:
        parts = PurePosixPath(name).parts
        subset = next((number for number, part in enumerate(parts) if part in SUBSETS), None)
        if subset is None or len(parts) < subset + 2:
            continue
        title, member = parts[subset + 1], "/".join(parts[: subset + 2])
        is_stem = len(parts) == subset + 2 and title.endswith(STEM_SUFFIX)
        is_source = len(parts) == subset + 3 and parts[-1].endswith(".wav")
        if (is_stem or is_source) and member not in seen:
            seen.add(member)
            yield Track(plain_name(title.removesuffix(STEM_SUFFIX)), parts[subset], archive, member)
