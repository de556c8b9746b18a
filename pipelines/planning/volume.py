"""How much data a run works on: counted where the data lie, else the published size of the data set.

Nothing is decoded: files are counted, and the seconds of songs and voices follow from their bytes where only these are
known at once.
"""

from dataclasses import dataclass
from pathlib import Path

from assets.environment import Configuration
from assets.graph import Graph
from assets.store.pointers import recorded
from data.errors import InputError

_NSYNTH = 305_979  # notes
_TRAINING = 0.8  # share of the notes that is trained on
_MUSDB = (150, 36_000.0)  # songs, seconds
_EMBEDDED = {"nsynth": (720, 582), "musdb": (12, 222.0), "voices": (56, 336.0)}  # items, and training notes or seconds
_BYTES_A_SECOND = 16_000 * 2 * 4  # of a voice: 16-bit stereo at 32 kHz, between common formats


@dataclass(frozen=True)
class Volume:
    """An amount of data.

    Attributes:
        items: number of notes, songs or recordings.
        training: number of training notes; 0 for songs and voices.
        seconds: seconds of sound.
        told: where these numbers come from, as text.
    """

    items: int
    training: int
    seconds: float
    told: str


def notes(graph: Graph) -> Volume:
    """Return the amount of notes: in the store, in the folder of TESSITURA_NSYNTH, or of NSynth."""
    summary, setting = _made(graph, "nsynth_shards"), graph.environment.nsynth
    if summary is not None:
        train, count = summary["train"], sum(summary[one] for one in ("train", "valid", "test"))
        return Volume(count, train, 4.0 * count, "counted in the store")
    if not setting:
        count, train = _EMBEDDED["nsynth"]
        return Volume(count, int(train), 4.0 * count, "embedded notes")
    count = len(_files(setting, {".wav"}))
    if count:
        return Volume(count, round(_TRAINING * count), 4.0 * count, f"files in {setting}")
    return Volume(_NSYNTH, round(_TRAINING * _NSYNTH), 4.0 * _NSYNTH, "size of NSynth as published")


def songs(graph: Graph) -> Volume:
    """Return the amount of songs: in the folder of TESSITURA_MUSDB, or of MUSDB18; 4 minutes a song."""
    setting = graph.environment.musdb
    if not setting:
        count, seconds = _EMBEDDED["musdb"]
        return Volume(count, 0, seconds, "embedded songs")
    found = [one for one in _files(setting, {".mp4", ".wav"}) if one.suffix == ".mp4" or one.stem == "mixture"]
    if found:
        # Five sources in AAC at 256 kbit/s are 160 kB a second, one in 16-bit stereo at 44.1 kHz 176 kB.
        seconds = sum(one.stat().st_size / (160_000 if one.suffix == ".mp4" else 176_400) for one in found)
        return Volume(len(found), 0, seconds, f"files in {setting}")
    return Volume(_MUSDB[0], 0, _MUSDB[1], "size of MUSDB18 as published")


def voices(graph: Graph) -> Volume:
    """Return the amount of singing: in the folder of TESSITURA_VOICES, by the bytes of its files."""
    setting = graph.environment.voices
    if not setting:
        count, seconds = _EMBEDDED["voices"]
        return Volume(count, 0, seconds, "embedded singers")
    found = _files(setting, {".wav", ".flac", ".mp3", ".m4a", ".ogg"})
    seconds = sum(one.stat().st_size for one in found) / _BYTES_A_SECOND
    return Volume(len(found), 0, seconds, f"bytes of the files in {setting}")


def _made(graph: Graph, name: str) -> dict[str, int] | None:
    """Return the summary of the current version of an asset; None if there is none, or it cannot be read."""
    try:
        found = recorded(graph.registry.assets[name].slot(Configuration(graph.environment)))
        return None if found is None else found[1]["summary"]
    except (InputError, KeyError):
        return None


def _files(setting: str, endings: set[str]) -> list[Path]:
    """Return the files below a folder with one of some endings; none if the setting is no folder."""
    folder = Path(setting).expanduser()
    if not folder.is_dir():
        return []
    return [one for one in folder.rglob("*") if one.suffix.lower() in endings and one.is_file()]
