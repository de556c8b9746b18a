"""Trains the acoustic model, with its three adversaries.

Singers are of two kinds: the target singer ("in-set"), and all others ("out-set"). All are reconstructed, each with its
own entry of the singer table; in the end the target singer alone is. The others are converted to the target singer too,
whose mel spectrogram is not known: only the adversaries judge it.

Shapes: B batch, N melody frames.
"""

from collections.abc import Iterator
from dataclasses import asdict, astuple, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from data.execution import Execution
from data.shards.loader import Batch, BatchPlan
from models.conversion.acoustic.batches import AcousticExamples, Material, as_inputs
from models.conversion.acoustic.config import AcousticTraining
from models.conversion.acoustic.discriminators import Discriminators, ramp
from models.conversion.acoustic.network import AcousticNetwork, Outputs
from models.conversion.acoustic.validation import AcousticValidation
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage


class Trained(nn.Module):
    """The acoustic network with its discriminators, which are trained and saved together."""

    def __init__(self, config: AcousticTraining, singers: int) -> None:
        super().__init__()
        self.network = AcousticNetwork(config.acoustic, singers)
        self.discriminators = Discriminators(config.adversaries, config.acoustic.features)

    @property
    def groups(self) -> dict[str, list[nn.Parameter]]:
        """The parameters by the name of the optimiser that updates them."""
        found = {"network": self.network, "discriminators": self.discriminators}
        return {name: list(one.parameters()) for name, one in found.items() if list(one.parameters())}


def train_acoustic(execution: Execution, features: Path, config: AcousticTraining) -> Figures:
    """Train the acoustic model; `models.conversion.acoustic.load.load_acoustic` reads it.

    The figures of the validation are those of `AcousticValidation`.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        features: folder of the training material that `models.conversion.acoustic.features.write_features` wrote.
        config: settings of the training. The numbers of content and melody features are those of the material.

    Returns:
        The figures of the last validation, with "loss" (mean absolute error of the mel spectrogram, and the adversarial
        losses) and "seconds".

    Raises:
        InputError: the target singer has no training clip, or the material is damaged.

    Example:
        >>> config = AcousticTraining(AcousticConfig(), FitConfig(steps=100_000, batch_size=16))
        >>> train_acoustic(Execution(Path("acoustic")), Path("features"), config)
    """
    material, device = Material(features), torch.device(execution.device)
    extracted, content = material.sizes
    config = replace(config, acoustic=replace(config.acoustic, extracted=extracted, content=content))
    target = material.target(config.target)
    torch.manual_seed(config.fit.seed)
    network = Trained(config, len(material.singers)).to(device)
    objective = Objective(network, config, material.singers.index(target), device)
    validation = AcousticValidation(material, config, device)

    def validate(model: nn.Module) -> Figures:
        assert isinstance(model, Trained)
        return validation.figures(model.network)

    def stage(world: World) -> Stage:
        plan = BatchPlan(config.fit.batch_size, config.fit.seed, (world.rank, world.size))
        schedule = (config.fit.steps, config.acoustic.melody == "pitch")
        batches = AcousticExamples(material, target, plan, config.examples, schedule)
        blocks = (network.network.decoder, network.network.melody_encoder)
        return Stage("acoustic model", network, batches, objective.losses, validate, network.groups, blocks)

    ranges = {singer: astuple(one) for singer, one in material.ranges().items()}
    metadata = {
        "acoustic": asdict(config.acoustic), "singers": material.singers, "target": target, "ranges": ranges,
    }  # fmt: skip
    return train_stage(execution, stage, config.fit, metadata)


class Objective:
    """The losses of a training: of the discriminators, once any has begun, then of the acoustic network."""

    def __init__(self, network: Trained, config: AcousticTraining, target: int, device: torch.device) -> None:
        """Prepare the losses; `target` is the number of the target singer."""
        self._network, self._config, self._target, self._device = network, config, target, device

    def losses(self, batch: Batch) -> Iterator[Loss]:
        """Yield the losses of a batch of `AcousticExamples`."""
        network, device = self._network, self._device
        inputs, mel = as_inputs(batch, device)
        own = torch.from_numpy(batch.labels["target"]).to(device)
        singer = torch.from_numpy(batch.labels["singer"]).to(device)
        progress = batch.step / self._config.fit.steps
        outputs = network.network(inputs, singer)
        weights = self._weights(progress) if own.any() and not own.all() else {}
        pairs: dict[str, tuple[Tensor, Tensor]] = {}
        if weights:
            other = ~own
            converted: Outputs = network.network(inputs.examples(other), torch.full_like(singer[other], self._target))
            pairs = {
                "real": (mel[own], outputs.mel[own]),
                "conversion": (outputs.mel[own], converted.mel),
                "embedding": (outputs.embedding[own], converted.embedding),
            }
            judges = network.discriminators
            yield "discriminators", torch.stack([judges.losses(name, *pairs[name]) for name in weights]).sum()
        tuning = progress >= 1 - self._config.examples.tuning
        reconstructed = inputs.inside * own[:, None] if tuning and own.any() else inputs.inside
        loss = ((outputs.mel - mel).abs().mean(2) * reconstructed).sum() / reconstructed.sum().clamp(min=1)
        for name, weight in weights.items():
            loss = loss + weight * network.discriminators.deceived(name, pairs[name][1])
        yield "network", loss

    def _weights(self, progress: float) -> dict[str, float]:
        """Return the weights of the adversaries that have begun at a fraction of all steps."""
        adversaries = self._config.adversaries
        return {
            name: one.weight * ramp(progress, one.start, one.rise)
            for name in self._network.discriminators.judges
            for one in [getattr(adversaries, name)]
            if progress >= one.start
        }
