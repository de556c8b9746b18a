"""Notes from labels: the verb of the synthesis system.

Shapes: B notes, T = 64,000 samples.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError
from data.nsynth.dataset import FRAMES, PITCHES, SAMPLE_RATE, VELOCITIES
from data.progress import Listener, Progress, ignore
from models.synthesis.notes import LABELS, MARGIN, label_tensors, velocity_rows
from models.synthesis.sing import Sing


@dataclass(frozen=True)
class NoteLabel:
    """What is to be played: a row of the instrument table, a MIDI pitch, an NSynth velocity."""

    instrument: int
    pitch: int
    velocity: int

    def check(self, instruments: int) -> None:
        """Refuse labels the model has no row for.

        Raises:
            InputError: names the value and what is allowed.
        """
        if not 0 <= self.instrument < instruments:
            raise InputError(f"instrument {self.instrument}: the model has 0 to {instruments - 1}")
        if not 0 <= self.pitch < PITCHES:
            raise InputError(f"pitch {self.pitch}: MIDI notes 0 to {PITCHES - 1} are known")
        if self.velocity not in VELOCITIES:
            raise InputError(f"velocity {self.velocity}: NSynth has {', '.join(map(str, VELOCITIES))}")


def columns(notes: Sequence[NoteLabel]) -> dict[str, np.ndarray]:
    """Return label rows (B,) of notes."""
    values = {name: np.array([getattr(note, name) for note in notes], np.int64) for name in LABELS}
    return {**values, "velocity": velocity_rows(values["velocity"])}


def synthesize(
    network: Sing, notes: Sequence[NoteLabel], *, batch_size: int = 16, listener: Listener = ignore
) -> Iterator[np.ndarray]:
    """Yield the waveform of each note, float32 (T,), in order.

    Args:
        network: trained SING.
        notes: labels.
        batch_size: notes generated at once.
        listener: is told notes, rate and time left.

    Raises:
        InputError: a label the model does not know.
    """
    for note in notes:
        note.check(network.sequence.instrument.num_embeddings)
    progress = Progress("synthesize", total=len(notes), unit="notes", listener=listener)
    for start in range(0, len(notes), batch_size):
        waves = _generate(network, columns(notes[start : start + batch_size])).cpu().numpy()
        progress.advance(len(waves))
        yield from waves
    progress.finish()


@torch.inference_mode()
def _generate(network: Sing, labels: dict[str, np.ndarray]) -> Tensor:
    """Return the waveforms of label rows (B,), their margins cropped: (B, T)."""
    device = next(network.parameters()).device
    return network(*label_tensors(labels, device))[:, MARGIN : MARGIN + FRAMES].float()


def generation_speed(network: Sing, *, batch_size: int = 16, seconds: float = 2.0) -> float:
    """Return seconds of audio generated a second of computing, at this batch size (median of runs)."""
    notes = columns([NoteLabel(0, 60, 100)] * batch_size)
    device = next(network.parameters()).device

    def once() -> float:
        start = time.perf_counter()
        _generate(network, notes)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - start

    once()
    begin, times = time.perf_counter(), []
    while not times or time.perf_counter() - begin < seconds:
        times.append(once())
    return batch_size * FRAMES / SAMPLE_RATE / float(np.median(times))


@torch.inference_mode()
def interpolate(network: Sing, first: NoteLabel, second: NoteLabel, weights: Sequence[float]) -> np.ndarray:
    """Return notes whose instrument row lies between two instruments', (weights, T).

    Args:
        network: trained SING.
        first: weight 0; its pitch and velocity are played.
        second: weight 1; only its instrument counts.
        weights: share of the second instrument.
    """
    device = next(network.parameters()).device
    table = network.sequence.instrument
    start, stop = (table(torch.tensor(one.instrument, device=device)) for one in (first, second))
    share = torch.tensor(weights, dtype=torch.float32, device=device)[:, None]
    rows = label_tensors(columns([first] * len(weights)), device)
    labels = network.sequence.labels(*rows)
    labels = torch.cat([start + share * (stop - start), labels[:, table.embedding_dim :]], 1)
    embedding, _ = network.sequence(labels)
    return network.decoder(embedding)[:, MARGIN : MARGIN + FRAMES].float().cpu().numpy()
