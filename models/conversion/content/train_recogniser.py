"""Trains the project's own recogniser without transcripts: to name the units of sound of the clean voice.

    voice ── units ──────────────────────────────┐
      └─ accompaniment, stretched frequencies ── recogniser ── features ── units, sequence of units

It hears the voice with accompaniment mixed in and as if another vocal tract had sung, so that its features tell what is
sung rather than who sings or what plays along.

The units are clusters of sounds, not phonemes, and what is trained is no recogniser of words: no transcript is used,
nothing makes one unit of two ways to sing the same vowel, and the unit of a frame comes from its spectrum alone. The
CTC loss is over sequences of units too. A published encoder (`models.conversion.content.whisper`) has learnt words.

Shapes: B batch, S samples, M content frames.
"""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data.execution import Execution
from data.shards.loader import Batch, BatchPlan
from data.voices.index import Voices
from data.voices.segments import Material, VoiceSegments
from models.conversion.content.config import RecogniserTraining
from models.conversion.content.recogniser import Distortion, Recogniser, unit_losses
from models.conversion.content.units import SingerStatistics, Units, described, find_units
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage


def train_recogniser(execution: Execution, voices: Path, config: RecogniserTraining) -> Figures:
    """Train the project's own recogniser; `models.conversion.content.load.load_content` reads it.

    The validation figures "valid_accuracy" and "valid_accuracy_0db" are the fractions of content frames of the split
    "valid" whose unit is named: of the clean voice, and with accompaniment at 0 dB (where accompaniments are wanted).
    "valid_likeliest" is what naming always the most frequent unit would reach.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        voices: folder of the shards of voices and accompaniments.
        config: settings of the training.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: there is no training voice, or no accompaniment where one is wanted, or too little singing for so
            many units.

    Example:
        >>> fit = FitConfig(steps=1000, batch_size=16)
        >>> config = RecogniserTraining(RecogniserConfig(), fit, Mixing())
        >>> train_recogniser(Execution(Path("content")), Path("voices"), config)
    """
    device = torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    units, statistics = find_units(Voices(voices), config.units, config.fit.seed, execution.listener)
    network = Recogniser(config.recogniser, units.count).to(device)
    teacher = _Teacher(units, statistics, Voices(voices).singers(), device)

    def objective(batch: Batch) -> Iterator[Loss]:
        mixture, true = teacher.examples(batch)
        losses = unit_losses(network(mixture, _distortion(len(mixture), config, device)), true)
        yield "network", (1 - config.ctc) * losses["frames"] + config.ctc * losses["ctc"]

    held_out = _held_out(voices, config)

    def validate(model: torch.nn.Module) -> Figures:
        assert isinstance(model, Recogniser)
        return _accuracies(model, held_out, teacher, config.validation_batches)

    def stage(world: World) -> Stage:
        plan = BatchPlan(config.fit.batch_size, config.fit.seed, (world.rank, world.size))
        segments = VoiceSegments(Material(voices), plan, config.mixing)
        return Stage("recogniser", network, segments, objective, validate, compilable=(network.blocks,))

    sizes = {"kind": "recogniser", "recogniser": asdict(config.recogniser), "units": units.count}
    return train_stage(execution, stage, config.fit, {"content": sizes, "centres": described(units)})


class _Teacher:
    """Names the units of the clean voices of a batch."""

    def __init__(self, units: Units, statistics: SingerStatistics, singers: list[str], device: torch.device) -> None:
        """Remember units and singers; `singers` is in the order of the numbers in batches."""
        self._units, self._statistics, self._singers, self._device = units, statistics, singers, device

    def examples(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return mixtures (B, S) and the units of their voices (B, M)."""
        values = torch.from_numpy(batch.values).to(self._device)
        voices, mixtures = (values[..., place].contiguous() for place in (0, 1))
        names = [self._singers[place] for place in np.asarray(batch.labels["singer"]).tolist()]
        mean, deviation = (one.to(self._device) for one in self._statistics.rows(names))
        return mixtures, self._units.name(voices, mean, deviation)


def _distortion(count: int, config: RecogniserTraining, device: torch.device) -> Distortion:
    """Draw how the filter banks of `count` examples are changed."""
    factors, slopes = 2 * torch.rand(2, count, device=device) - 1
    return Distortion(1 + config.warp * factors, config.tilt * slopes)


def _held_out(voices: Path, config: RecogniserTraining) -> dict[str, VoiceSegments]:
    """Return the validation batches by the name of their figure; none where the split "valid" has no voices."""
    if not Voices(voices).sung("valid"):
        return {}
    mixing = config.mixing
    wanted = {"accuracy": replace(mixing, probability=0.0, shift=0.0)}
    if mixing.probability > 0:
        wanted["accuracy_0db"] = replace(mixing, probability=1.0, snr=(0.0, 0.0), shift=0.0)
    plan = BatchPlan(config.fit.batch_size, config.fit.seed)
    return {name: VoiceSegments(Material(voices, split="valid"), plan, one) for name, one in wanted.items()}


def _accuracies(network: Recogniser, held_out: dict[str, VoiceSegments], teacher: _Teacher, batches: int) -> Figures:
    """Return the fraction of frames whose unit is named for each kind of batch, and that of the most frequent unit."""
    figures: Figures = {}
    for name, segments in held_out.items():
        examples = [teacher.examples(segments.load(step)) for step in range(batches)]
        right = [(network(mixture).units.argmax(2) == true).float().mean().item() for mixture, true in examples]
        figures[name] = sum(right) / len(right)
        every = torch.cat([true.flatten() for _, true in examples])
        figures["likeliest"] = (torch.bincount(every).max() / len(every)).item()
    return figures
