"""Validates a melody extractor while it is trained: accuracy of its pitch on voices of the split "valid".

The figures are simple ones for the curve of a training; `eval.metrics.f0` judges the finished system.
"""

import zlib
from pathlib import Path

import numpy as np
import torch

from data.shards.reader import Shards
from data.voices.index import Voices
from models.conversion.frames import FRAME_RATE, HOP, melody_frames
from models.conversion.melody.config import MelodyTraining
from models.conversion.melody.extractor import ExtractorNetwork
from models.conversion.melody.load import Extractor, Melody
from models.training.stage import Figures

_NEAR = 50.0  # cents
_SNR = 5.0  # dB


def frame_accuracies(melody: Melody, target: np.ndarray) -> tuple[float, float]:
    """Return raw pitch accuracy and overall accuracy of a melody.

    The first is the fraction of voiced frames whose pitch, guesses included, is within 50 cents; NaN if none is voiced.
    The second is the fraction of all frames that are right: unvoiced in both, or voiced in both and within 50 cents.

    Args:
        melody: the melody found, N frames.
        target: (N, 3): F0 in Hz with 0 where unvoiced, energy, voicing.
    """
    true = target[:, 0] > 0
    near = np.zeros(len(true), bool)
    near[true] = np.abs(1200 * np.log2(melody.pitch[true] / target[true, 0])) < _NEAR
    found = melody.voicing >= 0.5
    right = np.where(true, near & found, ~found)
    return float(near[true].mean()) if true.any() else float("nan"), float(right.mean())


class MelodyValidation:
    """Voices of the split "valid", alone and over their own accompaniment or another of that split at 5 dB."""

    def __init__(self, voices: Path, targets: Path, config: MelodyTraining, device: torch.device) -> None:
        """Choose the clips: the same ones whenever the shards are the same.

        Args:
            voices: folder of the shards of voices and accompaniments.
            targets: folder of the shards with the melodies of the voices.
            config: number of clips and seconds of each.
            device: device to compute on.
        """
        found, melodies = Voices(voices), Shards(targets)
        rows = {str(one): row for row, one in enumerate(melodies.column("id"))}
        clips = [one for one in found.sung("valid") if one.id in rows]
        clips = sorted(clips, key=lambda clip: zlib.crc32(clip.id.encode()))[: config.validation_clips]
        others = [one.accompaniment for one in found.accompaniments("valid")]
        self._device, length = device, int(config.validation_seconds * FRAME_RATE) * HOP
        self._clips: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []  # voice, accompaniment, target
        for number, clip in enumerate(clips):
            voice = found.wave(clip.voice)[:length]
            target = melodies.read(rows[clip.id])[: melody_frames(len(voice))]
            own = clip.accompaniment if clip.accompaniment >= 0 or not others else others[number % len(others)]
            rest = np.zeros_like(voice) if own < 0 else np.resize(found.wave(own), voice.shape)
            self._clips.append((voice, at_snr(voice, rest, target[:, 2], _SNR), target))

    def figures(self, network: ExtractorNetwork) -> Figures:
        """Return mean "pitch" and "overall" accuracies of voices alone, and "pitch_5db" and "overall_5db"."""
        extractor, found = Extractor(network, self._device), []
        for voice, rest, target in self._clips:
            alone = frame_accuracies(extractor.melody(voice), target)
            found.append((*alone, *frame_accuracies(extractor.melody(voice + rest), target)))
        if not found:
            return {}
        kept = [[value for value in column if np.isfinite(value)] for column in zip(*found, strict=True)]
        names = ("pitch", "overall", "pitch_5db", "overall_5db")
        return {name: float(np.mean(column)) for name, column in zip(names, kept, strict=True) if column}


def at_snr(voice: np.ndarray, rest: np.ndarray, voicing: np.ndarray, snr: float) -> np.ndarray:
    """Return the accompaniment scaled so that the voice is `snr` dB above it on sung frames."""
    sung = np.repeat(voicing > 0.5, HOP)[: len(voice)]
    sung = np.pad(sung, (0, len(voice) - len(sung)))
    if not sung.any():
        return rest
    powers = [float(np.mean(one[sung] ** 2)) for one in (voice, rest)]
    return rest * np.float32(np.sqrt(powers[0] / max(powers[1], 1e-12) / 10 ** (snr / 10)))
