"""Mel spectrograms of pulse trains: where the harmonics of a voice lie, given its F0.

The network predicts what is left: the envelope of the voice, and how much of the harmonics is heard in each band.

Shapes: P pitches, B batch, N frames.
"""

import functools
import math

import torch
from torch import Tensor, nn

from models.conversion.frames import HOP, RATE
from models.conversion.mel import log_mel

LOW, HIGH = 50.0, 1400.0  # Hz
_CENTS = 15.0
_DEPTH = 4.0  # depth of the valleys between harmonics in nepers
_SAMPLES = 10 * HOP


@functools.cache
def _table() -> Tensor:
    """Return the templates of pitches from `LOW` on, `_CENTS` apart, (P, 80)."""
    count = 1 + math.ceil(1200 / _CENTS * math.log2(HIGH / LOW))
    time = torch.arange(_SAMPLES, dtype=torch.float64) / RATE
    found = []
    for hertz in (LOW * 2 ** (_CENTS / 1200 * number) for number in range(count)):
        orders = torch.arange(1, int(RATE / 2 / hertz) + 1, dtype=torch.float64)[:, None]
        phases = 2 * math.pi * hertz * orders * time + orders.square()  # spread in time, as those of a voice are
        wave = torch.cos(phases).sum(0).float()
        mel = log_mel(wave[None])[0, 4:-4].mean(0)  # its middle, where windows are full
        found.append(mel.clamp(min=float(mel.max()) - _DEPTH))
    table = torch.stack(found)
    return table - table.mean(1, keepdim=True)


class Template(nn.Module):
    """Templates of F0 curves: (B, N) in Hz to (B, N, 80), with mean 0 over the bands; 0 where F0 is 0."""

    table: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", _table().clone(), persistent=False)

    def forward(self, f0: Tensor) -> Tensor:
        """Return the templates of F0 in Hz; F0 outside 50 to 1400 Hz is taken as the nearest of them."""
        place = (1200 / _CENTS) * torch.log2(f0.clamp(LOW, HIGH) / LOW)
        below = place.floor().long().clamp(max=len(self.table) - 2)
        share = (place - below)[..., None]
        found = self.table[below] * (1 - share) + self.table[below + 1] * share
        return found * (f0 > 0)[..., None]
