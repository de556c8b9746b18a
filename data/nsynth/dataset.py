"""Describes NSynth: where to find it, the ranges of its labels, and the split used by SING.

NSynth (Engel et al. 2017, arXiv 1704.01279): 305,979 notes of 1,006 instruments, 4 s each, 16 kHz mono 16-bit: 3 s held
and 1 s of decay. Peaks are normalised, so the level does not depend on the velocity. On disk:
`nsynth-<part>/examples.json` (one object keyed by note name) and `nsynth-<part>/audio/<note name>.wav`, as a folder
or as an archive `.jsonwav.tar.gz`.

There are two splits with different purposes. The official one separates *instruments*. SING learns an embedding per
instrument and cannot play unseen ones, so it splits the official training part by *(instrument, pitch)* instead
(`completion_split`); its splits share instruments on purpose.
"""

import hashlib
import os
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pyarrow as pa

from data.errors import InputError
from data.files.download import Remote, fetch
from data.files.names import is_id
from data.files.regular import is_clutter, printable, state
from data.progress import Listener, ignore

LICENCE = "CC BY 4.0"
CITATION = "Engel et al., Neural Audio Synthesis of Musical Notes with WaveNet Autoencoders, ICML 2017"
SAMPLE_RATE = 16_000
FRAMES = 64_000
INSTRUMENTS = 1_006
PITCHES = 121
VELOCITIES = (25, 50, 75, 100, 127)
KEYBOARD = range(21, 109)
FAMILIES = (
    "bass", "brass", "flute", "guitar", "keyboard", "mallet", "organ", "reed", "string", "synth_lead", "vocal",
)  # fmt: skip
SOURCES = ("acoustic", "electronic", "synthetic")
QUALITIES = (
    "bright", "dark", "distortion", "fast_decay", "long_release", "multiphonic", "nonlinear_env", "percussive",
    "reverb", "tempo-synced",
)  # fmt: skip

_HOST = "http://download.magenta.tensorflow.org/datasets/nsynth/"
# The publisher gives no sizes or checksums; the gzip CRC is verified while ingesting.
OFFICIAL = {
    part: Remote(f"{_HOST}nsynth-{part}.jsonwav.tar.gz", magic=b"\x1f\x8b") for part in ("train", "valid", "test")
}

LABELS = pa.schema(
    [
        ("note", pa.int64()),
        ("instrument", pa.int32()),
        ("instrument_name", pa.string()),
        ("pitch", pa.int32()),
        ("velocity", pa.int32()),
        ("family", pa.string()),
        ("source", pa.string()),
        ("qualities", pa.list_(pa.string())),
    ]
)


@dataclass(frozen=True)
class Part:
    """One part of NSynth on disk.

    Attributes:
        name: name of the part, such as "nsynth-train".
        path: folder that contains `examples.json` and `audio/`, or an archive.
    """

    name: str
    path: Path

    @property
    def is_archive(self) -> bool:
        """Whether the part is an archive."""
        return self.path.is_file()

    def wav_files(self) -> list[Path]:
        """Return what is named .wav in the folder of the part, sorted: also pipes, links to nothing and folders."""
        some = ((self.path / "audio") / name for name in os.listdir(self.path / "audio") if not is_clutter(name))
        return sorted(path for path in some if path.suffix.lower() == ".wav")


def locate(location: str, downloads: Path, listener: Listener = ignore) -> list[Part]:
    """Return the parts of NSynth at `location`; a remote archive is downloaded first.

    Args:
        location: folder (of one part, or of several parts or archives), archive, URL of an archive, or "official" for
            the publisher's training archive.
        downloads: folder for downloaded archives.
        listener: callback that receives progress reports of the download.

    Raises:
        InputError: there is no NSynth data at `location`, or it cannot be downloaded; the message says what was
            expected.

    Example:
        >>> parts = locate("official", Path("downloads"), listener=print)
    """
    if not is_remote(location):
        return find_parts(location)
    if location == "official":
        remote = OFFICIAL["train"]
        return [Part("nsynth-train", fetch(remote, downloads / "nsynth-train.jsonwav.tar.gz", listener=listener))]
    name = Path(location.split("?", maxsplit=1)[0]).name
    if not name.endswith(".tar.gz") or not is_id(name.removesuffix(".tar.gz").replace(".", "-")):
        raise InputError(f"{location}: the URL must end in a plain NAME.jsonwav.tar.gz")
    # Archives of two servers may have the same name.
    folder = downloads / hashlib.sha256(location.encode()).hexdigest()[:12]
    path = fetch(Remote(location, magic=b"\x1f\x8b"), folder / name, listener=listener)
    return [Part(_part_name(path), path)]


def is_remote(location: str) -> bool:
    """Return whether a location must be downloaded: "official" or a URL."""
    return location == "official" or location.startswith(("http://", "https://"))


def find_parts(location: str) -> list[Part]:
    """Return the parts of NSynth in a local folder or archive, sorted by name.

    Raises:
        InputError: there is no NSynth data, or a part exists twice; the message says what was expected.
    """
    path = Path(location).expanduser()
    found = sorted(_parts_in(path), key=lambda part: part.name)
    if not found:
        raise InputError(
            f"{path}: no NSynth here; expected a folder with examples.json and audio/, "
            "folders or .jsonwav.tar.gz archives of that kind inside it, or such an archive"
        )
    for one, other in pairwise(found):
        if one.name == other.name:
            raise InputError(
                f"{printable(path)}: the part {one.name} is there as {printable(one.path.name)} and as "
                f"{printable(other.path.name)}; remove one"
            )
    return found


def source_version(parts: Sequence[Part]) -> str:
    """Return a hash over names, sizes and modification times of the files of the parts, not over their contents.

    It detects a changed source without reading it.
    """
    digest = hashlib.sha256()
    for part in parts:
        files = [part.path] if part.is_archive else [part.path / "examples.json", *part.wav_files()]
        for path in sorted(files):
            digest.update(f"{printable(part.name)}/{printable(path.name)} {state(path)}\n".encode())
    return digest.hexdigest()


def _part_name(path: Path) -> str:
    """Return the name of a part from its file name: everything before the first dot."""
    return path.name.split(".")[0]


def _parts_in(path: Path) -> Iterable[Part]:
    """Yield the parts at `path` or directly below it."""
    inside = sorted(one for one in path.iterdir() if not is_clutter(one.name)) if path.is_dir() else []
    for candidate in [path, *inside]:
        is_folder = (candidate / "examples.json").is_file() and (candidate / "audio").is_dir()
        if is_folder or (candidate.is_file() and candidate.name.endswith(".tar.gz")):
            yield Part(_part_name(candidate), candidate)


def completion_split(names: Sequence[str], instruments: Sequence[int], pitches: Sequence[int]) -> list[str]:
    """Return "train", "valid" or "test" for each note: SING's completion split, exactly as its authors draw it.

    Names are visited in lexicographic order. Every new (instrument, pitch) pair draws one number from Python's
    Mersenne Twister with seed 42: below 0.1 the pair is "valid", below 0.2 "test", otherwise "train". The velocities
    of a pair stay in one split because most of them sound nearly the same.

    Args:
        names: note names.
        instruments: instrument number of each note.
        pitches: pitch of each note, MIDI.
    """
    generator = random.Random(42)
    drawn: dict[tuple[int, int], str] = {}
    result = [""] * len(names)
    for position in sorted(range(len(names)), key=names.__getitem__):
        pair = (instruments[position], pitches[position])
        if pair not in drawn:
            number = generator.random()
            drawn[pair] = "valid" if number < 0.1 else "test" if number < 0.2 else "train"
        result[position] = drawn[pair]
    return result


def released_subset(test_names: Sequence[str], size: int = 100) -> list[str]:
    """Return the notes of SING's listening tests: `size` of the sorted test notes, shuffled with seed 42.

    With the metadata of the real NSynth this gives the authors' published list of 100 names in the same order. That
    list is the only proof that a split equals theirs.
    """
    order = list(range(len(test_names)))
    random.Random(42).shuffle(order)
    names = sorted(test_names)
    return [names[position] for position in order[:size]]
