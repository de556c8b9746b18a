"""Trains a vocoder on recorded voices, and fine-tunes it on mel spectrograms that the acoustic model predicted.

    voice ── mel spectrogram ── generator ── wave ── losses (mel, STFT, discriminators) against the voice

Both functions resume from their checkpoint if they were stopped and write `model.safetensors` and `model.json`. They
return the figures of copy synthesis on voices of the split "valid": "valid_within_50_cents" and "valid_mr_stft", with
the training "loss" and "seconds".

Shapes: B batch, T samples, N mel frames, C frames of context on either side of an example.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError
from data.execution import Execution
from data.shards.loader import Batch, BatchPlan
from data.shards.reader import Shards
from models.conversion.frames import HOP
from models.conversion.mel import log_mel
from models.conversion.vocoder.config import LossWeights, VocoderTraining
from models.conversion.vocoder.copy_synthesis import Recordings, summarise
from models.conversion.vocoder.discriminators import Discriminators
from models.conversion.vocoder.excitation import make_source
from models.conversion.vocoder.load import Vocoder, read_vocoder
from models.conversion.vocoder.losses import (
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    mel_distance,
    stft_distance,
)
from models.conversion.vocoder.network import Trained, build, generate
from models.conversion.vocoder.pulses import Pulses
from models.conversion.vocoder.segments import CONTEXT, Clip, VoiceExamples, find_clips, read_f0, track_f0
from models.training.config import FitConfig
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage


@dataclass(frozen=True)
class _Material:
    """What a vocoder is trained on: voices, where they are stored, and their F0 if the arm needs it."""

    shards: Shards
    clips: list[Clip]
    f0: Mapping[str, np.ndarray] | None


def train_vocoder(execution: Execution, voices: Path, config: VocoderTraining, targets: Path | None = None) -> Figures:
    """Train a vocoder on the voices of the split "train".

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        voices: folder of the shards of voices.
        config: settings of the training.
        targets: folder of the shards of targets, which hold F0. Without it the arm "pulses" tracks F0 itself, by
            `config.examples.tracker`; the other arms do not need F0.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: there is no voice to train on, or the targets lack one.

    Example:
        >>> train_vocoder(Execution(Path("vocoder")), Path("voices"), VocoderTraining(arm="pulses"))
    """
    torch.manual_seed(config.fit.seed)
    discriminators = Discriminators(config.discriminators) if config.weights.adversarial else None
    network = Trained(build(config.generator), discriminators).to(torch.device(execution.device))
    shards = Shards(voices)
    clips = find_clips(shards, "train")
    f0 = _f0(execution, shards, clips, config, targets)
    return _train(execution, network, (config, config.fit), _Material(shards, clips, f0))


def tune_vocoder(execution: Execution, vocoder: Path, predicted: Path, config: VocoderTraining) -> Figures:
    """Train a vocoder further on mel spectrograms that the acoustic model predicted for recorded voices.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        vocoder: folder of the trained vocoder.
        predicted: folder of shards with two records per clip: part "mel", float16 (N, 80), and part "voice", int16
            (T, 1) at 16 kHz, whose mel spectrogram it predicts frame by frame. Columns clip, part and split.
        config: settings of the training; its sizes must be those of the trained vocoder.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: the vocoder is missing or damaged, or has other sizes than the configuration, or no voice has a
            predicted mel spectrogram.

    Example:
        >>> tune_vocoder(Execution(Path("tuned")), Path("vocoder"), Path("predicted"), VocoderTraining(arm="pulses"))
    """
    tensors, metadata = read_vocoder(vocoder)
    discriminators = Discriminators(config.discriminators) if config.weights.adversarial else None
    network = Trained(build(config.generator), discriminators)
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(
            f"{vocoder}: the vocoder {metadata['arm']!r} has other sizes than the configuration ({config.arm!r}); "
            "train it with this configuration"
        ) from error
    shards = Shards(predicted)
    clips = find_clips(shards, "train")
    if not clips or clips[0].mel_row < 0:
        raise InputError(f"{predicted}: no voice of the split 'train' has a record of part 'mel'; predict them anew")
    f0 = _f0(execution, shards, clips, config, None)
    network = network.to(torch.device(execution.device))
    return _train(execution, network, (config, config.tune), _Material(shards, clips, f0))


def _f0(
    execution: Execution, shards: Shards, clips: list[Clip], config: VocoderTraining, targets: Path | None
) -> Mapping[str, np.ndarray] | None:
    """Return F0 by clip if the arm needs it: from the targets if there are any, otherwise from a pitch tracker."""
    if config.arm != "pulses":
        return None
    if targets is not None:
        return read_f0(targets)
    return track_f0(shards, clips, config.examples.tracker, execution.listener)


def _train(
    execution: Execution, network: Trained, settings: tuple[VocoderTraining, FitConfig], material: _Material
) -> Figures:
    """Train to the last step and write the model; the settings are the configuration and that of the loop."""
    (config, fit), device = settings, torch.device(execution.device)
    objective = Objective(network, config.weights, device)
    recordings = Recordings(material.shards, "valid", config.validation)

    def validate(model: Trained) -> Figures:  # type: ignore[override]
        vocoder = Vocoder(config.arm, model.generator, device)
        found = summarise(recordings.rows(config.arm, vocoder.wave))
        model.generator.requires_grad_(True)
        return found

    def stage(world: World) -> Stage:
        plan = BatchPlan(fit.batch_size, fit.seed, (world.rank, world.size))
        batches = VoiceExamples(material.shards, material.clips, plan, config.examples, material.f0)
        return Stage("vocoder", network, batches, objective.losses, validate, network.groups)  # type: ignore[arg-type]

    return train_stage(execution, stage, fit, {"arm": config.arm, "generator": asdict(config.generator)})


class Objective:
    """The losses of a training: of the discriminators, if there are any, then of the generator."""

    def __init__(self, network: Trained, weights: LossWeights, device: torch.device) -> None:
        self._network, self._weights, self._device = network, weights, device

    def losses(self, batch: Batch) -> Iterator[Loss]:
        """Yield the losses of one batch."""
        network = self._network
        true, mel, f0 = self._inputs(batch)
        source = None
        if f0 is not None:
            source = make_source(f0.cpu().numpy(), self._device, torch.rand(len(f0)).numpy())
        made = generate(network.generator, mel, source, torch.default_generator)
        if network.discriminators is not None:
            yield (
                "discriminators",
                discriminator_loss(network.discriminators(true), network.discriminators(made.detach())),
            )
        with torch.autocast(self._device.type, enabled=False):
            loss = self._distance(true, made.float())
            if f0 is not None and isinstance(network.generator, Pulses):
                loss = loss + self._weights.pitch * network.generator.pitch.loss(mel, f0)
        if network.discriminators is not None:
            network.discriminators.requires_grad_(False)  # spares their gradients
            judged = network.discriminators(made)
            matching = self._weights.features * feature_loss(network.discriminators(true), judged)
            loss = loss + self._weights.adversarial * (adversarial_loss(judged) + matching)
        yield "generator", loss
        if network.discriminators is not None:
            network.discriminators.requires_grad_(True)

    def _inputs(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return true waves (B, 160·N), mel spectrograms (B, N, 80), and F0 in Hz (B, N) if the arm needs it."""
        wave = torch.from_numpy(batch.values[..., 0]).to(self._device)  # (B, 160·(N + 2C))
        if "mel" in batch.labels:
            mel = torch.from_numpy(batch.labels["mel"]).to(self._device)
        else:
            mel = log_mel(wave)[:, CONTEXT : -CONTEXT - 1]
        f0 = torch.from_numpy(batch.labels["f0"]).to(self._device) if "f0" in batch.labels else None
        return wave[:, CONTEXT * HOP : -CONTEXT * HOP], mel, f0

    def _distance(self, true: Tensor, made: Tensor) -> Tensor:
        """Return the weighted distances of mel spectrograms and STFTs."""
        weights = self._weights
        loss = made.new_zeros(())
        if weights.mel:
            loss = loss + weights.mel * mel_distance(true, made)
        if weights.stft:
            loss = loss + weights.stft * stft_distance(true, made)
        return loss
