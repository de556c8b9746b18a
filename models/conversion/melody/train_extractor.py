"""Trains the melody extractor on voices with accompaniment; the targets are the melodies of the voices alone.

    encoder (trained without labels) ── fine-tuned with everything after it ── frozen from then on

Sound is float32, full scale [-1, 1].
Shapes: B batch, T samples, N melody frames.
"""

import copy
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from data.execution import Execution
from data.shards.loader import Batch
from data.voices.segments import Material
from models.conversion.melody.augment import equalised
from models.conversion.melody.config import MelodyTraining
from models.conversion.melody.encoder import Encoder
from models.conversion.melody.examples import Examples, as_tensors, voice_segments
from models.conversion.melody.extractor import ExtractorNetwork
from models.conversion.melody.load import load_encoder, snapshot_path
from models.conversion.melody.validation import MelodyValidation
from models.training.checkpoint import load, save
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage


class Anchor:
    """Keeps a fine-tuned encoder near the one it started from: the study's answer to forgetting.

    Shapes: L + 1 layers, B batch, N frames, D features.
    """

    def __init__(self, encoder: Encoder, config: MelodyTraining) -> None:
        """Remember the encoder as it is now."""
        self._config = config
        used = config.distance or config.replay
        self._start = copy.deepcopy(encoder).eval().requires_grad_(False) if used else None

    def loss(self, encoder: Encoder, voices: Tensor) -> Tensor:
        """Return the weighted distances of weights and of layers (on voices alone); 0 where neither is wanted."""
        start, total = self._start, voices.new_zeros(())
        if start is None:
            return total
        if self._config.distance:
            before = dict(start.named_parameters())
            moved = [(one - before[name]).square().sum() for name, one in encoder.named_parameters()]
            total = total + self._config.distance * torch.stack(moved).sum()
        if self._config.replay:
            total = total + self._config.replay * (encoder(voices) - start(voices)).square().mean()
        return total


def train_extractor(
    execution: Execution, voices: Path, targets: Path, encoder: Path, config: MelodyTraining
) -> Figures:
    """Train the melody extractor; `models.conversion.melody.load.load_extractor` reads it.

    The figures of the validation are those of `MelodyValidation`: accuracies on voices of the split "valid".

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        voices: folder of the shards of voices and accompaniments.
        targets: folder of the shards with the melodies of the voices.
        encoder: folder of the encoder to start from, the project's own or a published one.
        config: settings of the training.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: no training voice is long enough, or the encoder is missing or damaged.

    Example:
        >>> config = MelodyTraining(ExtractorConfig(), FitConfig(steps=5000, batch_size=16), Mixing())
        >>> train_extractor(Execution(Path("melody")), Path("voices"), Path("targets"), Path("encoder"), config)
    """
    device = torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = ExtractorNetwork(load_encoder(encoder, device), config.extractor).to(device)
    prepare(network, config.tuned)
    anchor = Anchor(network.encoder, config)

    def objective(batch: Batch) -> Iterator[Loss]:
        if batch.step in config.snapshots:
            save(snapshot_path(execution.folder, batch.step), network.state_dict(), {})
        examples = as_tensors(batch, device)
        outputs = network(heard(examples, config.equaliser))
        losses = network.losses(outputs, examples.targets)
        yield "network", sum(losses.values(), start=anchor.loss(network.encoder, examples.voices))

    validation = MelodyValidation(voices, targets, config, device)

    def validate(model: nn.Module) -> Figures:
        assert isinstance(model, ExtractorNetwork)
        return validation.figures(model)

    def stage(world: World) -> Stage:
        batches = voice_segments(Material(voices, targets), config.mixing, config.fit, world)
        groups = {"network": [one for one in network.parameters() if one.requires_grad]}
        return Stage("melody extractor", network, batches, objective, validate, groups, (network.blocks,))

    described = load(encoder / "model").metadata["encoder"]
    before = network.layer_weights().tolist()
    metadata = {"extractor": asdict(config.extractor), "encoder": described, "layer_weights_before": before}
    return train_stage(execution, stage, config.fit, metadata)


def prepare(network: ExtractorNetwork, tuned: bool) -> None:
    """Choose what is trained: everything but an encoder's frozen parameters, or only what comes after the encoder."""
    network.train().requires_grad_(True)
    for one in network.encoder.frozen_parameters() if tuned else network.encoder.parameters():
        one.requires_grad_(False)


def heard(examples: Examples, decibels: float) -> Tensor:
    """Return the mixtures as the extractor hears them in training: through a random equaliser if one is wanted."""
    return equalised(examples.mixtures, decibels) if decibels else examples.mixtures
