"""Runs the training loop of every system: optimiser updates, validation, checkpoints, history, resuming.

One step processes one batch. The objective of a stage yields one or more losses per batch, each followed by an
update: one for an ordinary network, nine for SING's stage 2, two for a generator and its discriminator.

No random state is carried from one step to the next: the order of examples depends only on (seed, epoch), random
draws on (seed, step, process), and the learning rate on the step. A checkpoint therefore holds the weights, the
optimiser moments and the step number, and little else. On the CPU, a training that is killed at any moment and
started again ends with bit-identical weights.
"""

import math
import time
from collections.abc import Iterator

import torch

from data.configuration import decisive
from data.errors import NotFiniteError
from data.execution import Execution
from data.progress import Progress
from data.shards.loader import Batch
from models.training.checkpoint import Checkpoint, Rolling, check_origin, save
from models.training.config import FitConfig
from models.training.history import History
from models.training.interrupt import StopRequest
from models.training.processes import World
from models.training.seeds import hash_seed
from models.training.stage import Figures, Loss, Stage
from models.training.state import State
from models.training.validity import all_lost, finite_weights, lost_figures


class Diverged(NotFiniteError):
    """The gradients, weights or validations of a training were NaN or infinite again and again; see `fit`."""


ALONE = World()
LAST_WEIGHTS = "last_weights"  # name of the checkpoint with the weights that were not averaged
AUTOCAST = ("cuda",)  # kinds of devices that compute in bfloat16 if it is configured; others use float32
PATIENCE = 5  # updates in a row that may be skipped
ROLLBACKS = 3  # returns to a checkpoint in one training


def fit(stage: Stage, config: FitConfig, execution: Execution, world: World = ALONE) -> Figures:
    """Train a stage to its last step; resume from the newest checkpoint in the folder if there is one.

    Afterwards `stage.network` holds the trained weights: the moving average if one is kept. In that case the
    weights of the last step are saved in the folder as the checkpoint `LAST_WEIGHTS`.

    An update whose gradients are NaN or infinite is skipped. When more than `PATIENCE` updates in a row are
    skipped, training returns to the last checkpoint and continues at half the learning rate, at most `ROLLBACKS`
    times. It does the same where weights are NaN or infinite when a checkpoint is due, and after a validation that lost
    all its figures; where some are lost, the listener gets a warning (`models.training.validity`).

    Args:
        stage: what to train; its network is on the device of `execution`.
        config: number of steps, batch size, optimiser.
        execution: folder of the checkpoints and of the history, device, and listener for progress reports.
        world: this process among several (`models.training.processes.join_processes`).

    Returns:
        The finite figures of the last validation as "valid_<name>" (leading process only), "loss" (mean over the last
        reporting window) and "seconds" (training time over all restarts).

    Raises:
        InputError: the checkpoint in the folder belongs to another configuration or to another code version.
        Diverged: gradients, weights or validations are NaN or infinite, and no checkpoint or no return is left.
        KeyboardInterrupt: SIGTERM or SIGINT requested a stop; a checkpoint has been written before.

    Example:
        >>> stage = Stage("autoencoder", network, batches, objective)
        >>> figures = fit(stage, FitConfig(steps=1000, batch_size=16), Execution(Path("run")))
    """
    execution.folder.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(stage, config, execution, world)
    with StopRequest() as stop:
        stopped = False
        while not (trainer.finished or stopped):
            stopped = trainer.run(stop)
    if stopped or stop.requested:  # also in the last step, or the stop would be lost
        stop.deliver()
        raise KeyboardInterrupt(f"{stage.name} stopped at step {trainer.step}")  # where signals were ignored
    return trainer.finish()


class _Trainer:
    """A training in progress. `step` is the number of finished steps."""

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
        # `scale` multiplies the learning rate; it is halved at each return to a checkpoint.
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

    def run(self, stop: StopRequest) -> bool:
        """Train until the last step, a stop request or a return to a checkpoint.

        Returns:
            Whether a stop was requested in any of the processes; then all of them return True.
        """
        config = self._config
        progress = Progress(self._stage.name, total=config.steps, unit="steps", listener=self._execution.listener)
        progress.skip(self.step)
        self._started = time.monotonic()
        with self._stage.batches.stream(self.step, config.steps, self._execution.loaders) as batches:
            for batch in batches:
                broken = "" if self._train(batch) else "gradients"
                self.step += not broken
                if not broken and (self._due(config.report_every) or self._due(config.validate_every)):
                    broken = "" if self._report(progress) else "validation"
                stopping = not broken and self._world.any(stop.requested, self._device)
                if not broken and (self._due(config.checkpoint_every) or stopping):
                    broken = "" if self._save() else "weights"
                if broken:
                    self._roll_back(broken)
                    return False
                progress.advance(1, self._figures)
                if stopping:
                    return True
        progress.finish(self._figures)
        return False

    def _train(self, batch: Batch) -> bool:
        """Make all updates of one batch; return False if too many updates in a row were skipped."""
        # All draws from torch's global generator (dropout, noise) depend on this seed alone.
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
            self._window.append(self._world.mean(sum(losses) / len(losses), self._device))
        return True

    def _backward(self, pieces: list[Iterator[Loss]]) -> tuple[str, float] | None:
        """Back-propagate the next loss of each piece of the batch.

        Returns:
            Name of the parameter group and mean loss of the pieces; None if the objective yields no more losses.
        """
        group, total = "", 0.0
        for piece in pieces:
            bfloat16 = self._config.precision == "bfloat16" and self._device.type in AUTOCAST
            with torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16):
                following = next(piece, None)
            if following is None:
                return None
            group, loss = following
            (loss / len(pieces)).backward()
            total += loss.item() / len(pieces)
        return group, total

    def _update(self, group: str) -> bool:
        """Average, clip and apply the gradients of `group`; return False without an update if they are not finite."""
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

    def _report(self, progress: Progress) -> bool:
        """Add a row to the history: mean loss since the last row, and the validation if one is due.

        Returns:
            Whether training can go on from here; the same in all processes.
        """
        if self._window:
            self._figures["loss"] = sum(self._window) / len(self._window)
        self._window = []
        broken = self._world.leads and not self._add_row(progress)
        return not (self._due(self._config.validate_every) and self._world.any(broken, self._device))

    def _add_row(self, progress: Progress) -> bool:
        """Do the part of `_report` of the leading process."""
        broken, row = False, {"step": self.step, "rate": self._config.rate(self.step - 1) * self._scale}
        row |= {name: one for name, one in self._figures.items() if name == "loss"}
        if self._due(self._config.validate_every):
            network = self._state.best()
            network.eval()
            with torch.no_grad():
                validation = {f"valid_{name}": one for name, one in self._stage.validate(network).items()}
            network.train()
            row |= validation
            if lost := lost_figures(validation, self._history.rows()):
                progress.warn(f"after step {self.step} these figures are NaN or infinite: {', '.join(lost)}")
            broken = all_lost(validation, lost)
            # A figure without a value (say, a pitch error where nothing has a pitch) is NaN; checkpoints hold none.
            known = {name: one for name, one in self._figures.items() if name not in validation}
            self._figures = known | {name: one for name, one in validation.items() if math.isfinite(one)}
        self._history.append({**row, "seconds": self._clock(), "rollbacks": self._rollbacks})
        return not broken

    def _clock(self) -> float:
        """Return the training time in seconds, summed over all restarts."""
        now = time.monotonic()
        self._seconds, self._started = self._seconds + now - self._started, now
        return self._seconds

    def _save(self) -> bool:
        """Write a checkpoint; all processes wait until the leading one has written it.

        Returns False without one if weights are NaN or infinite.
        """
        if self._world.any(not finite_weights(self._state.best()), self._device):
            return False
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
            self._execution.saved(self._folder)
        self._world.wait()
        return True

    def _restore(self, checkpoint: Checkpoint) -> None:
        """Take over weights, optimiser moments, step number and figures of a checkpoint.

        Raises:
            InputError: it belongs to another stage, configuration or code version.
        """
        metadata = checkpoint.metadata
        now = {"stage": self._stage.name, "code version": self._execution.code_version, **decisive(self._config)}
        check_origin(self._folder, metadata, now)
        self._state.restore(checkpoint.tensors)
        self.step, self._seconds = metadata["step"], metadata["seconds"]
        self._window, self._figures = metadata["window"], metadata["figures"]
        self._scale, self._rollbacks, self._skipped = metadata["scale"], metadata["rollbacks"], metadata["skipped"]

    def _roll_back(self, broken: str) -> None:
        """Return to the last checkpoint at half the learning rate, because of NaN or infinity in `broken`.

        Raises:
            Diverged: there is no checkpoint, or no return is left.
        """
        step, rollbacks, scale = self.step, self._rollbacks + 1, self._scale / 2
        checkpoint = self._rolling.latest()
        if rollbacks > ROLLBACKS or checkpoint is None:
            raise Diverged(
                f"{self._stage.name}: NaN or infinite {broken} at step {step}, after {self._rollbacks} returns to a "
                f"checkpoint at half the learning rate; lower learning_rate ({self._config.learning_rate})"
            )
        self._restore(checkpoint)
        self._rollbacks, self._scale, self._skipped = rollbacks, scale, 0
        self._save()  # so that a restart does not forget the lower rate
        if self._world.leads:
            self._history.rewind(self.step)

    def finish(self) -> dict[str, float]:
        """Load the final weights into the network and return the last figures."""
        if self._world.leads:
            self._history.finish()
            if self._state.average is not None:
                save(self._folder / LAST_WEIGHTS, self._stage.network.state_dict(), {})
        self._stage.network.load_state_dict(self._state.best().state_dict())
        self._world.wait()
        return {**self._figures, "seconds": self._seconds}
