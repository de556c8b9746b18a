"""Converts a few test clips to several singers of the training, for the study of several target singers in one model.

The acoustic model has a row of its singer table for each training singer. Only the target singer had the adversaries'
attention and the last part of the training, and the vocoder was trained further on that singer.
"""

from collections import Counter
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.execution import Execution
from data.shards.reader import Shards
from data.voices.index import Voices
from models.conversion.baselines import proposed
from models.conversion.config import TargetStudy
from models.conversion.convert import Converter
from models.conversion.estimates import Selection, write_converted


def write_several(
    execution: Execution, folders: tuple[Path, Path], converter: Converter, key: str, study: TargetStudy
) -> dict[str, int]:
    """Write mixtures of test clips, converted to several singers each, as shards; if it was stopped, it resumes.

    The shards are those of `write_converted` with the column target; the systems are named `to<number>`.

    Args:
        execution: output folder, and listener of the progress.
        folders: folders of the voices shards and of the evaluation mixtures.
        converter: the conversion system.
        key: policy of the key; the range that it aims at is that of the singer.
        study: how many singers and clips, and which conditions.

    Returns:
        The number of "mixtures", and that of "systems", which are the singers.

    Raises:
        InputError: there is no mixture of a test clip.

    Example:
        >>> folders = (Path("voices"), Path("mixtures"))
        >>> write_several(Execution(Path("several")), folders, converter, "keep", TargetStudy(singers=4))
    """
    voices, mixtures = folders
    singers = chosen_singers(Voices(voices), converter.acoustic.target, converter.acoustic.singers, study.singers)
    targets = {f"to{number}": singer for number, singer in enumerate(singers)}
    systems = {name: proposed(converter, key, singer) for name, singer in targets.items()}
    selection = Selection(("test",), study.conditions, chosen_clips(mixtures, study.clips))
    return write_converted(execution, mixtures, systems, selection, targets)


def chosen_singers(voices: Voices, target: str, known: tuple[str, ...], count: int) -> list[str]:
    """Return `count` names of singers: the target singer, then the known ones with most singing in the training."""
    sung = Counter[str]()
    for clip in voices.sung("train"):
        sung[clip.singer] += clip.samples
    others = sorted((one for one in known if one != target), key=lambda one: (-sung[one], one))
    return [target, *others][:count]


def chosen_clips(mixtures: Path, count: int) -> tuple[str, ...]:
    """Return at most `count` test clips of the mixtures, spread evenly.

    Raises:
        InputError: there is no test clip.
    """
    shards = Shards(mixtures)
    rows = shards.column("split") == "test"
    clips = list(dict.fromkeys(str(one) for one in shards.column("clip")[rows]))
    if not clips:
        raise InputError(f"{mixtures}: no mixture of the split 'test'; add singers")
    places = np.linspace(0, len(clips) - 1, min(count, len(clips))).round().astype(int)
    return tuple(clips[one] for one in places)
