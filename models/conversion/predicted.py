"""Writes the mel spectrograms that the acoustic model predicts for recorded voices, to train a vocoder further on.

Shapes: N = 4·M mel frames.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.errors import InputError
from data.execution import Execution
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import Labelling, Unit, write_units
from data.shards.writer import Record
from data.voices.index import Clip, Voices
from models.conversion.acoustic.load import Acoustic, load_acoustic
from models.conversion.frames import CONTENT, FRAME_RATE, HOP, RATE
from models.conversion.melody.load import Melody


def write_predicted(execution: Execution, voices: Path, features: Path, acoustic: Path) -> dict[str, int]:
    """Write predicted mel spectrogram and recorded voice of every training clip of the target singer as shards.

    Two records belong to a clip: "mel", float16, (N, 80), and "voice", int16, (160·N, 1); the columns are clip, part,
    singer and split. If it was stopped, it resumes.

    Args:
        execution: output folder, device and listener.
        voices: folder of the voices shards.
        features: folder of the training material of the acoustic model.
        acoustic: folder of the acoustic model.

    Returns:
        The number of "clips".

    Raises:
        InputError: there is no clip of the target singer.

    Example:
        >>> write_predicted(Execution(Path("predicted")), Path("voices"), Path("features"), Path("acoustic"))
    """
    model, read, material = load_acoustic(acoustic, torch.device(execution.device)), Voices(voices), Shards(features)
    clips = read.sung("train", model.target)
    if not clips:
        raise InputError(
            f"{voices}: no training clip of {model.target}; make voices, features and model of one data set"
        )
    rows = _rows(material)
    units = [Unit(2, partial(_pair, (read, material, model), clip, rows)) for clip in clips]
    progress = Progress("predict", total=2 * len(clips), unit="records", listener=execution.listener)
    known = {one.id: one for one in clips}

    def annotate(table: pa.Table) -> pa.Table:
        found = [known[one.rsplit("-", 1)[0]] for one in table["id"].to_pylist()]
        for name, values in (
            ("clip", [one.id for one in found]),
            ("singer", [one.singer for one in found]),
            ("split", [one.split for one in found]),
        ):
            table = table.append_column(name, pa.array(values, pa.string()))
        return table

    write_units(execution.folder, units, progress, Labelling(annotate))
    return {"clips": len(clips)}


def _rows(material: Shards) -> dict[tuple[str, str], int]:
    """Return the index rows of the unaltered copies, by clip and part."""
    names = zip(material.column("clip"), material.column("copy"), material.column("part"), strict=True)
    return {(str(clip), str(part)): row for row, (clip, copy, part) in enumerate(names) if str(copy) in ("0", "clean")}


def _pair(sources: tuple[Voices, Shards, Acoustic], clip: Clip, rows: dict[tuple[str, str], int]) -> Iterator[Record]:
    """Yield the predicted mel spectrogram of a clip and its voice."""
    voices, material, model = sources
    content, heard = (material.read(rows[clip.id, part]).astype(np.float32) for part in ("content", "melody"))
    count = CONTENT * len(content)
    heard = np.pad(heard[:count], ((0, count - min(count, len(heard))), (0, 0)), mode="edge")
    melody = Melody(heard[:, -3], heard[:, -2], heard[:, -1], heard[:, :-3])
    mel = model.mel(content, melody, 0.0)
    pcm = voices.shards.read(clip.voice)[: HOP * len(mel)]
    pcm = np.pad(pcm, ((0, HOP * len(mel) - len(pcm)), (0, 0)))
    yield Record(f"{clip.id}-mel", mel.astype(np.float16), FRAME_RATE, "mel")
    yield Record(f"{clip.id}-voice", pcm, RATE, "voice")
