"""The notes that every system makes for the judges, in shards: one record a (system, note).

Shapes: B notes, T samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from data.files.audio import to_float, to_pcm16
from data.nsynth.dataset import FRAMES, SAMPLE_RATE
from data.progress import Listener, Progress, ignore
from data.shards.reader import Shards
from data.shards.writer import Item, Record, Rejection, ShardWriter
from models.synthesis.baselines import NearestPitchCopy, griffin_lim
from models.synthesis.config import SynthesisConfig
from models.synthesis.notes import MARGIN, to_wave
from models.synthesis.sampling import reconstruct
from models.synthesis.synthesize import NoteLabel, synthesize
from models.synthesis.train import load_autoencoder, load_sing
from models.synthesis.train_wavenet import load_wavenet

_BATCH = 16
Output = tuple[str, str, np.ndarray | None]  # system, note, waveform (T,) in [-1, 1]; None: not applicable


@dataclass(frozen=True)
class EvaluatedNotes:
    """The notes systems are judged on: rows of the shards."""

    shards: Shards
    rows: np.ndarray

    @classmethod
    def choose(cls, notes: Path, config: SynthesisConfig) -> "EvaluatedNotes":
        """Return all test notes and a sample of the training notes, spread over them."""
        shards = Shards(notes)
        train = shards.rows(split="train")
        count = min(config.evaluated_train_notes, len(train))
        sample = train[np.linspace(0, len(train) - 1, count).round().astype(int)] if count else train[:0]
        return cls(shards, np.concatenate([shards.rows(split="test"), sample]))

    def labels(self) -> list[NoteLabel]:
        """Return instrument, pitch and velocity of the notes."""
        columns = (self.shards.column(name)[self.rows] for name in ("instrument", "pitch", "velocity"))
        return [NoteLabel(*map(int, values)) for values in zip(*columns, strict=True)]

    def ids(self) -> list[str]:
        """Return the ids of the notes."""
        return self.shards.column("id")[self.rows].tolist()

    def batches(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield rows and their int16 PCM (B, T, 1), a few at a time."""
        for start in range(0, len(rows), _BATCH):
            part = rows[start : start + _BATCH]
            yield part, np.stack([self.shards.read(row) for row in part])


def write_sing(
    folder: Path,
    notes: Path,
    model: Path,
    autoencoder: Path,
    config: SynthesisConfig,
    device: torch.device,
    listener: Listener = ignore,
) -> dict[str, float]:
    """Write what SING and its stage-1 autoencoder make of the judged notes."""
    judged = EvaluatedNotes.choose(notes, config)
    sing, rebuild = load_sing(model, device), load_autoencoder(autoencoder, device)

    def systems() -> Iterator[Output]:
        waves = synthesize(sing, judged.labels(), batch_size=_BATCH)
        yield from (("sing", one, wave) for one, wave in zip(judged.ids(), waves, strict=True))
        ids: list[str] = judged.shards.column("id").tolist()
        for rows, pcm in judged.batches(judged.rows):
            with torch.inference_mode():
                rebuilt = rebuild(to_wave(pcm, device, MARGIN + config.autoencoder.strip))[:, MARGIN:-MARGIN]
            yield from (("autoencoder", ids[row], one) for row, one in zip(rows, rebuilt.cpu().numpy(), strict=True))

    return _write(folder, systems(), 2 * len(judged.rows), listener)


def write_baselines(
    folder: Path, notes: Path, wavenet: Path, config: SynthesisConfig, device: torch.device, listener: Listener = ignore
) -> dict[str, float]:
    """Write what silence, the nearest-pitch copy, the Griffin-Lim oracle and the WaveNet make of the judged notes."""
    judged = EvaluatedNotes.choose(notes, config)
    ids: list[str] = judged.shards.column("id").tolist()
    nearest, network = NearestPitchCopy(judged.shards), load_wavenet(wavenet, device)
    test = judged.shards.rows(split="test")
    # Sampling a WaveNet is slow: it gets test notes only, spread over them.
    count = min(config.wavenet_notes, len(test))
    heard = test[np.linspace(0, len(test) - 1, count).round().astype(int)] if count else test

    def systems() -> Iterator[Output]:
        for one, label in zip(judged.ids(), judged.labels(), strict=True):
            yield "silence", one, np.zeros(FRAMES, np.float32)
            copy = nearest.copy(label.instrument, label.pitch, label.velocity)
            yield "nearest_pitch", one, None if copy is None else to_float(copy)
        for rows, pcm in judged.batches(judged.rows):
            waves = griffin_lim(to_wave(pcm, torch.device("cpu"), 0))
            yield from (("griffin_lim", ids[row], one) for row, one in zip(rows, waves.numpy(), strict=True))
        if len(heard):
            waves = np.stack([judged.shards.read(row) for row in heard])
            drawn = reconstruct(network, to_wave(waves, device, 0), listener=listener).cpu().numpy()
            yield from (("wavenet", ids[row], one) for row, one in zip(heard, drawn, strict=True))

    return _write(folder, systems(), 3 * len(judged.rows) + len(heard), listener)


def _write(folder: Path, outputs: Iterator[Output], total: int, listener: Listener) -> dict[str, float]:
    """Write outputs under the labels system and note; return how many there are."""

    def labelled() -> Iterator[tuple[dict[str, object], np.ndarray | None]]:
        for system, note, wave in outputs:
            yield {"system": system, "note": note}, wave

    return {"notes": write_labelled(folder, labelled(), total, listener)}


def write_labelled(
    folder: Path, outputs: Iterator[tuple[dict[str, object], np.ndarray | None]], total: int, listener: Listener
) -> int:
    """Write waveforms (T,) as 16-bit records whose labels become index columns; return how many came.

    A record's id is its labels joined by "-". What is None or not finite is quarantined.
    """
    writer = ShardWriter(folder)
    progress = Progress("outputs", total=total, unit="notes", listener=listener)
    done, labels = writer.consumed, {}
    for number, (one, wave) in enumerate(outputs):
        name = "-".join(str(value).replace(".", "_") for value in one.values())
        labels[name] = one
        if number >= done:
            writer.add(_item(name, wave))
        progress.advance()

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[name] for name in rows["id"].to_pylist()]
        for column in next(iter(labels.values()), {}):
            rows = rows.append_column(column, pa.array([one[column] for one in found]))
        return rows

    writer.commit(annotate)
    progress.finish()
    return len(labels)


def _item(name: str, wave: np.ndarray | None) -> Item:
    if wave is None:
        return Rejection(name, "not applicable")
    if not np.isfinite(wave).all():
        return Rejection(name, "NaN or infinite samples")
    return Record(name, to_pcm16(wave)[:, None], SAMPLE_RATE)
