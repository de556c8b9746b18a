"""What every training stage of every system is told: how long, how fast, how often to look.

Kept free of torch so that the asset graph can read presets without loading it.
"""

import math
from dataclasses import dataclass, field

from data.configuration import OBSERVES


@dataclass(frozen=True)
class FitConfig:
    """One training stage. A step is one batch, however many optimiser updates it holds.

    Attributes:
        steps: batches to train on.
        batch_size: examples per step over all processes together.
        learning_rate: peak rate of the optimiser.
        optimiser: "adam", or "muon" (`models.training.muon`), which gets further in little time.
        beta2: decay of Adam's second moment.
        warmup: steps of linear warm-up.
        decay: fraction of the steps, at the end, over which the rate falls to zero along a cosine.
        weight_decay: decoupled weight decay (AdamW); 0 is Adam. Muon has none.
        clip: largest norm of the gradient; 0 does not clip.
        ema: decay of the exponential moving average of the weights; 0 keeps none.
        accumulate: micro-batches a batch is cut into, to bound memory.
        precision: "float32", or "bfloat16" for autocast where the device has it.
        compile: whether to run torch.compile where the device has it.
        validate_every: steps between validations.
        checkpoint_every: steps between checkpoints.
        report_every: steps a row of the history sums up.
        seed: seed of the order of examples and of every random draw.
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
        """Return the learning rate of `step`: warm-up, plateau, cosine decay."""
        warm = min(1.0, (step + 1) / (self.warmup + 1))
        decaying = self.steps * self.decay
        if decaying == 0 or step < self.steps - decaying:
            return self.learning_rate * warm
        progress = (step - (self.steps - decaying)) / decaying
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * progress))
