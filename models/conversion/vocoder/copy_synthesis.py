"""Measures copy synthesis: how well a vocoder makes a recorded voice again from its mel spectrogram.

Two figures are computed for each clip:

- within_50_cents: fraction of the voiced frames of the recording in which the copy is voiced and its F0, as a pitch
  tracker finds it, within 50 cents;
- mr_stft: the multi-resolution STFT distance of Parallel WaveGAN; smaller is better.

F0 is not given to the vocoder: it has the mel spectrogram only. A training is validated by these figures, and the arm
of a preset was chosen by them.

Shapes: N mel frames, T samples.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from data.pitch.trackers import track
from data.pitch.tracks import count_in_tune
from data.progress import Progress
from data.shards.reader import Shards
from models.conversion.frames import HOP, RATE
from models.conversion.mel import log_mel
from models.conversion.vocoder.config import CopyConfig
from models.conversion.vocoder.losses import stft_distance
from models.conversion.vocoder.segments import Clip, find_clips, read_wave

_LEAST = 1025  # samples of the shortest recording that has the STFT distance

Make = Callable[[np.ndarray], np.ndarray]  # mel spectrogram (N, 80) to wave (160·N,)


def choose_clips(clips: Iterable[Clip], most: int) -> list[Clip]:
    """Return at most `most` clips, in turn one of each singer, in order; all of them if `most` is 0.

    Example:
        >>> [one.name for one in choose_clips([Clip("a1", "a", 0, 9), Clip("a2", "a", 1, 9), Clip("b1", "b", 2, 9)], 2)]
        ['a1', 'b1']
    """
    long = [one for one in clips if one.frames * HOP >= _LEAST]
    turns: dict[str, int] = {}
    ranked = []
    for place, clip in enumerate(long):
        ranked.append((turns.get(clip.singer, 0), place, clip))
        turns[clip.singer] = turns.get(clip.singer, 0) + 1
    return [clip for _, _, clip in sorted(ranked, key=lambda one: one[:2])[: most or None]]


class Recordings:
    """Recordings to be copied, with mel spectrogram and F0, which are computed once.

    Example:
        >>> rows = Recordings(Shards(voices), "valid", CopyConfig()).rows("pulses", vocoder.wave)
    """

    def __init__(self, shards: Shards, split: str, config: CopyConfig) -> None:
        self._config = config
        self._clips = choose_clips(find_clips(shards, split), config.clips)
        self._waves, self._mels, self._f0 = [], [], []
        for clip in self._clips:
            wave = read_wave(shards, clip)[: int(config.seconds * RATE)]
            wave = wave[: min(len(wave) // HOP, clip.frames) * HOP]
            self._waves.append(wave)
            self._mels.append(_mel(shards, clip, wave))
            self._f0.append(_voiced_f0(config.tracker, wave))

    def __len__(self) -> int:
        return len(self._clips)

    def rows(self, system: str, make: Make, progress: Progress | None = None) -> list[dict[str, Any]]:
        """Return one row per clip: system, clip, singer, frames (voiced), within_50_cents and mr_stft.

        "within_50_cents" is NaN where no frame of the recording is voiced, "mr_stft" where the recording is silent.

        Args:
            system: name of the vocoder.
            make: makes a wave (160·N,) of a mel spectrogram (N, 80).
            progress: advanced by one for each clip.
        """
        found = []
        for clip, wave, mel, f0 in zip(self._clips, self._waves, self._mels, self._f0, strict=True):
            copy = make(mel)
            near, voiced = count_in_tune(f0, _voiced_f0(self._config.tracker, copy))
            pair = (torch.from_numpy(one)[None] for one in (wave, copy.astype(np.float32)))
            found.append(
                {
                    "system": system,
                    "clip": clip.name,
                    "singer": clip.singer,
                    "frames": voiced,
                    "within_50_cents": near / voiced if voiced else float("nan"),
                    "mr_stft": float(stft_distance(*pair)) if wave.any() else float("nan"),
                }
            )
            if progress is not None:
                progress.advance()
        return found


def _mel(shards: Shards, clip: Clip, wave: np.ndarray) -> np.ndarray:
    """Return the mel spectrogram (N, 80) of a wave (160·N,), or the predicted one of the clip if there is one."""
    if clip.mel_row >= 0:
        return shards.segment(clip.mel_row, 0, len(wave) // HOP).astype(np.float32)
    return log_mel(torch.from_numpy(wave)[None])[0, : len(wave) // HOP].numpy()


def _voiced_f0(tracker: str, wave: np.ndarray) -> np.ndarray:
    """Return F0 in Hz, (N,), 0 where unvoiced, as a tracker finds it."""
    f0, voicing = track(tracker, wave)
    return np.where(voicing > 0.5, f0, 0)


def summarise(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the figures over all clips: within_50_cents (of all voiced frames), mr_stft (mean); {} of no clips."""
    if not rows:
        return {}
    voiced = [one for one in rows if one["frames"]]
    near = sum(one["within_50_cents"] * one["frames"] for one in voiced)
    frames = sum(one["frames"] for one in voiced)
    distances = [one["mr_stft"] for one in rows if not np.isnan(one["mr_stft"])]
    figures = {"within_50_cents": near / frames} if frames else {}
    return figures | ({"mr_stft": float(np.mean(distances))} if distances else {})
