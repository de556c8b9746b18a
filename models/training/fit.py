"""The training loop of every system: steps, validation, checkpoints, history, resuming.

A step is one batch. The objective of a stage yields one loss after another, and each is followed by one
optimiser update: one update for an ordinary network, nine for truncated back-propagation, two for a
generator and its discriminator.

Nothing random outlives a step: the order of examples follows from (seed, epoch), every random draw from
(seed, step, process), the learning rate from the step. A checkpoint is therefore the weights, the moments
of the optimiser and the number of the step, and a training that is killed at any instant and started again
ends, on the CPU, with the same bits as one that was not killed.
"""

import time
from collections.abc import Iterator

import torch

from data.configuration import decisive
from data.errors import InputError, NotFiniteError
from data.execution import Execution
from data.progress import Progress
from data.shards.loader import Batch
from models.training.checkpoint import Checkpoint, Rolling, save
from models.training.config import FitConfig
from models.training.history import History
from models.training.interrupt import StopRequest
from models.training.processes import World
from models.training.seeds import hash_seed
from models.training.stage import Figures, Loss, Stage
from models.training.state import State


class Diverged(NotFiniteError):
    """The gradients of a training stayed NaN or infinite after every remedy."""


ALONE = World()
LAST_WEIGHTS = "last_weights"
PATIENCE = 5
ROLLBACKS = 3


def fit(stage: Stage, config: FitConfig, execution: Execution, world: World = ALONE) -> Figures:
    """Train a stage to its last step, from the newest checkpoint in the folder if there is one.

    Afterwards the network holds the trained weights. Where a moving average is kept it holds that, and the
    weights themselves are in the checkpoint `LAST_WEIGHTS` of the folder.

    A step whose gradients are NaN or infinite is skipped. After five skips in a row the last checkpoint is
    taken up again at half the learning rate, at most three times.

    Args:
        stage: what to train; its network is on the device of `execution`.
        config: how long and how fast to train.
        execution: the folder for checkpoints and history, and the device.
        world: this process among several (`models.training.processes.join_processes`).

    Returns:
        The figures of the last validation, with "loss" and "seconds" of training.

    Raises:
        InputError: the checkpoint in the folder belongs to another configuration or to other code.
        Diverged: the gradients stay NaN or infinite whatever is tried.
        KeyboardInterrupt: a signal asked for a stop; a checkpoint has been written.
    """
    execution.folder.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(stage, config, execution, world)
    with StopRequest() as stop:
        while not (trainer.finished or stop.requested):
            trainer.run(stop)
    if not trainer.finished:
        stop.deliver()
        raise KeyboardInterrupt(f"{stage.name} stopped at step {trainer.step}")  # where signals were ignored
    return trainer.finish()


class _Trainer:
    """One training in progress. `step` counts finished steps."""

    def __init__(self, stage: Stage, config: FitConfig, execution: Execution, world: World) -> None:
        self._stage, self._config, self._execution, self._world = stage, config, execution, world
        self._device, folder = torch.device(execution.device), execution.folder
        self._state = State.start(stage.network, stage.parameter_groups, config)
        if config.compile and self._device.type == "cuda":
            for module in stage.compilable:
                module.compile()
        self._folder, self._rolling, self._history = folder, Rolling(folder), History(folder)
        self.step, self._seconds = 0, 0.0
        self._window: list[float] = []
        self._figures: dict[str, float] = {}
        # The remedy for NaN: `scale` halves the learning rate at each return to a checkpoint.
        self._scale, self._rollbacks, self._skipped = 1.0, 0, 0
        if (checkpoint := self._rolling.latest()) is not None:
            self._restore(checkpoint)
        if world.leads:
            self._history.rewind(self.step)

    @property
    def finished(self) -> bool:
        return self.step >= self._config.steps

    def _due(self, every: int) -> bool:
        return self.step % every == 0 or self.finished

    def run(self, stop: StopRequest) -> None:
        """Step until the end, a stop or a return to a checkpoint."""
        config = self._config
        progress = Progress(self._stage.name, total=config.steps, unit="steps", listener=self._execution.listener)
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
                stopping = self._world.any(stop.requested, self._device)
                if self._due(config.checkpoint_every) or stopping:
                    self._save()
                progress.advance(1, self._figures)
                if stopping:
                    return
        progress.finish(self._figures)

    def _train(self, batch: Batch) -> bool:
        """Make every update of one batch; return whether training may go on."""
        # Whatever draws from the global generator (dropout, noise) depends on this alone.
        torch.manual_seed(hash_seed(self._config.seed, self.step, self._world.rank))
        self._state.set_rate(self._config.rate(self.step) * self._scale)
        losses = []
        pieces = [self._stage.objective(piece) for piece in batch.split(self._config.accumulate)]
        while (update := self._backward(pieces)) is not None:
            group, loss = update
            if self._update(group):
                losses.append(loss)
                self._skipped = 0
            else:
                self._skipped += 1
            self._stage.network.zero_grad(set_to_none=True)
            if self._skipped > PATIENCE:
                return False
        if self._state.average is not None:
            self._state.average.update_parameters(self._stage.network)
        if losses:
            self._window.append(sum(losses) / len(losses))
        return True

    def _backward(self, pieces: list[Iterator[Loss]]) -> tuple[str, float] | None:
        """Ask each piece of the batch for its next loss and accumulate the gradients."""
        group, total = "", 0.0
        for piece in pieces:
            bfloat16 = self._config.precision == "bfloat16" and self._device.type == "cuda"
            with torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16):
                following = next(piece, None)
            if following is None:
                return None
            group, loss = following
            (loss / len(pieces)).backward()
            total += loss.item() / len(pieces)
        return group, total

    def _update(self, group: str) -> bool:
        """Average, clip and apply the gradients of `group`; return False if they are not finite."""
        parameters = self._state.parameter_groups[group]
        gradients = [one.grad for one in parameters if one.grad is not None]
        self._world.average(gradients)
        norm = torch.nn.utils.get_total_norm(gradients)
        if not torch.isfinite(norm):
            return False
        if self._config.clip:
            torch.nn.utils.clip_grads_with_norm_(parameters, self._config.clip, norm)
        self._state.optimisers[group].step()
        return True

    def _report(self) -> None:
        """Close the window: its mean loss, and a validation where one is due, become a row."""
        if self._window:
            self._figures["loss"] = sum(self._window) / len(self._window)
        self._window = []
        if not self._world.leads:
            return
        row = {"step": self.step, "rate": self._config.rate(self.step - 1) * self._scale}
        if "loss" in self._figures:
            row["loss"] = self._figures["loss"]
        if self._due(self._config.validate_every):
            network = self._state.best()
            network.eval()
            with torch.no_grad():
                judged = {f"valid_{name}": one for name, one in self._stage.validate(network).items()}
            network.train()
            row |= judged
            self._figures |= judged
        self._history.append({**row, "seconds": self._clock(), "rollbacks": self._rollbacks})

    def _clock(self) -> float:
        """Return the seconds this training has taken, over all its restarts."""
        now = time.monotonic()
        self._seconds, self._started = self._seconds + now - self._started, now
        return self._seconds

    def _save(self) -> None:
        """Write a checkpoint."""
        if self._world.leads:
            metadata = {
                "stage": self._stage.name,
                "code_version": self._execution.code_version,
                "config": decisive(self._config),
                "seconds": self._clock(),
                "window": self._window,
                "figures": self._figures,
                "scale": self._scale,
                "rollbacks": self._rollbacks,
                "skipped": self._skipped,
            }
            self._rolling.save(self.step, self._state.tensors(), metadata)
        self._world.wait()

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Become what the checkpoint describes."""
        metadata = checkpoint.metadata
        then = {"stage": metadata["stage"], "code version": metadata["code_version"], **metadata["config"]}
        now = {"stage": self._stage.name, "code version": self._execution.code_version, **decisive(self._config)}
        if changed := {name: (then.get(name), now.get(name)) for name in then | now if then.get(name) != now.get(name)}:
            raise InputError(
                f"{self._folder}: its checkpoint belongs to another configuration or to other code "
                f"(then and now: {changed}); delete the folder to train anew"
            )
        self._state.restore(checkpoint.tensors)
        self.step, self._seconds = metadata["step"], metadata["seconds"]
        self._window, self._figures = metadata["window"], metadata["figures"]
        self._scale, self._rollbacks, self._skipped = metadata["scale"], metadata["rollbacks"], metadata["skipped"]

    def _roll_back(self) -> None:
        """Return to the last checkpoint at half the learning rate, or give up."""
        step, rollbacks, scale = self.step, self._rollbacks + 1, self._scale / 2
        checkpoint = self._rolling.latest()
        if rollbacks > ROLLBACKS or checkpoint is None:
            raise Diverged(
                f"{self._stage.name}: NaN or infinite gradients at step {step}, after {self._rollbacks} returns to a "
                f"checkpoint at half the learning rate; lower learning_rate ({self._config.learning_rate})"
            )
        self._restore(checkpoint)
        self._rollbacks, self._scale, self._skipped = rollbacks, scale, 0
        self._save()  # so that a restart does not forget the lower rate
        if self._world.leads:
            self._history.rewind(self.step)

    def finish(self) -> dict[str, float]:
        """Leave the final weights in the network and return the last figures."""
        if self._world.leads:
            self._history.finish()
            if self._state.average is not None:
                save(self._folder / LAST_WEIGHTS, self._stage.network.state_dict(), {})
        self._stage.network.load_state_dict(self._state.best().state_dict())
        self._world.wait()
        return {**self._figures, "seconds": self._seconds}
