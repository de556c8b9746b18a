"""The project's own recogniser: from a filter bank to units of sound, through a bottleneck of 256 features at 25 Hz.

Two convolutions without padding subsample by four (the `Conv2dSubsampling4` of WeNet and ESPnet), then follow FFT
blocks of bounded reach. The content features are the output of the blocks, before the linear layers that name the
units; where the configuration says so, their local mean is taken away before (`centre.centred`), in training too.

Shapes: B batch, S samples, T filter-bank frames, F bands, M content frames, D = 256 features, U units.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.conversion.blocks import BlockConfig, BoundedBlocks
from models.conversion.content.bank import log_bank, tilt_bands, warp_bands
from models.conversion.content.centre import centred
from models.conversion.content.config import FEATURES, RecogniserConfig

_MIDDLE, _SCALE = -9.0, 4.0  # of the filter bank's values


class Distortion(NamedTuple):
    """How the filter banks of a batch are changed in training, as if others had sung.

    Attributes:
        factors: stretching of the frequency axis (`bank.warp_bands`), (B,).
        slopes: tilt in dB (`bank.tilt_bands`), (B,).
    """

    factors: Tensor
    slopes: Tensor


class Recognised(NamedTuple):
    """What the recogniser says.

    Attributes:
        features: content features, (B, M, D).
        units: logits of the unit of each frame, (B, M, U).
        sequence: logits for CTC, (B, M, U + 1): the blank, then the units.
    """

    features: Tensor
    units: Tensor
    sequence: Tensor


class Recogniser(nn.Module):
    """Waves (B, S) to `Recognised`.

    Attributes:
        reach: number of content frames on either side that a frame depends on.

    Example:
        >>> Recogniser(RecogniserConfig(), units=101)(torch.zeros(1, 48_000)).features.shape
        torch.Size([1, 73, 256])
    """

    def __init__(self, config: RecogniserConfig, units: int) -> None:
        """Build the network.

        Args:
            config: sizes.
            units: number of units U, silence included.
        """
        super().__init__()
        self.config, self.count = config, units
        size = config.channels
        self.first = nn.Conv2d(1, size, 3, 2)
        self.second = nn.Conv2d(size, size, 3, 2)
        bands = ((config.bands - 1) // 2 - 1) // 2
        self.project = nn.Linear(size * bands, FEATURES)
        self.blocks = BoundedBlocks(
            BlockConfig(
                config.blocks, FEATURES, config.heads, config.filters, config.width, config.dropout, config.reach
            )
        )
        self.units = nn.Linear(FEATURES, units)
        self.sequence = nn.Linear(FEATURES, units + 1)
        self.reach = self.blocks.reach

    def features(self, waves: Tensor, distortion: Distortion | None = None) -> Tensor:
        """Return the output of the blocks, (B, M, D), of waves (B, S) with at least one content frame.

        Their mean is not taken away, so that pieces of a long recording give the same as the whole.

        Args:
            waves: (B, S) float32, full scale [-1, 1], 16 kHz.
            distortion: how the filter bank is changed first; None for not at all.
        """
        bank = log_bank(waves, self.config.bands)
        if distortion is not None:
            bank = tilt_bands(warp_bands(bank, distortion.factors), distortion.slopes)
        normal = (bank - _MIDDLE) / _SCALE
        hidden = nn.functional.relu(self.second(nn.functional.relu(self.first(normal[:, None]))))  # (B, C, M, F / 4)
        return self.blocks(self.project(hidden.transpose(1, 2).flatten(2)))

    def forward(self, waves: Tensor, distortion: Distortion | None = None) -> Recognised:
        """Return features and logits of waves (B, S)."""
        features = self.features(waves, distortion)
        if self.config.centred:
            features = centred(features)
        return Recognised(features, self.units(features), self.sequence(features))


def unit_losses(recognised: Recognised, units: Tensor) -> dict[str, Tensor]:
    """Return the losses "frames" (cross entropy of the unit of every frame) and "ctc" (of the sequence of units).

    The sequence is that of the units without repetitions. Both are in nats per frame.

    Args:
        recognised: what the network said.
        units: (B, M) int64, true units.
    """
    frames = nn.functional.cross_entropy(recognised.units.flatten(0, 1), units.flatten())
    kept = torch.ones_like(units, dtype=torch.bool)
    kept[:, 1:] = units[:, 1:] != units[:, :-1]
    lengths = torch.full((len(units),), units.shape[1], device=units.device)
    log_shares = nn.functional.log_softmax(recognised.sequence.float(), -1).transpose(0, 1)  # (M, B, U + 1)
    total = nn.functional.ctc_loss(log_shares, units[kept] + 1, lengths, kept.sum(1), reduction="sum")
    return {"frames": frames, "ctc": total / units.numel()}
