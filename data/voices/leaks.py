"""Checks that evaluation shares no singer, song or accompaniment with training."""

from pathlib import Path

from data.shards.duplicates import leaked_audio
from data.shards.reader import Shards
from data.voices.index import Voices


def voices_in_two_splits(folder: Path) -> list[str]:
    """Return a message for every singer, song or identical audio that two splits of voices shards share.

    Args:
        folder: folder of the voices shards.

    Example:
        >>> voices_in_two_splits(Path("voices"))  # doctest: +SKIP
        []
    """
    voices = Voices(folder)
    found = []
    for what in ("singer", "song"):
        splits: dict[str, set[str]] = {}
        for one in voices.clips.values():
            splits.setdefault(getattr(one, what), set()).add(one.split)
        found += [
            f"{what} {name!r} is in {' and '.join(sorted(some))}"
            for name, some in sorted(splits.items())
            if name and len(some) > 1
        ]
    # Annotations are no audio: two clips without pitch have equal ones.
    table = voices.shards.table
    audio = table.filter([part != "f0" for part in table["part"].to_pylist()])
    return found + leaked_audio(folder, audio)


def leaks_into_training(voices: Path, mixtures: Path) -> list[str]:
    """Return a message for everything in the evaluation mixtures that training sees: singer, song, accompaniment.

    Training sees the clips of the split "train", with all accompaniments of that split. The mixtures of validation and
    test must not share anything with each other either.

    Args:
        voices: folder of the voices shards.
        mixtures: folder of the evaluation mixtures made from them.

    Returns:
        Messages, empty if everything is disjoint.

    Example:
        >>> leaks_into_training(Path("voices"), Path("mixtures"))  # doctest: +SKIP
        []
    """
    clips, shards = Voices(voices).clips, Shards(mixtures)
    used = {split: _Used() for split in ("train", "valid", "test")}
    for one in clips.values():
        if one.split == "train":
            used["train"].add(one.singer, one.song, one.id if one.accompaniment >= 0 else "", one.song)
    found = set()
    columns = ("id", "clip", "singer", "song", "split", "accompaniment")
    for row in zip(*(shards.column(name) for name in columns), strict=True):
        name, clip, singer, song, split, accompaniment = map(str, row)
        other = clips.get(accompaniment)
        if clip not in clips or (accompaniment and other is None):
            found.add(f"{name}: made from a clip that the voices do not have; make the mixtures anew")
        elif split not in ("valid", "test") or clips[clip].split != split:
            found.add(f"{name}: of the split {split!r}, its clip of {clips[clip].split!r}")
        else:
            used[split].add(singer, song, accompaniment, other.song if other else "")
    for strict, loose in (("test", "train"), ("valid", "train"), ("test", "valid")):
        found |= set(used[strict].shared(used[loose], f"{strict} and {loose}"))
    return sorted(found)


class _Used:
    """The singers, songs and accompaniments that a split uses; the song of an accompaniment counts as a song."""

    def __init__(self) -> None:
        self._names: dict[str, set[str]] = {"singer": set(), "song": set(), "accompaniment": set()}

    def add(self, singer: str, song: str, accompaniment: str, accompaniment_song: str) -> None:
        """Add what one recording uses; "" stands for nothing."""
        self._names["singer"].add(singer)
        self._names["song"] |= {song, accompaniment_song}
        self._names["accompaniment"].add(accompaniment)

    def shared(self, other: "_Used", where: str) -> list[str]:
        """Return a message for everything that both use."""
        return [
            f"{what} {name!r} is in {where}"
            for what, names in self._names.items()
            for name in sorted((names & other._names[what]) - {""})
        ]
