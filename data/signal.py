"""Spectra and windows: the signal processing that losses and metrics share.

Conventions: a waveform is float, full scale [-1, 1]; STFTs are one-sided, not
normalised and, unless said otherwise, not centred (the first frame starts at the
first sample), with a periodic Hann window.

Shapes: B batch, T samples, F bins, M mel bands, N frames.
"""

import torch
import torchaudio
from torch import Tensor


def squared_hann(size: int) -> Tensor:
    """Return the periodic Hann window squared, (size,); at hop size/4 it overlap-adds to 1.5."""
    return torch.hann_window(size, periodic=True).square()


def power_spectrum(wave: Tensor, n_fft: int = 1024, hop: int = 256, *, center: bool = False) -> Tensor:
    """Return |STFT|² of `wave`.

    Args:
        wave: (B, T) or (T,).
        n_fft: window and transform length in samples.
        hop: samples between frames.
        center: pad both ends by n_fft/2 (reflecting) so that frame n is centred on n·hop.

    Returns:
        (B, F, N) or (F, N), with F = n_fft/2 + 1.
    """
    window = torch.hann_window(n_fft, periodic=True, dtype=wave.dtype, device=wave.device)
    spectrum = torch.stft(wave, n_fft, hop, window=window, center=center, return_complex=True)
    return torch.view_as_real(spectrum).square().sum(-1)


def log_power(wave: Tensor, n_fft: int = 1024, hop: int = 256, *, epsilon: float = 1.0) -> Tensor:
    """Return log(epsilon + |STFT|²), the natural-log spectrogram of SING (section 3.2).

    With epsilon 1 everything below about -48 dBFS vanishes: the scale of the input matters.

    Args:
        wave: (B, T) or (T,).
        n_fft: window and transform length in samples.
        hop: samples between frames.
        epsilon: floor added to the power.

    Returns:
        (B, F, N) or (F, N); 65,024 samples give F = 513, N = 251.
    """
    return torch.log(epsilon + power_spectrum(wave, n_fft, hop))


def log_mel(wave: Tensor, sample_rate: int, *, bands: int = 40, n_fft: int = 1024, hop: int = 256) -> Tensor:
    """Return the natural logarithm of mel-band magnitudes (HTK mel scale, floor 1e-5).

    Args:
        wave: (B, T) or (T,).
        sample_rate: in Hz.
        bands: M, from 0 Hz to half the sample rate.
        n_fft: window and transform length in samples.
        hop: samples between frames.

    Returns:
        (B, M, N) or (M, N), not centred.
    """
    magnitude = power_spectrum(wave, n_fft, hop).sqrt()
    filters = torchaudio.functional.melscale_fbanks(n_fft // 2 + 1, 0.0, sample_rate / 2, bands, sample_rate)
    return (filters.t().to(magnitude) @ magnitude).clamp_min(1e-5).log()
