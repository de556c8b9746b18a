"""Baselines for SING: a copy of the nearest training note, and a Griffin-Lim oracle.

The nearest-pitch copy uses a training note of the same instrument. The Griffin-Lim oracle is given the magnitudes of
the reference and estimates only the phases: an upper bound for any system that predicts magnitudes. The third
baseline, silence, needs no code (`models.synthesis.estimates`).

Shapes: B notes, T samples.
"""

from collections import defaultdict

import numpy as np
import torch
import torchaudio

from data.shards.augment import shift_pitch
from data.shards.reader import Shards


class NearestPitchCopy:
    """Baseline that copies the training note of the same instrument that is nearest in pitch, then in velocity.

    Example:
        >>> baseline = NearestPitchCopy(Shards(Path("shards")))
        >>> pcm = baseline.copy(instrument=3, pitch=60, velocity=100)
    """

    def __init__(self, shards: Shards) -> None:
        """Index the training notes of `shards` by instrument."""
        self._shards = shards
        self._known: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        instruments, pitches, velocities = (shards.column(name) for name in ("instrument", "pitch", "velocity"))
        for row in shards.rows(split="train"):
            self._known[int(instruments[row])].append((int(pitches[row]), int(velocities[row]), int(row)))

    def find(self, instrument: int, pitch: int, velocity: int) -> tuple[int, int] | None:
        """Find the training note to copy.

        Args:
            instrument: number of the instrument.
            pitch: MIDI pitch of the note.
            velocity: MIDI velocity of the note.

        Returns:
            Index row of the training note, and semitones to shift it by; None if the instrument has no training notes.
        """
        known = self._known.get(instrument)
        if not known:
            return None
        found = min(known, key=lambda one: (abs(one[0] - pitch), abs(one[1] - velocity), one))
        return found[2], pitch - found[0]

    def copy(self, instrument: int, pitch: int, velocity: int) -> np.ndarray | None:
        """Return the nearest training note resampled to `pitch`, int16, shape (T,).

        Resampling changes the speed with the pitch; the result is cut or zero-padded to the length of the recording.
        Returns None if the instrument has no training notes.
        """
        found = self.find(instrument, pitch, velocity)
        if found is None:
            return None
        row, semitones = found
        return shift_pitch(self._shards.read(row)[:, 0], semitones)


def griffin_lim(waves: torch.Tensor, *, iterations: int = 100, seed: int = 0) -> torch.Tensor:
    """Return waveforms (B, T) reconstructed from the STFT magnitudes of `waves` alone.

    The method is fast Griffin-Lim (Perraudin et al. 2013) with momentum 0.99, FFT size 1024 and hop 256.

    Args:
        waves: reference waveforms, float, shape (B, T), on any device.
        iterations: number of iterations.
        seed: seed of the random initial phases, which differ between kinds of devices.

    Example:
        >>> griffin_lim(torch.randn(2, 64_000), iterations=10).shape
        torch.Size([2, 64000])
    """
    transform = torchaudio.transforms.Spectrogram(1024, hop_length=256, power=1.0).to(waves.device)
    inverse = torchaudio.transforms.GriffinLim(
        1024, n_iter=iterations, hop_length=256, power=1.0, length=waves.shape[-1]
    ).to(waves.device)
    with torch.random.fork_rng(devices=[waves.device] if waves.is_cuda else []):
        torch.manual_seed(seed)
        return inverse(transform(waves))
