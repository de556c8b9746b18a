"""What the acoustic network is given, and how it is made of the content and the melody of a recording.

Levels differ between recordings and say nothing about the singing, so the energy is taken relative to its mean over
voiced frames, and the content relative to its mean, in units of its deviation.

Shapes: B batch, M content frames at 25 Hz, N = 4·M melody frames at 100 Hz, E extracted features.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from models.conversion.frames import CONTENT
from models.conversion.melody.load import Melody

FLOOR = -6.0  # lowest relative energy, in nepers


@dataclass(frozen=True)
class Inputs:
    """Inputs of the acoustic network.

    Attributes:
        content: content features, (B, M, 256).
        extracted: features of the melody extractor, (B, N, E).
        f0: pitch to be sung in Hz, (B, N); 0 where unvoiced.
        energy: energy relative to the mean of the recording, (B, N), in nepers.
        known: 1 where the pitch of the recording is given, 0 where the model chooses the key, (B,).
        inside: 1 for frames of the recording, 0 for those after its end, (B, N).
    """

    content: Tensor
    extracted: Tensor
    f0: Tensor
    energy: Tensor
    known: Tensor
    inside: Tensor

    def frames(self, start: int, stop: int) -> "Inputs":
        """Return the melody frames start … stop - 1, multiples of four, with their content."""
        cut = slice(start, stop)
        return replace(
            self,
            content=self.content[:, start // CONTENT : stop // CONTENT],
            extracted=self.extracted[:, cut],
            f0=self.f0[:, cut],
            energy=self.energy[:, cut],
            inside=self.inside[:, cut],
        )

    def examples(self, chosen: Tensor) -> "Inputs":
        """Return the examples of a batch where `chosen` (B,) is true."""
        return Inputs(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def relative_energy(energy: np.ndarray, voicing: np.ndarray) -> np.ndarray:
    """Return the energy relative to its mean over voiced frames, (N,) float32, at least -6 nepers.

    Args:
        energy: natural logarithm of the RMS, (N,).
        voicing: at least 0.5 where a frame is voiced, (N,); if none is, the mean is that of all frames.
    """
    voiced = voicing >= 0.5
    mean = energy[voiced].mean() if voiced.any() else energy.mean()
    return np.maximum(energy - mean, FLOOR).astype(np.float32)


def relative_content(content: np.ndarray) -> np.ndarray:
    """Return content features (M, 256) relative to their mean over the recording, in units of their deviation."""
    deviation = content.std(0)
    least = 0.1 * float(deviation.mean()) + 1e-5
    return ((content - content.mean(0)) / np.maximum(deviation, least)).astype(np.float32)


def make_inputs(content: np.ndarray, melody: Melody, shift_semitones: float | None, device: torch.device) -> Inputs:
    """Return the inputs of one recording (B = 1).

    Args:
        content: (M, 256).
        melody: melody of the recording, with 4·M frames.
        shift_semitones: shift of its pitch; None gives no pitch.
        device: device of the tensors.
    """
    semitones = 0.0 if shift_semitones is None else shift_semitones
    f0 = melody.f0 * np.float32(2 ** (semitones / 12))
    arrays = (relative_content(content), melody.features, f0, relative_energy(melody.energy, melody.voicing))
    found, extracted, pitch, energy = (
        torch.from_numpy(np.ascontiguousarray(one, np.float32)).to(device)[None] for one in arrays
    )
    known = torch.full((1,), float(shift_semitones is not None), device=device)
    return Inputs(found, extracted, pitch, energy, known, torch.ones_like(pitch))
