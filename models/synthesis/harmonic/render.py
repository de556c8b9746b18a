"""Makes waves of partials and noise.

A partial is a cosine that fades from the amplitude of one frame to that of the next (raised cosines that sum to 1). Its
phase starts at random, the same whenever a note is played. The noise is filtered frame by frame; it too is the same
each time, and its magnitudes are more even than those of white noise.

A magnitude that a frame of the spectral loss sees is the mean of the amplitude under the window of that frame, which is
four frames long. The amplitudes whose means come nearest to the magnitudes are found by the multiplicative
updates of Lee and Seung (2001), which keep them positive; otherwise onsets would be smeared twice.

Shapes: B notes, N frames, H partials, F frequency bins, M noise bands, T samples.
"""

import functools
import math

import torch
from torch import Tensor

from data.nsynth.dataset import SAMPLE_RATE
from data.signal import in_float32
from models.synthesis.harmonic.spectrum import BIN_HERTZ, BINS, HIGHEST, SIZE, mel_weights

_UPDATES, _ITERATIONS = 20, 60
_SEED = 1810  # of the phases and of the noise
_MOST = 4096  # partials whose phases are drawn, so that a phase does not depend on how many a note has


def windowed_means(frames: int, samples: int, hop: int) -> Tensor:
    """Return the matrix (N, N) that turns amplitudes at the frames into the mean that the window of each frame sees.

    Between frames the amplitude is faded by raised cosines, and it is 0 outside the note.

    Args:
        frames: number of frames, N.
        samples: length of the note.
        hop: samples between frames.
    """
    window = torch.hann_window(SIZE, periodic=True)
    offsets = torch.arange(-SIZE // 2, SIZE // 2)
    times = torch.arange(frames)[:, None] * hop + offsets  # (N, SIZE)
    inside = ((times >= 0) & (times < samples)) * window / window.sum()
    matrix = torch.zeros(frames, frames)
    for apart in range(-SIZE // 2 // hop - 1, SIZE // 2 // hop + 2):
        distance = (offsets / hop - apart).abs().clamp(max=1)
        weight = torch.cos(distance * math.pi / 2).square()
        values = (inside * weight).sum(1)  # what frame n sees of the amplitude at frame n + apart
        rows = torch.arange(frames)
        known = (rows + apart >= 0) & (rows + apart < frames)
        matrix[rows[known], rows[known] + apart] = values[known]
    return matrix


def sharpen(magnitudes: Tensor, means: Tensor, updates: int = _UPDATES) -> Tensor:
    """Return positive amplitudes (B, N, H) whose windowed means come near to magnitudes (B, N, H).

    Args:
        magnitudes: what the windows of the frames should see.
        means: matrix (N, N) from `windowed_means`.
        updates: number of multiplicative updates.
    """
    amplitudes, twice = magnitudes, means.T @ means
    wanted = means.T @ magnitudes
    for _ in range(updates):
        amplitudes = amplitudes * wanted / (twice @ amplitudes).clamp_min(1e-9)
    return amplitudes


@in_float32
@torch.no_grad()
def render(levels: Tensor, hertz: Tensor, noise: Tensor, samples: int, hop: int) -> Tensor:
    """Return the waves of partials and noise.

    Args:
        levels: natural logarithm of the magnitudes of the partials, (B, N, H).
        hertz: frequencies of the partials, (B, H).
        noise: natural logarithm of the magnitude of the noise in each band, (B, N, M).
        samples: length of the waves, T.
        hop: samples between frames.

    Returns:
        Waves, (B, T), full scale [-1, 1], not clipped.

    Example:
        >>> tone = torch.full((1, 251, 1), 4.0), torch.tensor([[440.0]]), torch.full((1, 251, 8), -20.0)
        >>> render(*tone, 64_000, 256).shape
        torch.Size([1, 64000])
    """
    means = windowed_means(levels.shape[1], samples, hop).to(levels)
    # A cosine of amplitude a has the magnitude a · (sum of the window) / 2.
    audible = torch.sigmoid((HIGHEST - hertz) / 50)[:, None].sqrt()
    amplitudes = sharpen(levels.exp() * audible, means) * (4 / SIZE)
    return _tones(amplitudes, hertz, samples, hop) + _noise(noise, samples, hop)


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
    """Return even noise filtered to the logarithms of the magnitudes of its bands, (B, N, M), as waves (B, T)."""
    window = torch.hann_window(SIZE, periodic=True, device=levels.device)
    form = {"n_fft": SIZE, "hop_length": hop, "window": window, "center": True}
    spectrum = torch.stft(even_noise(samples, hop).to(levels), **form, pad_mode="constant", return_complex=True)
    edges = torch.arange(BINS, device=levels.device) * BIN_HERTZ
    # Interpolated as logarithms, as `power_of` does.
    filters = torch.exp(levels @ mel_weights(edges, levels.shape[-1]).T).transpose(1, 2)
    return torch.istft(spectrum * filters, **form, length=samples)


@functools.cache
def even_noise(samples: int, hop: int) -> Tensor:
    """Return noise whose magnitude is nearly 1 in every bin of every frame, (T,), the same each time.

    The magnitudes of white noise vary by 5.5 dB (standard deviation) from bin to bin, and those of a recording are not
    the ones that vary alike, so white noise is far from what a level foretells. The phases that keep the magnitudes
    even are found by the iterations of Griffin and Lim (1984) from white noise.
    """
    window = torch.hann_window(SIZE, periodic=True)
    form = {"n_fft": SIZE, "hop_length": hop, "window": window, "center": True}
    wave = torch.randn(samples, generator=torch.Generator().manual_seed(_SEED))
    for _ in range(_ITERATIONS):
        spectrum = torch.stft(wave, **form, pad_mode="constant", return_complex=True)
        wave = torch.istft(spectrum / spectrum.abs().clamp_min(1e-6), **form, length=samples)
    return wave
