"""Measures copy synthesis: how well a vocoder makes a recorded voice again from its mel spectrogram.

Two figures are computed for each clip:

- within_50_cents: fraction of the voiced frames of the recording in which the copy is voiced and its F0, as a pitch
  tracker finds it, within 50 cents;
- mr_stft: the multi-resolution STFT distance of Parallel WaveGAN; smaller is better.

F0 is not given to the vocoder: it has the mel spectrogram only. The arm of a preset is chosen by these figures.

Shapes: N mel frames, T samples.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from data.errors import InputError
from data.execution import Execution
from data.files.tables import write_table
from data.pitch.trackers import track
from data.progress import Progress
from data.shards.reader import Shards
from models.conversion.frames import HOP, RATE
from models.conversion.mel import log_mel
from models.conversion.vocoder.config import CopyConfig
from models.conversion.vocoder.griffin_lim import griffin_lim
from models.conversion.vocoder.load import load_vocoder
from models.conversion.vocoder.losses import stft_distance
from models.conversion.vocoder.segments import Clip, find_clips, read_wave

TABLE = "copy_synthesis.parquet"
BASELINE = "griffin_lim"
IN_TUNE = 0.95  # fraction of voiced frames that a vocoder must keep in tune
_CENTS = 50.0
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


def count_in_tune(reference: np.ndarray, estimate: np.ndarray) -> tuple[int, int]:
    """Return the number of frames voiced in both that differ by at most 50 cents, and that voiced in the reference.

    Args:
        reference: F0 of the recording in Hz, (N,), 0 where unvoiced.
        estimate: F0 of the copy, (M,); the frames beyond the shorter of both are left out.

    Example:
        >>> count_in_tune(np.array([100.0, 100.0, 100.0, 0.0]), np.array([100.0, 104.0, 0.0, 100.0]))
        (1, 3)
    """
    count = min(len(reference), len(estimate))
    reference, estimate = reference[:count], estimate[:count]
    both = (reference > 0) & (estimate > 0)
    cents = 1200 * np.log2(estimate[both] / reference[both])
    return int((np.abs(cents) <= _CENTS).sum()), int((reference > 0).sum())


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


def write_copy_synthesis(
    execution: Execution, vocoders: Mapping[str, Path], voices: Path, split: str, config: CopyConfig
) -> dict[str, dict[str, float]]:
    """Measure trained vocoders and Griffin-Lim on the same recordings, and write `copy_synthesis.parquet`.

    Args:
        execution: folder of the table, device, and listener.
        vocoders: folders of trained vocoders by name.
        voices: folder of the shards of voices.
        split: split to measure on.
        config: which clips are used.

    Returns:
        The figures (`summarise`) by name of the vocoder, with "griffin_lim".

    Raises:
        InputError: the split has no voices, or a vocoder is missing or damaged.

    Example:
        >>> write_copy_synthesis(Execution(Path("copies")), {"pulses": Path("vocoder")}, voices, "valid", CopyConfig())
        {'griffin_lim': {'within_50_cents': …, 'mr_stft': …}, 'pulses': {…}}
    """
    device = torch.device(execution.device)
    recordings = Recordings(Shards(voices), split, config)
    if not len(recordings):
        raise InputError(f"{voices}: no voices of the split {split!r} to measure copy synthesis on")
    total = len(recordings) * (1 + len(vocoders))
    progress = Progress("copy synthesis", total=total, unit="clips", listener=execution.listener)
    systems: dict[str, Make] = {BASELINE: griffin_lim}
    systems |= {name: load_vocoder(folder, device).wave for name, folder in vocoders.items()}
    rows = {name: recordings.rows(name, make, progress) for name, make in systems.items()}
    progress.finish()
    execution.folder.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist([one for some in rows.values() for one in some])
    write_table(execution.folder / TABLE, [table], {"split": split, "tracker": config.tracker})
    return {name: summarise(some) for name, some in rows.items()}


def choose_arm(figures: Mapping[str, Mapping[str, float]]) -> str:
    """Return the vocoder to use: of those that keep 95 % of the voiced frames in tune, the one of least mr_stft.

    If none keeps so many, it is the one that keeps most. Griffin-Lim is never chosen.

    Args:
        figures: figures of copy synthesis on the validation voices, by name of the vocoder.

    Raises:
        InputError: there is no vocoder but Griffin-Lim.

    Example:
        >>> figures = {"vocos": {"within_50_cents": 0.4, "mr_stft": 1.0}}
        >>> choose_arm(figures | {"pulses": {"within_50_cents": 0.97, "mr_stft": 1.2}})
        'pulses'
    """
    trained = {name: one for name, one in figures.items() if name != BASELINE}
    if not trained:
        raise InputError("copy synthesis: there is no trained vocoder to choose from; train one")

    def merit(name: str) -> tuple[float, float]:
        kept = trained[name].get("within_50_cents", 0.0)
        return min(kept, IN_TUNE), -trained[name].get("mr_stft", float("inf"))

    return max(trained, key=merit)
