"""Makes waves of partials and noise.

A first wave has each partial as a cosine that fades from the amplitude of one frame to that of the next (raised cosines
that sum to 1), and noise that is filtered frame by frame. Phases and noise are random, the same whenever a note is
played. A partial that begins suddenly is then smeared over a frame, partials in neighbouring bins beat, and the
magnitudes of noise vary from bin to bin, none of which the power in closed form knows. So only the phases of that wave
are kept: an inverse STFT gives them the magnitudes that were decoded, again and again (Griffin and Lim 1984).

Shapes: B notes, N frames, H partials, F frequency bins, M noise bands, T samples.
"""

import math
from typing import Any

import torch
from torch import Tensor

from data.nsynth.dataset import SAMPLE_RATE
from data.signal import in_float32
from models.synthesis.harmonic.spectrum import BIN_HERTZ, BINS, HIGHEST, SIZE, mel_weights, power_of

_ITERATIONS = 8
_SEED = 1810  # of the phases and of the noise
_MOST = 4096  # partials whose phases are drawn, so that a phase does not depend on how many a note has


@in_float32
@torch.no_grad()
def render(levels: Tensor, hertz: Tensor, noise: Tensor, samples: int, hop: int) -> Tensor:
    """Return the waves of partials and noise.

    Args:
        levels: natural logarithm of the magnitudes of the partials, (B, N, H).
        hertz: frequencies of the partials, (B, H).
        noise: natural logarithm of the magnitude of the noise in each band, (B, N, M).
        samples: length of the waves, T = (N - 1) · hop.
        hop: samples between frames.

    Returns:
        Waves, (B, T), full scale [-1, 1], not clipped.

    Example:
        >>> tone = torch.full((1, 251, 1), 4.0), torch.tensor([[440.0]]), torch.full((1, 251, 8), -20.0)
        >>> render(*tone, 64_000, 256).shape
        torch.Size([1, 64000])
    """
    # A cosine of amplitude a has the magnitude a · (sum of the window) / 2.
    audible = torch.sigmoid((HIGHEST - hertz) / 50)[:, None].sqrt()
    amplitudes = levels.exp() * audible * (4 / SIZE)
    wave = _tones(amplitudes, hertz, samples, hop) + _noise(noise, samples, hop)
    magnitudes = power_of(levels, hertz, noise).sqrt().transpose(1, 2)  # (B, F, N)
    form = _form(hop, wave.device)
    for _ in range(_ITERATIONS):
        spectrum = torch.stft(wave, **form, pad_mode="constant", return_complex=True)
        wave = torch.istft(magnitudes * spectrum / spectrum.abs().clamp_min(1e-9), **form, length=samples)
    return wave


def _form(hop: int, device: torch.device) -> dict[str, Any]:
    """Return the arguments that make torch's STFT the one of the spectral loss."""
    window = torch.hann_window(SIZE, periodic=True, device=device)
    return {"n_fft": SIZE, "hop_length": hop, "window": window, "center": True}


def _tones(amplitudes: Tensor, hertz: Tensor, samples: int, hop: int) -> Tensor:
    """Return the sum of the partials of notes, (B, T), for amplitudes (B, N, H) and frequencies (B, H)."""
    generator = torch.Generator().manual_seed(_SEED)
    phases = torch.rand(_MOST, generator=generator)[: hertz.shape[1]].to(hertz)
    frames = torch.arange(amplitudes.shape[1], device=hertz.device, dtype=torch.float64)
    # Whole turns are taken off in float64: float32 would lose the phase of high partials within a second.
    turns = (frames[:, None] * (hertz.double() * (hop / SAMPLE_RATE))[:, None]).frac().float() + phases
    time = torch.arange(-hop, hop, device=hertz.device) * (2 * math.pi / SAMPLE_RATE)
    angle = hertz[..., None] * time  # (B, H, 2·hop)
    at_frame = 2 * math.pi * turns  # (B, N, H)
    pieces = (amplitudes * at_frame.cos()) @ angle.cos() - (amplitudes * at_frame.sin()) @ angle.sin()
    pieces = pieces * torch.hann_window(2 * hop, periodic=True, device=hertz.device)  # (B, N, 2·hop)
    left, right = (one.flatten(1) for one in (pieces[..., :hop], pieces[..., hop:]))
    # Piece n is centred on sample n·hop, so its second half overlaps the first half of piece n + 1.
    wave = right + torch.nn.functional.pad(left[:, hop:], (0, hop))
    return torch.nn.functional.pad(wave, (0, max(0, samples - wave.shape[1])))[:, :samples]


def _noise(levels: Tensor, samples: int, hop: int) -> Tensor:
    """Return white noise filtered to the logarithms of the magnitudes of its bands, (B, N, M), as waves (B, T)."""
    form = _form(hop, levels.device)
    white = torch.randn(samples, generator=torch.Generator().manual_seed(_SEED)).to(levels)
    white /= form["window"].square().sum().sqrt()  # so that the mean power of a bin is 1
    spectrum = torch.stft(white, **form, pad_mode="constant", return_complex=True)
    edges = torch.arange(BINS, device=levels.device) * BIN_HERTZ
    # Interpolated as logarithms, as `power_of` does.
    filters = torch.exp(levels @ mel_weights(edges, levels.shape[-1]).T).transpose(1, 2)
    return torch.istft(spectrum * filters, **form, length=samples)
