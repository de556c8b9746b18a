"""Assigns singers to splits, whole, and songs that several singers sing to one split.

Which singers are held out depends on a hash of their names, not on their order, so an additional singer moves few
others. As few singers as possible are held out: those that come first by hash, until they have a set share of all
singing and, for the test, enough songs for a paired test over songs. A singer who alone has several times that share is
passed over, so that one voice with most of the material is not lost for training.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data.errors import InputError
from data.voices.index import SPLITS

_STRICTEST = ("test", "valid", "train")
_MUCH = 3.0  # a singer with this many times the share of a split is held out only if all others have as much
_MOST = 0.2  # share of all singing up to which singers are held out for the sake of their songs


@dataclass(frozen=True)
class Splitting:
    """How singers are split.

    Attributes:
        target: name of the target singer, who is always of the split "train"; "" for the one with most singing.
        valid: share of all singing that the singers of the split "valid" have at least.
        test: share of all singing that the singers of the split "test" have at least.
        songs: number of songs that the singers of the split "test" have at least, where a fifth of all singing is
            enough for that. Wilcoxon's test of 8 pairs can reach p = 0.008, of 5 only 0.06.
        fixed: pairs (singer, split) for singers whose split is set by hand. If a split is set by hand for any singer,
            no other singer is assigned to it by hash.
    """

    target: str = ""
    valid: float = 0.05
    test: float = 0.1
    songs: int = 8
    fixed: tuple[tuple[str, str], ...] = ()


def choose_target(seconds: Mapping[str, float], splitting: Splitting) -> str:
    """Return the target singer.

    Args:
        seconds: amount of singing by singer.
        splitting: how singers are split.

    Raises:
        InputError: there is no singer of the name set, or it is set to be held out.
    """
    held_out = {singer for singer, split in splitting.fixed if split != "train"}
    if splitting.target:
        if splitting.target not in seconds:
            raise InputError(
                f"target singer {splitting.target!r} is not there; choose one of {', '.join(sorted(seconds))}"
            )
        if splitting.target in held_out:
            raise InputError(f"target singer {splitting.target!r} is set to be held out; the target must be trained on")
        return splitting.target
    free = [singer for singer in seconds if singer not in held_out]
    if not free:
        raise InputError("no singer is left to be the target: all are set to be held out")
    return max(sorted(free), key=lambda singer: seconds[singer])


def split_singers(
    seconds: Mapping[str, float], splitting: Splitting, songs: Mapping[str, int] | None = None
) -> dict[str, str]:
    """Return the split of every singer.

    With three singers or more, each split has at least one. With two, one is for training and the other one for both
    validation and test, that is "test"; with one there is only training.

    Args:
        seconds: amount of singing by singer.
        splitting: how singers are split.
        songs: number of songs by singer; by default each has one.

    Raises:
        InputError: a singer or split set by hand does not exist, or the target is wrong (`choose_target`).

    Example:
        >>> split_singers({"ada": 90.0, "ben": 60.0, "cy": 30.0}, Splitting(fixed=(("ben", "test"), ("cy", "valid"))))
        {'ada': 'train', 'ben': 'test', 'cy': 'valid'}
    """
    for singer, split in splitting.fixed:
        if singer not in seconds or split not in SPLITS:
            raise InputError(
                f"{singer!r} cannot be set to {split!r}: no such singer, or not one of {', '.join(SPLITS)}"
            )
    target = choose_target(seconds, splitting)
    found = {**dict(splitting.fixed), target: "train"}
    total = sum(seconds.values())
    waiting = sorted((one for one in seconds if one not in found), key=_hash)
    for split, share, least in (("test", splitting.test, splitting.songs), ("valid", splitting.valid, 0)):
        by_hand, have, sung = split in {one for _, one in splitting.fixed}, 0.0, 0
        while waiting and share > 0 and not by_hand and (have < share * total or sung < least):
            # The last one waiting is kept for validation, or for training where there would be none.
            if split == "test" and len(waiting) == 1 and have > 0:
                break
            moderate = [one for one in waiting if seconds[one] <= _MUCH * share * total]
            if have >= share * total:
                moderate = [one for one in moderate if have + seconds[one] <= _MOST * total]
                if not moderate:
                    break
            singer = moderate[0] if moderate else min(waiting, key=lambda one: seconds[one])
            waiting.remove(singer)
            found[singer] = split
            have += seconds[singer]
            sung += 1 if songs is None else songs[singer]
    found |= dict.fromkeys(waiting, "train")
    return {singer: found[singer] for singer in sorted(seconds)}


def songs_to_leave_out(sung: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return the songs that are in several splits, with the strictest of these, in which alone they may stay.

    Args:
        sung: pairs (song, split) of all recordings; recordings without a known song ("") are passed over.
    """
    splits: dict[str, set[str]] = defaultdict(set)
    for song, split in sung:
        if song:
            splits[song].add(split)
    return {
        song: next(one for one in _STRICTEST if one in some) for song, some in sorted(splits.items()) if len(some) > 1
    }


def _hash(singer: str) -> bytes:
    """Return bytes by which singers are ordered."""
    return hashlib.sha256(singer.encode("utf-8", "surrogatepass")).digest()
