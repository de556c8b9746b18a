"""Synthesises notes from their labels, and interpolates between instruments.

Waveforms are float32, full scale [-1, 1], 4 s at 16 kHz. They are not clipped.

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
from models.synthesis.load import Player
from models.synthesis.notes import LABELS, MARGIN, label_tensors, velocity_rows
from models.synthesis.sing import Sing


@dataclass(frozen=True)
class NoteLabel:
    """Labels of a note.

    Attributes:
        instrument: number of the instrument, its row in the instrument table.
        pitch: MIDI pitch, 0 to 120.
        velocity: MIDI velocity, one of 25, 50, 75, 100, 127.
    """

    instrument: int
    pitch: int
    velocity: int

    def check(self, instruments: int) -> None:
        """Check that the model has a table row for each label.

        Args:
            instruments: number of rows of the instrument table.

        Raises:
            InputError: a label has no row; the message names the value and the allowed values.
        """
        if not 0 <= self.instrument < instruments:
            raise InputError(f"instrument {self.instrument}: the model has 0 to {instruments - 1}")
        if not 0 <= self.pitch < PITCHES:
            raise InputError(f"pitch {self.pitch}: MIDI notes 0 to {PITCHES - 1} are known")
        if self.velocity not in VELOCITIES:
            raise InputError(f"velocity {self.velocity}: NSynth has {', '.join(map(str, VELOCITIES))}")


def columns(notes: Sequence[NoteLabel]) -> dict[str, np.ndarray]:
    """Return the label rows "instrument", "pitch" and "velocity" of notes, int64, (B,) each."""
    values = {name: np.array([getattr(note, name) for note in notes], np.int64) for name in LABELS}
    return {**values, "velocity": velocity_rows(values["velocity"])}


def synthesize(
    network: Player, notes: Sequence[NoteLabel], *, batch_size: int = 16, listener: Listener = ignore
) -> Iterator[np.ndarray]:
    """Yield the waveform of each note, float32, shape (T,), in the order of `notes`.

    Args:
        network: trained SING, or the network of the variant `harmonic`.
        notes: labels of the notes.
        batch_size: number of notes generated at once.
        listener: receives progress reports (notes, rate, time left).

    Raises:
        InputError: a label has no table row in the model; raised when the first waveform is requested.

    Example:
        >>> network = load_sing(Path("stage-3"), torch.device("cpu"))
        >>> [wave] = synthesize(network, [NoteLabel(instrument=3, pitch=60, velocity=100)])
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
def _generate(network: Player, labels: dict[str, np.ndarray]) -> Tensor:
    """Return the waveforms (B, T) of label rows (B,), without the margins."""
    device = next(network.parameters()).device
    return network(*label_tensors(labels, device))[:, MARGIN : MARGIN + FRAMES].float()


def generation_speed(network: Sing, *, batch_size: int = 16, seconds: float = 2.0) -> float:
    """Measure the speed of generation, in seconds of audio per second of computing.

    Args:
        network: SING, on the device to measure.
        batch_size: number of notes generated at once.
        seconds: duration of the measurement; the result is the median of the runs made in it.
    """
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
    """Generate notes whose row of the instrument table is interpolated linearly between two instruments.

    Args:
        network: trained SING.
        first: labels of the note at weight 0; its pitch and velocity are used for all notes.
        second: labels of the note at weight 1; only its instrument is used.
        weights: share of the second instrument in each note.

    Returns:
        Waveforms, float32, shape (number of weights, T).

    Example:
        >>> interpolate(network, NoteLabel(3, 60, 100), NoteLabel(9, 60, 100), [0.0, 0.5, 1.0]).shape
        (3, 64000)
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
