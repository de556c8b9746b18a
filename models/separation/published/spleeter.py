"""Spleeter with 2 stems (Hennequin et al. 2020): two U-Nets on the spectrogram of a stereo mixture, one per source.

This is the published network, written anew, for the weights that Deezer published. The magnitudes of the STFT (4096
samples, hop 1024, periodic Hann) of both channels, 512 frames at a time and up to 11 kHz (bins 0 to 1023), go through a
U-Net for the vocals and another for the accompaniment. Six convolutions of stride 2 halve time and frequency, six
transposed ones double them again, each beside the output of the convolution of its size. A last convolution with a
sigmoid multiplies the magnitudes, which gives the magnitudes of the source, V and A. The mask of the vocals is
V² / (V² + A²). Above 11 kHz it is zero, as in the published configuration (its `mask_extension` is "zeros"): the vocals
have nothing there.

Published programs divide a song into blocks of 512 frames with hard borders. The first frame of the first block begins
one frame length before the song, so it hears silence alone; here every chunk begins like that and is cross-faded with
its neighbours. So songs of up to 508 · 1024 samples (11.8 s) come out as theirs, longer ones differ near the borders.

Source: Hennequin, Khlif, Voituret, Moussallam: Spleeter, JOSS 5(50), 2154, 2020, doi 10.21105/joss.02154.
Shapes: B batch, T samples, N frames, F frequency bins, C channels of a layer.
"""

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from data.errors import InputError
from data.files.archive import members
from data.files.weights import fill
from models.separation.published.tensorflow_bundle import read_bundle

SAMPLE_RATE = 44_100  # Hz
SIZE, HOP, BINS, FRAMES = 4096, 1024, 1024, 512  # samples of a frame and between frames; bins and frames of a block
INDEX, VALUES = "model.index", "model.data-00000-of-00001"
_SOURCES = ("vocals", "accompaniment")  # in the order of the published weights
_DEPTH = 6
_FAINTEST = 1e-10  # of the squared magnitudes that a mask divides by
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


class UNet(nn.Module):
    """Estimates the magnitudes of one source of a stereo mixture."""

    def __init__(self, filters: tuple[int, ...]) -> None:
        """Build the network with random weights.

        Args:
            filters: number of channels after each of the six convolutions that halve.
        """
        super().__init__()
        down = zip((2, *filters[:-1]), filters, strict=True)
        sizes = (*filters[-2::-1], 1)  # after each of the convolutions that double
        up = zip((filters[-1], *(2 * one for one in sizes[:-1])), sizes, strict=True)
        self.down = nn.ModuleList(nn.Conv2d(before, after, 5, stride=2) for before, after in down)
        self.down_norm = nn.ModuleList(nn.BatchNorm2d(one, eps=1e-3) for one in filters[:-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(before, after, 5, stride=2) for before, after in up)
        self.up_norm = nn.ModuleList(nn.BatchNorm2d(one, eps=1e-3) for one in sizes)
        self.last = nn.Conv2d(1, 2, 4, dilation=2)

    def forward(self, magnitude: Tensor) -> Tensor:
        """Return the magnitudes of the source (B, 2, N, F) of a mixture's (B, 2, N, F); N and F are multiples of 64."""
        hidden, skipped = magnitude, []
        for number, convolution in enumerate(self.down):
            if number:
                skipped.append(hidden)  # (B, C, N / 2^number, F / 2^number), before norm and activation
                hidden = functional.leaky_relu(self.down_norm[number - 1](hidden), 0.2)
            hidden = convolution(functional.pad(hidden, (1, 2, 1, 2)))
        for number, (convolution, norm) in enumerate(zip(self.up, self.up_norm, strict=True)):
            if number:
                hidden = torch.cat([skipped.pop(), hidden], 1)
            hidden = norm(convolution(hidden)[..., 1:-2, 1:-2].relu())
        return self.last(functional.pad(hidden, (3, 3, 3, 3))).sigmoid() * magnitude


class Spleeter(nn.Module):
    """Estimates the vocals of stereo mixtures.

    Example:
        >>> network = Spleeter((16, 32, 64, 128, 256, 512)).eval()
        >>> network(torch.randn(1, 2, 44_100)).shape
        torch.Size([1, 2, 44100])
    """

    window: Tensor

    def __init__(self, filters: tuple[int, ...]) -> None:
        """Build the network with random weights; `filters` as for `UNet`."""
        super().__init__()
        self.register_buffer("window", torch.hann_window(SIZE), persistent=False)
        self.vocals, self.accompaniment = UNet(filters), UNet(filters)

    def forward(self, mixture: Tensor) -> Tensor:
        """Return the vocals (B, 2, T) of mixtures (B, 2, T), all of which are heard as one block."""
        length, frames = mixture.shape[-1], -(-mixture.shape[-1] // HOP) + SIZE // HOP
        flat = functional.pad(mixture.flatten(0, 1), (SIZE, (frames - 1) * HOP - length))  # (2B, SIZE + (N - 1) · HOP)
        spectrum = torch.stft(flat, SIZE, HOP, window=self.window, center=False, return_complex=True)  # (2B, F, N)
        spectrum = spectrum.transpose(1, 2).unflatten(0, mixture.shape[:2])  # (B, 2, N, F)
        masked = spectrum[..., :BINS] * self.mask(spectrum[..., :BINS].abs())
        waves = torch.fft.irfft(functional.pad(masked, (0, SIZE // 2 + 1 - BINS)).flatten(0, 1), SIZE) * self.window
        total = functional.fold(  # (2B, SIZE, N) -> (2B, 1, 1, SIZE + (N - 1) · HOP)
            waves.transpose(1, 2), (1, flat.shape[-1]), (1, SIZE), stride=(1, HOP)
        )
        vocals = total[:, 0, 0, SIZE : SIZE + length] * (2 / 3)  # 3/2: sum of the squares of the windows over a sample
        return vocals.unflatten(0, mixture.shape[:2])

    def mask(self, magnitude: Tensor) -> Tensor:
        """Return the mask (B, 2, N, BINS), 0 to 1, of the vocals for a mixture's magnitudes (B, 2, N, BINS)."""
        frames = magnitude.shape[2]
        whole = functional.pad(magnitude, (0, 0, 0, -frames % (1 << _DEPTH)))
        vocals, rest = (unet(whole)[:, :, :frames].square() for unet in (self.vocals, self.accompaniment))
        return (vocals + _FAINTEST / 2) / (vocals + rest + _FAINTEST)


def load_spleeter(weights: Path, device: torch.device, *, sha256: str | None = None) -> Spleeter:
    """Load the network with weights in TensorFlow's format, in evaluation mode and without gradients.

    Args:
        weights: folder with `model.index` and `model.data-00000-of-00001`, or the published `2stems.tar.gz`.
        device: device to compute on.
        sha256: expected SHA-256 of the data file, hexadecimal; None skips the check.

    Raises:
        InputError: a file is missing, damaged, not the expected one, or of another network.

    Example:
        >>> network = load_spleeter(Path("downloads/2stems.tar.gz"), torch.device("cpu"))
    """
    files = _read(weights)
    if sha256 is not None and (found := hashlib.sha256(files[VALUES]).hexdigest()) != sha256:
        raise InputError(f"{weights}: the SHA-256 of {VALUES} is {found}, expected {sha256}; fetch it again")
    variables = read_bundle(files[INDEX], files[VALUES], str(weights))
    try:
        network = Spleeter(tuple(variables[f"{_numbered('conv2d', one)}/bias"].size for one in range(_DEPTH)))
        state = _named(variables)
    except KeyError as error:
        raise InputError(f"{weights}: weights of another network (no {error}); fetch Spleeter's 2stems") from error
    fill(network, state, weights)
    return network.to(device).eval().requires_grad_(False)


def _read(place: Path) -> dict[str, bytes]:
    """Return the content of the two files of a bundle, in a folder or in an archive.

    Raises:
        InputError: a file is missing, or the archive is damaged.
    """
    wanted = (INDEX, VALUES)
    if place.is_dir():
        found = {name: (place / name).read_bytes() for name in wanted if (place / name).is_file()}
    elif place.is_file():
        inside = ((Path(one.name).name, one) for one in members(place))
        found = {name: member.stream.read() for name, member in inside if name in wanted}
    else:
        raise InputError(f"{place}: no such file or folder; put the published weights there")
    if missing := [name for name in wanted if name not in found]:
        raise InputError(f"{place}: no {missing[0]} in it; it takes the files of Spleeter's 2stems")
    return found


def _numbered(kind: str, number: int) -> str:
    """Return the name of a layer as TensorFlow counts them: conv2d, conv2d_1, and so on."""
    return f"{kind}_{number}" if number else kind


def _named(variables: dict[str, np.ndarray]) -> dict[str, Tensor]:
    """Return the weights of both U-Nets under our names; kernels (height, width, …) are turned to (…, height, width).

    TensorFlow's layers are counted through both networks. The norm after the sixth convolution is not used.

    Raises:
        KeyError: a variable is missing.
    """
    found = {}
    for source, unet in enumerate(_SOURCES):
        layers = {
            **{f"down.{one}": ("conv2d", (_DEPTH + 1) * source + one) for one in range(_DEPTH)},
            "last": ("conv2d", (_DEPTH + 1) * source + _DEPTH),
            **{f"up.{one}": ("conv2d_transpose", _DEPTH * source + one) for one in range(_DEPTH)},
        }
        norms = {f"down_norm.{one}": one for one in range(_DEPTH - 1)}
        norms |= {f"up_norm.{one}": _DEPTH + one for one in range(_DEPTH)}
        for name, (kind, number) in layers.items():
            place = _numbered(kind, number)
            found[f"{unet}.{name}.weight"] = torch.tensor(variables[f"{place}/kernel"]).permute(3, 2, 0, 1)
            found[f"{unet}.{name}.bias"] = torch.tensor(variables[f"{place}/bias"])
        for name, number in norms.items():
            place = _numbered("batch_normalization", 2 * _DEPTH * source + number)
            for ours, theirs in _NORM.items():
                found[f"{unet}.{name}.{ours}"] = torch.tensor(variables[f"{place}/{theirs}"])
            found[f"{unet}.{name}.num_batches_tracked"] = torch.tensor(0)
    return found
