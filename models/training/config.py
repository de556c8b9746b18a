"""Configuration of one training stage: number of steps, batch size, optimiser, intervals of reports.

The module does not import torch, so that the asset graph can read presets without loading it.
"""

import math
from dataclasses import dataclass, field

from data.configuration import OBSERVES


@dataclass(frozen=True)
class FitConfig:
    """How one stage is trained. One step processes one batch, whatever its number of optimiser updates.

    Example:
        >>> FitConfig(steps=1000, batch_size=16, learning_rate=1e-3, warmup=50, decay=0.5).rate(0)
        1.9607843137254903e-05

    Attributes:
        steps: number of steps (batches) of the training.
        batch_size: examples in a batch, summed over all processes.
        learning_rate: highest learning rate; `rate` gives that of each step.
        optimiser: "adam", or "muon" (`models.training.muon`), which learns more in a short training.
        beta2: decay of Adam's second moment per update.
        warmup: number of steps of linear warm-up.
        decay: fraction of all steps, at the end, in which the rate falls to zero along half a cosine period.
        weight_decay: decoupled weight decay (AdamW); 0 means Adam. Muon ignores it.
        clip: largest allowed norm of the gradient of a parameter group; 0 turns clipping off.
        ema: decay per step of the exponential moving average of the weights; 0 keeps no average.
        accumulate: number of micro-batches that a batch is divided into, to limit memory.
        precision: "float32", or "bfloat16" for autocast on CUDA devices; other devices use float32.
        compile: whether to use torch.compile; only on CUDA devices.
        validate_every: steps between validations; the last step is validated too.
        checkpoint_every: steps between checkpoints; the last step is saved too.
        report_every: steps between rows of the history; each validation adds a row too.
        seed: seed of the order of examples and of all random draws.
    """

    steps: int
    batch_size: int
    learning_rate: float = 3e-4
    optimiser: str = "adam"
    beta2: float = 0.999
    warmup: int = 0
    decay: float = 0.0
    weight_decay: float = 0.0
    clip: float = 0.0
    ema: float = 0.0
    accumulate: int = 1
    precision: str = "float32"
    compile: bool = False
    validate_every: int = field(default=1000, metadata=OBSERVES)
    checkpoint_every: int = field(default=200, metadata=OBSERVES)
    report_every: int = field(default=50, metadata=OBSERVES)
    seed: int = 0

    def rate(self, step: int) -> float:
        """Return the learning rate of `step` (from 0): linear warm-up, constant, cosine decay."""
        warm = min(1.0, (step + 1) / (self.warmup + 1))
        decaying = self.steps * self.decay
        if decaying == 0 or step < self.steps - decaying:
            return self.learning_rate * warm
        progress = (step - (self.steps - decaying)) / decaying
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * progress))
