"""The sound source of the source-filter arm: a band-limited pulse train at F0, and noise.

Both are functions of the position in the recording alone, so that a long recording can be made in pieces: the phase
at each frame is the sum over all frames before it, and the noise of each second has its own seed. Between two frames
F0 is interpolated linearly; through unvoiced frames it is interpolated in octaves.

Shapes: B batch, N mel frames, T = 160·N samples. Phases are in cycles.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.conversion.frames import HOP, RATE
from models.training.seeds import hash_seed

_HIGHEST = 0.98  # of half the sample rate: the highest harmonic
_BLOCK = 100  # frames of noise that share a seed
_RESTING = 200.0  # Hz, where a recording has no voiced frame


@dataclass(frozen=True)
class Source:
    """Pitch of a recording, frame by frame; all tensors are (B, N) float32 on one device.

    Attributes:
        f0: F0 in Hz, interpolated through unvoiced frames.
        rise: F0 of the next frame minus `f0`; 0 at the last frame.
        phase: phase of the pulse train at the centre of the frame, in [0, 1) cycles.
        voiced: 1 where the frame is voiced, else 0.
        first: number of the first frame in the recording.
    """

    f0: Tensor
    rise: Tensor
    phase: Tensor
    voiced: Tensor
    first: int = 0

    def cut(self, start: int, stop: int) -> "Source":
        """Return frames start … stop - 1."""
        parts = (one[:, start:stop] for one in (self.f0, self.rise, self.phase, self.voiced))
        return Source(*parts, first=self.first + start)

    def to(self, device: torch.device) -> "Source":
        """Return the source on another device."""
        parts = (one.to(device) for one in (self.f0, self.rise, self.phase, self.voiced))
        return Source(*parts, first=self.first)


def interpolated(f0: np.ndarray) -> np.ndarray:
    """Return F0 with the unvoiced frames filled: linear in octaves between voiced frames, constant at the ends.

    Args:
        f0: (N,) in Hz, 0 where unvoiced.

    Returns:
        (N,) float64 above 0; 200 Hz everywhere if no frame is voiced.

    Example:
        >>> interpolated(np.array([0.0, 100.0, 0.0, 400.0])).round()
        array([100., 100., 200., 400.])
    """
    voiced = np.flatnonzero(f0 > 0)
    if len(voiced) == 0:
        return np.full(len(f0), _RESTING)
    return np.exp2(np.interp(np.arange(len(f0)), voiced, np.log2(f0[voiced].astype(np.float64))))


def make_source(f0: np.ndarray, device: torch.device, phase: np.ndarray | float = 0.0) -> Source:
    """Return the source of whole recordings.

    Args:
        f0: (B, N) in Hz, 0 where unvoiced.
        device: device of the result.
        phase: phase of the first frame in cycles, one value or (B,).

    Example:
        >>> make_source(np.full((1, 3), 100.0), torch.device("cpu")).phase
        tensor([[0., 0., 0.]])
    """
    filled = np.stack([interpolated(one) for one in f0])
    rise = np.diff(filled, axis=1, append=filled[:, -1:])
    # Sum over the samples t = 0 … 159 of F0 + rise·t/160, in cycles.
    cycles = (HOP * filled + rise * (HOP - 1) / 2) / RATE
    phases = np.cumsum(cycles, 1) - cycles + np.asarray(phase).reshape(-1, 1)

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32)).to(device)

    return Source(tensor(filled), tensor(rise), tensor(phases % 1.0), tensor(f0 > 0))


def pulses(source: Source) -> Tensor:
    """Return the pulse train of a source, (B, T): all harmonics below 7.8 kHz, equally strong, of power 1.

    Example:
        >>> pulses(make_source(np.full((1, 100), 100.0), torch.device("cpu"))).shape
        torch.Size([1, 16000])
    """
    time = torch.arange(HOP, device=source.f0.device)
    f0, rise = source.f0[..., None], source.rise[..., None]
    advance = (f0 * time + rise * time * (time - 1) / (2 * HOP)) / RATE  # (B, N, 160) cycles since the frame
    angle = torch.pi * ((source.phase[..., None] + advance) % 1.0)  # half the phase of the fundamental
    pitch = f0 + rise * time / HOP
    harmonics = (_HIGHEST * RATE / 2 / pitch).floor().clamp(min=1)
    below = angle.sin()
    # Sum of cos(kφ) for k = 1 … K, as Dirichlet's kernel.
    kernel = torch.where(below.abs() > 1e-4, ((2 * harmonics + 1) * angle).sin() / below, 2 * harmonics + 1)
    return ((kernel - 1) / 2 * (2 / harmonics).sqrt()).flatten(1)  # (B, T)


def noise(first: int, frames: int, seed: int) -> Tensor:
    """Return white noise of power 1 of frames first … first + frames - 1 of a recording, (1, 160·frames) float32."""
    blocks = []
    for number in range(first // _BLOCK, (first + frames - 1) // _BLOCK + 1):
        generator = torch.Generator().manual_seed(hash_seed(seed, number))
        blocks.append(torch.randn(_BLOCK * HOP, generator=generator))
    start = (first % _BLOCK) * HOP
    return torch.cat(blocks)[None, start : start + frames * HOP]
