"""Power spectra of partials and noise in closed form, and power spectra of recorded notes moved in pitch.

The spectrum is the one of the spectral loss: frames of 1024 samples every 256, periodic Hann window, not normalised,
513 bins of 15.625 Hz, on a note with 512 zeros at both ends. Frame n is centred on sample 256·n of the note, and a note
of 4 s has 251 frames.

A steady partial of magnitude m (the largest value of its |X|, 256 times its amplitude) leaves m²·W²(x) in the bin that
is x bins from its frequency, W being the transform of the window. The powers of partials and noise are added: what
partials of neighbouring bins do to one another by their phases is left out. So the loss of a note is computed
without making a wave, on any of its frames.

Shapes: B notes, K frames, H partials, F = 513 bins, M bands, T samples.
"""

import torch
from torch import Tensor

from data.nsynth.dataset import SAMPLE_RATE
from data.signal import in_float32

SIZE, HOP = 1024, 256
BINS, FRAMES = SIZE // 2 + 1, 251
BIN_HERTZ = SAMPLE_RATE / SIZE
HIGHEST = 7900.0  # Hz; partials fade out over some 100 Hz around it
_REACH = 3  # bins on either side of a partial in which its power is told; beyond, it is 50 dB below its largest


def main_lobe(distance: Tensor) -> Tensor:
    """Return the power of a partial, relative to its largest, at a distance in bins from its frequency.

    It is the squared transform of a Hann window: 1 at 0, 1/4 at a distance of 1 bin, 0 at 2 bins.

    Example:
        >>> main_lobe(torch.tensor([0.0, 1.0, 2.0]))
        tensor([1.0000, 0.2500, 0.0000])
    """
    below = 1 - distance.square()
    near = below.abs() < 1e-3
    ratio = torch.sinc(distance) / torch.where(near, torch.ones_like(below), below)
    return torch.where(near, torch.full_like(ratio, 0.5), ratio).square()


def mel_weights(hertz: Tensor, points: int) -> Tensor:
    """Return the weights of linear interpolation between points that are spread evenly in mel over 0 to 8000 Hz.

    Args:
        hertz: frequencies, any shape.
        points: number of points.

    Returns:
        Weights, shape (..., points), of which at most two are not 0; they sum to 1.
    """
    mel = torch.log1p(hertz / 700) / torch.log1p(hertz.new_tensor(SAMPLE_RATE / 2) / 700)
    place = (mel * (points - 1)).clamp(0, points - 1)
    return (1 - (place[..., None] - torch.arange(points, device=hertz.device)).abs()).clamp_min(0)


@in_float32
def power_of(levels: Tensor, hertz: Tensor, noise: Tensor) -> Tensor:
    """Return the power spectra of partials and noise.

    Args:
        levels: natural logarithm of the magnitudes of the partials, (B, K, H).
        hertz: frequencies of the partials, (B, H).
        noise: natural logarithm of the magnitude of the noise in each band, (B, K, M).

    Returns:
        Power, (B, K, F).

    Example:
        >>> power = power_of(torch.full((1, 1, 1), 2.0), torch.tensor([[1000.0]]), torch.full((1, 1, 8), -9.0))
        >>> int(power.argmax())  # 64 bins of 15.625 Hz
        64
    """
    centre = hertz / BIN_HERTZ
    # The bins that a partial reaches, and what it leaves in each of them.
    bins = centre.detach().floor().long()[..., None] + torch.arange(1 - _REACH, 1 + _REACH, device=hertz.device)
    share = main_lobe(bins - centre[..., None]).where((bins >= 0) & (bins < BINS), 0.0)
    lobes = torch.zeros(*hertz.shape, BINS, device=hertz.device)
    lobes = lobes.scatter_add(2, bins.clamp(0, BINS - 1), share)  # (B, H, F)
    audible = torch.sigmoid((HIGHEST - hertz) / 50)[:, None]
    tones = (torch.exp(2 * levels) * audible) @ lobes
    edges = torch.arange(BINS, device=hertz.device) * BIN_HERTZ
    return tones + torch.exp(2 * noise @ mel_weights(edges, noise.shape[-1]).T)


def shifted_frames(wave: Tensor, frames: Tensor, semitones: int) -> Tensor:
    """Return power spectra of frames of notes whose pitch is moved while their time is kept.

    A frame is analysed with a window that is longer or shorter by the ratio of the shift, which puts its partials into
    the bins of the new pitch; frames stay where they were in time. Formants move with the pitch.

    Args:
        wave: notes, float32, (B, T).
        frames: numbers of frames, integer, (B, K).
        semitones: shift of all notes; negative for a lower pitch, whose highest bins are then empty.

    Returns:
        Power, (B, K, F).

    Example:
        >>> shifted_frames(torch.randn(2, 64_000), torch.arange(251).expand(2, -1), 1).shape
        torch.Size([2, 251, 513])
    """
    size = 2 * round(SIZE / 2 * 2 ** (semitones / 12))
    padded = torch.nn.functional.pad(wave, (size // 2, size // 2))
    places = (frames * HOP)[..., None] + torch.arange(size, device=wave.device)  # (B, K, size)
    pieces = padded.gather(1, places.flatten(1)).view(places.shape)
    window = torch.hann_window(size, periodic=True, device=wave.device)
    spectrum = torch.fft.rfft(pieces * window)[..., :BINS] * (SIZE / size)
    power = spectrum.real.square() + spectrum.imag.square()
    return torch.nn.functional.pad(power, (0, BINS - power.shape[-1]))
