"""Measures how much of what is sung an encoder still tells, while it is fine-tuned on melody.

The content task: a linear probe names the unit of sound (`content.units`) of a content frame from all layers of the
encoder. The layers' local mean is taken away, as the content networks do, because it tells the singer. The probe is
linear discriminant analysis, in closed form and with the same settings for each encoder, so that errors differ by the
encoders alone. It is fitted on clean voices of the split "train" and tried on those of "valid".

Shapes: L layers, S samples, M content frames, D features of a layer, F = L·D, K units.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from data.errors import InputError
from data.execution import Execution
from data.files.durable import write_json
from data.progress import Progress
from data.voices.index import Clip, Voices
from models.conversion.baselines import extracting
from models.conversion.content.centre import centred
from models.conversion.content.config import UnitsConfig
from models.conversion.content.units import SingerStatistics, Units, find_units
from models.conversion.estimates import write_melodies
from models.conversion.frames import LEAST, RATE, content_frames
from models.conversion.melody.encoder import Encoder
from models.conversion.melody.load import load_encoder, load_extractor

ERRORS = "content_errors.json"
_LONGEST = 20 * RATE  # samples of a recording that are used
_RIDGE = 0.01  # added to the variances within units, which are 1 by then


@dataclass(frozen=True)
class Fitting:
    """What the probe is fitted and tried on.

    Attributes:
        units: how the units are found.
        seed: seed of the units.
        train: seconds of voices of the split "train" that it is fitted on, at most.
        valid: seconds of voices of the split "valid" that it is tried on, at most.
    """

    units: UnitsConfig
    seed: int = 0
    train: float = 900.0
    valid: float = 300.0


@dataclass(frozen=True)
class Trained:
    """The training that is studied.

    Attributes:
        encoder: folder of the encoder before it was fine-tuned.
        extractor: folder of the melody extractor, with its snapshots.
        snapshots: numbers of steps after which weights were kept (`MelodyTraining.snapshots`).
        steps: number of all steps.
    """

    encoder: Path
    extractor: Path
    snapshots: tuple[int, ...]
    steps: int


def write_lengths(
    execution: Execution, voices: Path, mixtures: Path, trained: Trained, fitting: Fitting
) -> dict[str, float]:
    """Write melodies by each snapshot of a training, and the errors of the content task; if stopped, it resumes.

    The folder gets shards as those of `write_melodies`, with the systems `after<steps>`, and content_errors.json: the
    "errors" by number of steps, 0 for the encoder before fine-tuning, and "likeliest", the error of naming always the
    most frequent unit.

    Args:
        execution: output folder, device and listener.
        voices: folder of the voices shards.
        mixtures: folder of the evaluation mixtures.
        trained: the training.
        fitting: what the probe is fitted and tried on.

    Returns:
        The errors before and after all steps.

    Raises:
        InputError: a snapshot is missing, or there are too few voices of the splits "train" and "valid".

    Example:
        >>> trained = Trained(Path("encoder"), Path("melody"), (1000, 2000), 5000)
        >>> write_lengths(Execution(Path("study")), Path("voices"), Path("mixtures"), trained, Fitting(UnitsConfig()))
    """
    device = torch.device(execution.device)
    kept = {step: load_extractor(trained.extractor, device, after=step) for step in trained.snapshots}
    kept[trained.steps] = load_extractor(trained.extractor, device)
    write_melodies(execution, mixtures, {f"after{step}": extracting(one) for step, one in kept.items()})
    encoders = {0: load_encoder(trained.encoder, device), **{step: one.network.encoder for step, one in kept.items()}}
    task = ContentTask(Voices(voices), fitting, execution)
    errors = task.errors(encoders)
    write_json(execution.folder / ERRORS, {"errors": errors, "likeliest": task.likeliest})
    return {"content error before": round(errors[0], 4), "content error after": round(errors[trained.steps], 4)}


class ContentTask:
    """The content task on the voices at hand.

    Attributes:
        likeliest: error of naming always the unit that is the most frequent one in the voices that are tried.
    """

    def __init__(self, voices: Voices, fitting: Fitting, execution: Execution) -> None:
        """Find the units and choose the clips, the same ones whenever the shards are the same.

        Raises:
            InputError: a split has no voice that is long enough, or too few frames for so many units.
        """
        self._voices, self._execution = voices, execution
        found, statistics = find_units(voices, fitting.units, fitting.seed, execution.listener)
        self._name = partial(_units, found, statistics)
        self._count = found.count
        self._train, self._valid = (
            self._chosen(split, seconds) for split, seconds in (("train", fitting.train), ("valid", fitting.valid))
        )
        every = torch.cat([self._name(one, wave) for one, wave in self._waves(self._valid)])
        counts = torch.bincount(every[every > 0], minlength=self._count)
        if not counts.sum():
            raise InputError(f"{voices.shards.folder}: only silence in the split 'valid'; add recordings")
        self.likeliest = 1 - float(counts.max() / counts.sum())

    def _chosen(self, split: str, seconds: float) -> list[Clip]:
        """Return clips of a split in an order that their ids decide, until they last so long."""
        clips = [one for one in self._voices.sung(split) if one.samples >= LEAST]
        if not clips:
            raise InputError(f"{self._voices.shards.folder}: no voice in the split {split!r}; add singers")
        chosen, total = [], 0.0
        for clip in sorted(clips, key=lambda one: zlib.crc32(one.id.encode())):
            if total >= seconds:
                break
            chosen.append(clip)
            total += min(clip.samples, _LONGEST) / RATE
        return chosen

    def _waves(self, clips: list[Clip]) -> Iterator[tuple[Clip, Tensor]]:
        """Yield clips with their waves, (1, S)."""
        for clip in clips:
            yield clip, torch.from_numpy(self._voices.wave(clip.voice)[:_LONGEST])[None]

    def errors(self, encoders: Mapping[int, Encoder]) -> dict[int, float]:
        """Return the share of the sung frames of the split "valid" whose unit the probe does not name, by encoder."""
        listener = self._execution.listener
        progress = Progress("content task", total=len(encoders), unit="encoders", listener=listener)
        found = {}
        for name, encoder in encoders.items():
            found[name] = self._error(encoder)
            progress.advance()
        progress.finish()
        return found

    @torch.no_grad()
    def _error(self, encoder: Encoder) -> float:
        """Return the error of one encoder."""
        probe = Probe(self._count)
        for clip, wave in self._waves(self._train):
            probe.add(self._heard(encoder, wave), self._name(clip, wave))
        judge, wrong, total = probe.solve(), 0, 0
        for clip, wave in self._waves(self._valid):
            true = self._name(clip, wave)
            named = judge(self._heard(encoder, wave)).argmax(1)
            wrong += int((named != true)[true > 0].sum())
            total += int((true > 0).sum())
        return wrong / total

    def _heard(self, encoder: Encoder, wave: Tensor) -> Tensor:
        """Return all layers of a wave on the content grid without their local mean, (M, L·D), on the CPU."""
        layers = encoder(wave.to(self._execution.device))[:, 0, 2::2].float()  # the frame nearest to the middle
        frames = layers[:, : content_frames(wave.shape[1])]  # (L, M, D)
        return centred(frames).transpose(0, 1).flatten(1).cpu()


class Probe:
    """Linear discriminant analysis: the most probable unit if the features of each unit are equally spread Gaussians.

    It is computed from sums over the frames of one recording after the other.

    Example:
        >>> probe = Probe(count=3)
        >>> probe.add(features, units)
        >>> probe.solve()(features).argmax(1)
    """

    def __init__(self, count: int) -> None:
        """Prepare for `count` units."""
        self._counts = torch.zeros(count, dtype=torch.float64)
        self._sums, self._square = torch.zeros(0), torch.zeros(0)

    def add(self, features: Tensor, units: Tensor) -> None:
        """Add frames: features (M, F), units (M,) int64."""
        if not self._counts.any():
            size = features.shape[1]
            self._sums = torch.zeros(len(self._counts), size, dtype=torch.float64)
            self._square = torch.zeros(size, size, dtype=torch.float64)
        double = features.double()
        self._counts += torch.bincount(units, minlength=len(self._counts))
        self._sums.index_add_(0, units, double)
        self._square += double.T @ double

    def solve(self) -> Callable[[Tensor], Tensor]:
        """Return the function from features (M, F) to the logarithm of the probability of each unit, (M, K).

        The logarithm lacks a term that all units have in common. A unit without frames is never the most probable.
        """
        total = self._counts.sum()
        means = self._sums / self._counts.clamp(min=1)[:, None]  # (K, F)
        spread = (self._square - means.T @ (means * self._counts[:, None])) / total
        scale = spread.diagonal().clamp(min=1e-12).sqrt()
        normal = spread / (scale[:, None] * scale)
        normal += _RIDGE * torch.eye(len(normal), dtype=normal.dtype)
        matrix = torch.linalg.solve(normal, (means / scale).T) / scale[:, None]  # (F, K)
        offset = (self._counts / total).log() - (matrix.T * means).sum(1) / 2
        return lambda features: features.double() @ matrix + offset


def _units(units: Units, statistics: SingerStatistics, clip: Clip, wave: Tensor) -> Tensor:
    """Return the units of the content frames of a clip, (M,)."""
    return units.name(wave, *statistics.rows([clip.singer]))[0]
