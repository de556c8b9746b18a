"""The training loop of every system: steps, validation, checkpoints, history, resume.

Nothing random outlives a step: the order of examples follows from (seed, epoch), every draw
from (seed, step, process), the learning rate from the step. A checkpoint is therefore weights,
optimiser moments and the step, and a training killed at any instant ends, on the CPU, with
the same bits as one that was not.

A step is one batch. Its objective is a generator of losses, each of which is followed by one
update: one for an ordinary network, nine for truncated back-propagation, two for two players.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from data.errors import InputError
from data.loader import Batch
from data.progress import Listener, Progress, ignore
from models.checkpoint import Checkpoint, Rolling
from models.config import FitConfig
from models.history import History
from models.interrupt import StopRequest
from models.processes import World

Loss = tuple[str, Tensor]


class Source(Protocol):
    """Batches addressed by step (`data.loader.Batches` is one)."""

    def stream(self, start: int, stop: int) -> AbstractContextManager[Iterator[Batch]]:
        """Yield batches start … stop."""
        ...


@dataclass
class Stage:
    """What is trained, on what, towards what.

    Attributes:
        name: for progress and errors.
        network: everything that is trained and kept, on the device.
        batches: the training batches.
        objective: called with a batch, yields (player, loss); the update of that player happens
            before the next loss is asked for.
        validate: called with the network (its moving average if there is one), returns figures.
        players: parameters by player; one player "network" with all of them by default.
        compilable: modules to hand to torch.compile where asked for.
    """

    name: str
    network: nn.Module
    batches: Source
    objective: Callable[[Batch], Iterator[Loss]]
    validate: Callable[[nn.Module], dict[str, float]] = lambda network: {}
    players: Mapping[str, list[nn.Parameter]] = field(default_factory=dict)
    compilable: tuple[nn.Module, ...] = ()


class Diverged(RuntimeError):
    """The loss stayed NaN or infinite after every remedy."""


ALONE = World()
PATIENCE = 5
ROLLBACKS = 3


def fit(
    stage: Stage,
    config: FitConfig,
    folder: Path,
    device: torch.device,
    *,
    among: World = ALONE,
    listener: Listener = ignore,
) -> dict[str, float]:
    """Train `stage` to its last step, from the newest checkpoint in `folder` if there is one.

    Afterwards the network holds the trained weights (the moving average if one is kept).

    Args:
        stage: what to train; its network is on `device`.
        config: how.
        folder: where checkpoints and history are kept.
        device: where to train.
        among: this process among several (`models.processes.world`).
        listener: is told steps, rate, time left and figures.

    Returns:
        The figures of the last validation, with "loss" and "seconds" of training.

    Raises:
        InputError: the checkpoint there belongs to another configuration.
        Diverged: the loss is NaN or infinite whatever is tried.
    """
    folder.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(stage, config, folder, device, among)
    with StopRequest() as stop:
        while not (trainer.finished or stop.requested):
            trainer.run(stop, listener)
    if not trainer.finished:
        stop.deliver()
        raise KeyboardInterrupt(f"{stage.name} stopped at step {trainer.step}")  # where signals were ignored
    return trainer.finish()


class _Trainer:
    """One training in progress. `step` counts finished steps."""

    def __init__(self, stage: Stage, config: FitConfig, folder: Path, device: torch.device, among: World) -> None:
        self._stage, self._config, self._device, self._among = stage, config, device, among
        self._players = dict(stage.players) or {"network": list(stage.network.parameters())}
        kind = torch.optim.AdamW if config.weight_decay else torch.optim.Adam
        self._optimisers = {
            name: kind(parameters, lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)
            for name, parameters in self._players.items()
        }
        self._average: AveragedModel | None = None
        if config.ema:
            self._average = AveragedModel(stage.network, multi_avg_fn=get_ema_multi_avg_fn(config.ema))
        if config.compile and device.type == "cuda":
            for module in stage.compilable:
                module.compile()
        self._rolling, self._history = Rolling(folder), History(folder)
        self.step = 0
        self._seconds, self._scale, self._window = 0.0, 1.0, []
        self._skipped = self._rollbacks = 0
        self._figures: dict[str, float] = {}
        if (checkpoint := self._rolling.latest()) is not None:
            self._restore(checkpoint)
        self._history.rewind(self.step)

    @property
    def finished(self) -> bool:
        return self.step >= self._config.steps

    def run(self, stop: StopRequest, listener: Listener) -> None:
        """Step until the end, a stop or a rollback."""
        config = self._config
        progress = Progress(self._stage.name, total=config.steps, unit="steps", listener=listener)
        progress.skip(self.step)
        self._started = time.monotonic()
        with self._stage.batches.stream(self.step, config.steps) as batches:
            for batch in batches:
                if not self._train(batch):
                    self._roll_back()
                    return
                self.step += 1
                if self._due(config.report_every) or self._due(config.validate_every):
                    self._report()
                stopping = self._among.any(stop.requested, self._device)
                if self._due(config.checkpoint_every) or stopping:
                    self._save()
                progress.advance(1, self._figures)
                if stopping:
                    return
        progress.finish(self._figures)

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.finished

    def _train(self, batch: Batch) -> bool:
        """Make every update of one batch; return whether training may go on."""
        # Whatever draws from the global generator (dropout, noise) depends on this alone.
        torch.manual_seed(hash_seed(self._config.seed, self.step, self._among.rank))
        rate = self._config.rate(self.step) * self._scale
        for optimiser in self._optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate
        losses = []
        pieces = [self._stage.objective(piece) for piece in batch.split(self._config.accumulate)]
        while (update := self._backward(pieces)) is not None:
            player, loss = update
            if self._update(player):
                losses.append(loss)
                self._skipped = 0
            else:
                self._skipped += 1
            self._stage.network.zero_grad(set_to_none=True)
            if self._skipped > PATIENCE:
                return False
        if self._average is not None:
            self._average.update_parameters(self._stage.network)
        if losses:
            self._window.append(sum(losses) / len(losses))
        return True

    def _backward(self, pieces: list[Iterator[Loss]]) -> tuple[str, float] | None:
        """Ask each piece of the batch for its next loss and accumulate the gradients."""
        player, total = None, 0.0
        for piece in pieces:
            bfloat16 = self._config.precision == "bfloat16" and self._device.type == "cuda"
            with torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16):
                following = next(piece, None)
            if following is None:
                return None
            player, loss = following
            (loss / len(pieces)).backward()
            total += loss.item() / len(pieces)
        return (player, total) if player is not None else None

    def _update(self, player: str) -> bool:
        """Average, clip and apply the gradients of `player`; return False if they are not finite."""
        gradients = [one.grad for one in self._players[player] if one.grad is not None]
        self._among.average(gradients)
        norm = torch.nn.utils.get_total_norm(gradients)
        if not torch.isfinite(norm):
            return False
        if self._config.clip:
            torch.nn.utils.clip_grads_with_norm_(self._players[player], self._config.clip, norm)
        self._optimisers[player].step()
        return True

    def _report(self) -> None:
        """Close the window: its mean loss, and a validation where one is due, become a row."""
        if self._window:
            self._figures["loss"] = sum(self._window) / len(self._window)
        self._window = []
        if self._due(self._config.validate_every) and self._among.leads:
            network = self._stage.network if self._average is None else self._average.module
            network.eval()
            with torch.no_grad():
                self._figures |= {f"valid_{name}": one for name, one in self._stage.validate(network).items()}
            network.train()
        if self._among.leads:
            row = {"step": self.step, "rate": self._config.rate(self.step - 1) * self._scale, **self._figures}
            self._history.append({**row, "seconds": self._clock(), "rollbacks": self._rollbacks})

    def _clock(self) -> float:
        """Return the seconds this training has taken, over all its restarts."""
        now = time.monotonic()
        self._seconds, self._started = self._seconds + now - self._started, now
        return self._seconds

    def _save(self) -> None:
        """Write a checkpoint."""
        if not self._among.leads:
            return
        tensors = {f"network.{name}": one for name, one in self._stage.network.state_dict().items()}
        if self._average is not None:
            tensors |= {f"average.{name}": one for name, one in self._average.state_dict().items()}
        for player, optimiser in self._optimisers.items():
            for number, moments in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{player}.{number}.{name}": one for name, one in moments.items()}
        facts = {
            "config": asdict(self._config),
            "stage": self._stage.name,
            "seconds": self._clock(),
            "scale": self._scale,
            "window": self._window,
            "rollbacks": self._rollbacks,
            "skipped": self._skipped,
            "figures": self._figures,
        }
        self._rolling.save(self.step, tensors, facts)

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Become what the checkpoint describes."""
        facts = checkpoint.facts
        if facts["config"] != asdict(self._config) or facts["stage"] != self._stage.name:
            changed = {
                name: (facts["config"].get(name), value)
                for name, value in asdict(self._config).items()
                if facts["config"].get(name) != value
            }
            raise InputError(
                f"{self._stage.name}: the checkpoint was made by another configuration "
                f"({facts['stage']}; then, now: {changed}); delete its folder to train anew"
            )
        trees: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimiser": {}}
        for name, one in checkpoint.tensors.items():
            tree, _, rest = name.partition(".")
            trees[tree][rest] = one
        self._stage.network.load_state_dict(trees["network"])
        if self._average is not None:
            self._average.load_state_dict(trees["average"])
        for player, optimiser in self._optimisers.items():
            _load_moments(optimiser, player, trees["optimiser"])
        self.step, self._seconds, self._scale = facts["step"], facts["seconds"], facts["scale"]
        self._window, self._figures = facts["window"], facts["figures"]
        self._rollbacks, self._skipped = facts["rollbacks"], facts["skipped"]

    def _roll_back(self) -> None:
        """Return to the last checkpoint at half the learning rate, or give up."""
        rollbacks, scale = self._rollbacks + 1, self._scale / 2
        checkpoint = self._rolling.latest()
        if rollbacks > ROLLBACKS or checkpoint is None:
            raise Diverged(
                f"{self._stage.name}: NaN or infinite gradients at step {self.step}, after {self._rollbacks} "
                f"returns to a checkpoint at half the learning rate; lower learning_rate ({self._config.learning_rate})"
            )
        self._restore(checkpoint)
        self._rollbacks, self._scale, self._skipped = rollbacks, scale, 0
        self._history.rewind(self.step)
        self._save()  # so that a restart does not forget the lower rate

    def finish(self) -> dict[str, float]:
        """Leave the final weights in the network and return the last figures."""
        if self._average is not None:
            self._stage.network.load_state_dict(self._average.module.state_dict())
        if self._among.leads:
            self._history.finish()
        self._among.wait()
        return {**self._figures, "seconds": self._seconds}


def hash_seed(*numbers: int) -> int:
    """Return a 63-bit seed that differs for every tuple of numbers, the same on every machine."""
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def _load_moments(optimiser: torch.optim.Optimizer, player: str, tensors: Mapping[str, Tensor]) -> None:
    """Put saved moments back into an optimiser; its learning rate follows from the step."""
    state: dict[int, dict[str, Any]] = {}
    for name, one in tensors.items():
        owner, number, moment = name.rsplit(".", 2)
        if owner == player:
            state.setdefault(int(number), {})[moment] = one
    optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
