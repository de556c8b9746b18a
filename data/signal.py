"""Computes spectra and windows that losses and metrics share.

Conventions: a waveform is a float tensor with full scale [-1, 1]. STFTs are one-sided and not normalised, with a
periodic Hann window. Unless stated otherwise they are not centred: the first frame starts at the first sample.

Shapes: B batch, T samples, F frequency bins, M mel bands, N frames.
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch
import torchaudio
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

Given = ParamSpec("Given")
Made = TypeVar("Made")


def in_float32(function: Callable[Given, Made]) -> Callable[Given, Made]:
    """Return a function of tensors that computes in float32 even where a network trains in bfloat16.

    Inside `torch.autocast` matrix products would be taken in bfloat16, whose 8 bits are too few for powers and their
    logarithms, and an FFT of bfloat16 is an error on GPUs. Tensors of 16 bits are cast; others stay as they are.

    Example:
        >>> @in_float32
        ... def level(wave: Tensor) -> Tensor:
        ...     return torch.fft.rfft(wave).abs().log()
    """

    @functools.wraps(function)
    def cast(*given: Given.args, **named: Given.kwargs) -> Made:
        values = (*given, *named.values())
        kind = next((one.device.type for one in values if isinstance(one, Tensor)), "cpu")
        with torch.autocast(kind, enabled=False):
            return function(*map(_wide, given), **{name: _wide(one) for name, one in named.items()})  # type: ignore[arg-type]

    return cast


def _wide(value: Any) -> Any:
    """Return a tensor of 16-bit floats as float32, and anything else as it is."""
    narrow = isinstance(value, Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if narrow else value


def squared_hann(size: int) -> Tensor:
    """Return the squared periodic Hann window, (size,). At hop size/4 its overlap-add is the constant 1.5."""
    return torch.hann_window(size, periodic=True).square()


def power_spectrum(wave: Tensor, n_fft: int = 1024, hop: int = 256, *, center: bool = False) -> Tensor:
    """Return the power spectrogram |STFT|² of `wave`.

    Args:
        wave: waveform, float, (B, T) or (T,).
        n_fft: window and transform length in samples; even.
        hop: samples between frames.
        center: pad both ends by n_fft/2 samples (reflection), so that frame n is centred on sample n·hop.

    Returns:
        Power, (B, F, N) or (F, N) in the dtype of `wave`, with F = n_fft/2 + 1. Without `center`,
        N = 1 + floor((T - n_fft) / hop).

    Raises:
        ValueError: n_fft is odd.

    Example:
        >>> power_spectrum(torch.zeros(8, 16_000)).shape
        torch.Size([8, 513, 59])
    """
    if n_fft % 2:
        raise ValueError(f"n_fft {n_fft} is odd; the gradient needs an even one")
    window = torch.hann_window(n_fft, periodic=True, dtype=wave.dtype, device=wave.device)
    if center:
        wave = functional.pad(wave[..., None, :], (n_fft // 2, n_fft // 2), mode="reflect")[..., 0, :]
    return _FramePowers.apply(wave, window, hop).transpose(-1, -2)


class _FramePowers(torch.autograd.Function):
    """Power |FFT|² of windowed frames, (..., T) -> (..., N, F), with a hand-written gradient.

    With power P_k = |X_k|² and its gradient g_k, the gradient of sample n of a frame is 2·Re Σ g_k X_k e^(2πikn/L),
    where L is the frame length. This takes one real inverse FFT; automatic differentiation would compute a complex
    one of twice the size.
    """

    @staticmethod
    def forward(ctx: Any, wave: Tensor, window: Tensor, hop: int) -> Tensor:  # type: ignore[override]
        # Made contiguous, because the FFT of overlapping frames takes seven times as long.
        spectrum = torch.fft.rfft((wave.unfold(-1, len(window), hop) * window).contiguous())
        ctx.save_for_backward(spectrum, window)
        ctx.length, ctx.hop = wave.shape[-1], hop
        return spectrum.real.square() + spectrum.imag.square()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        spectrum, window = ctx.saved_tensors
        weighted = spectrum * gradient
        weighted[..., 0] *= 2  # the inverse transform counts these two bins once, all others twice
        weighted[..., -1] *= 2
        frames = torch.fft.irfft(weighted, len(window), norm="forward") * window
        count, size, hop = frames.shape[-2], len(window), ctx.hop
        summed = frames.new_zeros(*frames.shape[:-2], max(ctx.length, (count + -(-size // hop)) * hop))
        for start in range(0, size, hop):
            piece = frames[..., start : start + hop]
            summed[..., start : start + count * hop].unflatten(-1, (count, hop))[..., : piece.shape[-1]].add_(piece)
        return summed[..., : ctx.length], None, None


def log_power(wave: Tensor, n_fft: int = 1024, hop: int = 256, *, epsilon: float = 1.0) -> Tensor:
    """Return log(epsilon + |STFT|²), the natural-log power spectrogram of SING (section 3.2).

    With epsilon = 1, components below about -48 dBFS disappear under epsilon, so the scale of the input matters.

    Args:
        wave: waveform, float, full scale [-1, 1], (B, T) or (T,).
        n_fft: window and transform length in samples, even.
        hop: samples between frames.
        epsilon: constant added to the power.

    Returns:
        (B, F, N) or (F, N); 65,024 samples give F = 513, N = 251.

    Example:
        >>> loss = (log_power(reference) - log_power(estimate)).abs().mean()
    """
    return torch.log(epsilon + power_spectrum(wave, n_fft, hop))


def log_mel(wave: Tensor, sample_rate: int, *, bands: int = 40, n_fft: int = 1024, hop: int = 256) -> Tensor:
    """Return the natural logarithm of mel-band magnitudes (HTK mel scale), at least log(1e-5).

    It is for evaluation: its gradient is NaN where the power is exactly zero.

    Args:
        wave: waveform, float, (B, T) or (T,).
        sample_rate: sample rate in Hz.
        bands: number of mel bands M, from 0 Hz to half the sample rate.
        n_fft: window and transform length in samples, even.
        hop: samples between frames.

    Returns:
        (B, M, N) or (M, N); frames are not centred.

    Example:
        >>> log_mel(torch.zeros(8, 16_000), 16_000).shape
        torch.Size([8, 40, 59])
    """
    magnitude = power_spectrum(wave, n_fft, hop).sqrt()
    filters = torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, 0.0, sample_rate / 2, bands, sample_rate)
    return (filters.t().to(magnitude) @ magnitude).clamp_min(1e-5).log()
