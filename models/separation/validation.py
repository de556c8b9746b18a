"""Validates networks of the separation system on songs that are not trained on.

Sound is float32, full scale [-1, 1].
Shapes: T samples, K channels.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from data.files.audio import to_float
from data.shards.reader import Shards
from models.separation.level import LEVEL, gain_to, root_mean_square
from models.training.stage import Figures


class Validation:
    """Evaluates a network on the beginnings of the validation songs; beginnings without vocals are left out."""

    def __init__(self, shards: Shards, seconds: float, device: torch.device) -> None:
        """Choose the songs.

        Args:
            shards: shards with vocals and accompaniment of the songs.
            seconds: seconds evaluated of each song, from its beginning.
            device: device to compute on.
        """
        self._shards, self._device = shards, device
        self._length = int(seconds * shards.column("sample_rate")[0])
        vocals, rest = (shards.rows(split="valid", source=source) for source in ("vocals", "accompaniment"))
        self._pairs = list(zip(vocals.tolist(), rest.tolist(), strict=True))

    def figures(self, work: Callable[[Tensor, Tensor], Tensor]) -> Figures:
        """Return the median SDR over the songs, as "sdr" in dB; empty if there is no song with vocals.

        Args:
            work: function from the mixture and the true vocals, both (K, T), to the estimated vocals (K, T).
        """
        found = []
        for pair in self._pairs:
            length = min(self._length, *(int(self._shards.column("frames")[row]) for row in pair))
            vocals, rest = (to_float(self._shards.read(row)).T for row in pair)
            gain = np.float32(gain_to(LEVEL, root_mean_square([vocals + rest])))
            if not vocals[:, :length].any():
                continue
            true, other = (torch.from_numpy(gain * one[:, :length]).to(self._device) for one in (vocals, rest))
            estimate = work(true + other, true)
            found.append(10 * torch.log10(true.square().sum() / (true - estimate).square().sum()).item())
        return {"sdr": float(np.median(found))} if found else {}
