"""Figures of an acoustic model: on held-out clips of the target singer, and on singers that were not trained on.

Shapes: N melody frames.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.conversion.acoustic.batches import Material, Take, divide
from models.conversion.acoustic.config import AcousticTraining
from models.conversion.acoustic.inputs import Inputs
from models.conversion.acoustic.network import AcousticNetwork
from models.conversion.frames import CONTENT
from models.conversion.mel import BANDS
from models.training.stage import Figures


@dataclass(frozen=True)
class _Clip:
    """The beginning of a clip: inputs (B = 1), mel spectrogram (N, 80), and which frames are voiced, (N,)."""

    inputs: Inputs
    mel: Tensor
    voiced: Tensor


class AcousticValidation:
    """Evaluates an acoustic network.

    "mel" is the mean absolute error of the mel spectrogram, in nepers, on held-out clips of the target singer, and
    "mel_altered" on their altered copies. "timbre" is where the average spectrum of converted clips lies between that
    of the target singer (0) and that of the source (1), over singers of the split "valid"; "nearer" is the share of
    these clips whose average spectrum is nearer to the target's than to the source's.
    """

    def __init__(self, material: Material, config: AcousticTraining, device: torch.device) -> None:
        """Choose the clips."""
        self._material, self._config, self._device = material, config, device
        target = material.target(config.target)
        self._number = torch.tensor([material.singers.index(target)], device=device)
        own = [one for one in material.takes if one.split == "train" and one.singer == target]
        kept, held_out = divide(own, config.examples.held_out)
        self._held_out = _spread(held_out, config.validation_clips)
        self._others = _spread([one for one in material.takes if one.split == "valid"], config.validation_clips)
        some = [self._read(one.copies[0]) for one in _spread(kept, 2 * config.validation_clips)]
        self._average = _average([one.mel[one.voiced] for one in some])

    def _read(self, rows: dict[str, int]) -> _Clip:
        """Return the beginning of a copy."""
        config = self._config
        count = min(self._material.frames(rows), config.validation_frames) // CONTENT * CONTENT
        parts = self._material.parts(rows, 0, count)
        melody, pitch = parts["melody"], parts["pitch"]
        plain = config.acoustic.melody == "pitch"
        f0 = pitch[:, 0] if plain else np.where(melody[:, -1] >= 0.5, melody[:, -3], 0)
        energy = pitch[:, 1] if plain else melody[:, -2]
        arrays = (parts["content"], melody[:, :-3], f0, energy)
        content, extracted, *rest = (
            torch.from_numpy(np.ascontiguousarray(one, np.float32)).to(self._device)[None] for one in arrays
        )
        ones = torch.ones_like(rest[0])
        inputs = Inputs(content, extracted, rest[0], rest[1], ones[:, 0], ones)
        return _Clip(inputs, torch.from_numpy(parts["mel"]), torch.from_numpy(pitch[:, 2] > 0))

    def figures(self, network: AcousticNetwork) -> Figures:
        """Return the figures of a network in evaluation mode; those without a clip are left out."""
        found = {
            "mel": [self._error(network, one.copies[0]) for one in self._held_out],
            "mel_altered": [self._error(network, rows) for one in self._held_out for rows in one.copies[1:]],
        }
        places = [self._place(network, one.copies[0]) for one in self._others]
        found |= {"timbre": places, "nearer": [float(one < 0.5) for one in places]}
        return {name: float(np.mean(one)) for name, one in found.items() if one}

    def _error(self, network: AcousticNetwork, rows: dict[str, int]) -> float:
        """Return the mean absolute error of the mel spectrogram of one copy, in nepers."""
        clip = self._read(rows)
        return float((network(clip.inputs, self._number).mel[0].cpu() - clip.mel).abs().mean())

    def _place(self, network: AcousticNetwork, rows: dict[str, int]) -> float:
        """Return where the average spectrum of a converted clip lies, from 0 (target) to 1 (source)."""
        clip = self._read(rows)
        mel = network(clip.inputs, self._number).mel[0].cpu()
        source, converted = (_average([one[clip.voiced]]) - self._average for one in (clip.mel, mel))
        return float((converted @ source) / source.square().sum().clamp(min=1e-6))


def _average(spectra: list[Tensor]) -> Tensor:
    """Return the average of mel spectra (N, 80) over all frames, without its level, (80,)."""
    mean = torch.cat(spectra).mean(0) if sum(map(len, spectra)) else torch.zeros(BANDS)
    return mean - mean.mean()


def _spread(takes: list[Take], count: int) -> list[Take]:
    """Return at most `count` clips, spread evenly over a list."""
    if len(takes) <= count:
        return takes
    return [takes[place * len(takes) // count] for place in range(count)]
