"""What SING is judged beside: systems that know less, or cheat, on the same notes.

Silence knows nothing. The nearest-pitch copy replays a training note of the same instrument.
The Griffin-Lim oracle is given the true magnitudes and only has to find phases: a bound for any
system that predicts magnitudes.

Shapes: B notes, T samples.
"""

from collections import defaultdict

import numpy as np
import torch
import torchaudio

from data.shards.augment import shift_pitch
from data.shards.reader import Shards


class NearestPitchCopy:
    """Replays the training note of the same instrument that lies nearest in pitch, then in velocity."""

    def __init__(self, shards: Shards) -> None:
        """Index the training notes of `shards`."""
        self._shards = shards
        self._known: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        instruments, pitches, velocities = (shards.column(name) for name in ("instrument", "pitch", "velocity"))
        for row in shards.rows(split="train"):
            self._known[int(instruments[row])].append((int(pitches[row]), int(velocities[row]), int(row)))

    def find(self, instrument: int, pitch: int, velocity: int) -> tuple[int, int] | None:
        """Return (row, semitones to shift it by), or None for an instrument without training notes."""
        known = self._known.get(instrument)
        if not known:
            return None
        found = min(known, key=lambda one: (abs(one[0] - pitch), abs(one[1] - velocity), one))
        return found[2], pitch - found[0]

    def copy(self, instrument: int, pitch: int, velocity: int) -> np.ndarray | None:
        """Return the copy as int16 (T,), played faster or slower to the pitch asked for."""
        found = self.find(instrument, pitch, velocity)
        if found is None:
            return None
        row, semitones = found
        return shift_pitch(self._shards.read(row)[:, 0], semitones)


def griffin_lim(waves: torch.Tensor, *, iterations: int = 100, seed: int = 0) -> torch.Tensor:
    """Return waveforms (B, T) rebuilt from the magnitudes of `waves` alone (FFT 1024, hop 256).

    Fast Griffin-Lim (Perraudin et al. 2013), momentum 0.99, random initial phases from `seed`.
    """
    transform = torchaudio.transforms.Spectrogram(1024, hop_length=256, power=1.0)
    inverse = torchaudio.transforms.GriffinLim(
        1024, n_iter=iterations, hop_length=256, power=1.0, length=waves.shape[-1]
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return inverse(transform(waves))
