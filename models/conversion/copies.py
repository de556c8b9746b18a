"""Writes copies of recorded voices, made from their mel spectrograms by vocoders, as shards.

Shapes: T samples, N mel frames.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_pcm16
from data.progress import Progress
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, write_units
from data.shards.writer import Item, Record, Rejection
from data.voices.index import Clip, Voices
from models.conversion.frames import RATE
from models.conversion.mel import log_mel
from models.conversion.vocoder.griffin_lim import griffin_lim
from models.conversion.vocoder.load import load_vocoder

Vocoding = Callable[[np.ndarray], np.ndarray]  # mel spectrogram (N, 80) to wave (160·N,)
BASELINE = "griffin_lim"


def write_copies(
    execution: Execution, voices: Path, vocoder: Path, splits: tuple[str, ...] = ("valid", "test"), most: int = 40
) -> dict[str, int]:
    """Write copies of held-out voices by a vocoder and by Griffin-Lim as shards; if it was stopped, it resumes.

    The vocoder has the mel spectrogram only. The index has the columns system, clip, singer and split.

    Args:
        execution: output folder, device and listener.
        voices: folder of the voices shards.
        vocoder: folder of the vocoder.
        splits: splits of the voices.
        most: largest number of clips of a split, spread evenly over the index.

    Returns:
        The number of "clips".

    Raises:
        InputError: there are no such voices, or the vocoder is missing or damaged.

    Example:
        >>> write_copies(Execution(Path("copies")), Path("voices"), Path("vocoder"))
    """
    device = torch.device(execution.device)
    read, trained = Voices(voices), load_vocoder(vocoder, device)
    clips = [clip for split in splits for clip in _spread(read.sung(split), most)]
    if not clips:
        raise InputError(f"{voices}: no voices of the splits {', '.join(splits)}; add singers")
    makers: dict[str, Vocoding] = {trained.arm: trained.wave, BASELINE: partial(griffin_lim, device=device)}
    labels = {f"{name}-{clip.id}": (name, clip) for clip in clips for name in makers}
    units = [Unit(len(makers), partial(_copies, read, clip, makers)) for clip in clips]
    progress = Progress("copy voices", total=len(labels), unit="copies", listener=execution.listener)

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[one] for one in rows["id"].to_pylist()]
        rows = rows.append_column("system", pa.array([name for name, _ in found], pa.string()))
        for column, values in (
            ("clip", [clip.id for _, clip in found]),
            ("singer", [clip.singer for _, clip in found]),
            ("split", [clip.split for _, clip in found]),
        ):
            rows = rows.append_column(column, pa.array(values, pa.string()))
        return rows

    write_units(execution.folder, units, progress, Labelling(annotate), SMALL_SHARD_BYTES)
    return {"clips": len(clips)}


def _spread(clips: list[Clip], most: int) -> list[Clip]:
    """Return at most `most` clips, evenly spaced."""
    chosen = np.linspace(0, len(clips) - 1, min(most, len(clips))).round().astype(int)
    return [clips[one] for one in chosen]


def _copies(voices: Voices, clip: Clip, makers: Mapping[str, Vocoding]) -> Iterator[Item]:
    """Yield the copies of a voice, each as long as the voice."""
    wave = voices.wave(clip.voice)
    mel = log_mel(torch.from_numpy(wave)[None])[0].numpy()
    for name, make in makers.items():
        copy = make(mel)[: len(wave)]
        if not np.isfinite(copy).all():
            yield Rejection(f"{name}-{clip.id}", "NaN or infinite samples", name)
        else:
            yield Record(f"{name}-{clip.id}", to_pcm16(copy)[:, None], RATE, name)
