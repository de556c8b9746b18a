"""Published separators, ready for any length, to be judged beside ours: Hybrid Demucs and Open-Unmix.

Both hear stereo at 44.1 kHz. A song of one channel, and each channel of a song of more than two, is fed as both
channels; its vocals are the mean of the two that come out.

Sources: Défossez, arXiv 2111.03600, as torchaudio builds it; Stöter et al. 2019 (`openunmix.py`).
Shapes: B chunks, K channels, T samples, S sources.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torchaudio.models import HDemucs, hdemucs_high

from models.separation.published.openunmix import OpenUnmix, OpenUnmixConfig, load_openunmix
from models.separation.published.separators import SEPARATORS
from models.separation.published.weights import load_weights
from models.separation.separate import Separator

SOURCES = ["drums", "bass", "other", "vocals"]  # in the order of the published weights
SAMPLE_RATE = 44_100


def published_separator(name: str, weights: Path, device: torch.device) -> Separator:
    """Return one of `separators.SEPARATORS` with the weights in a file.

    Raises:
        InputError: the file is missing, damaged or of another network.
    """
    known = SEPARATORS[name]
    if known.network == "hdemucs":
        return hdemucs_separator(load_hdemucs(weights, device))
    return openunmix_separator(load_openunmix(weights, device, config=OpenUnmixConfig(hidden=known.hidden)))


def load_hdemucs(weights: Path | None, device: torch.device, *, sha256: str | None = None) -> HDemucs:
    """Return Hybrid Demucs as torchaudio's bundles HDEMUCS_HIGH_MUSDB and …_PLUS have it (83.6 M parameters), frozen.

    Args:
        weights: the bundle's file `hdemucs_high_….pt`; None leaves random weights, enough to measure speed.
        device: to compute on.
        sha256: of the file, hexadecimal; None is not checked.

    Raises:
        InputError: the file is missing, damaged or of another network.
    """
    network = hdemucs_high(SOURCES)
    if weights is not None:
        load_weights(network, weights, sha256)
    return network.to(device).eval().requires_grad_(False)


def hdemucs_separator(network: HDemucs, seconds: float = 10.0, overlap: float = 0.25) -> Separator:
    """Return Hybrid Demucs, in the published chunks and overlap.

    Each chunk is normalised by mean and standard deviation of its channels' mean, which is undone at the end.
    The published programs take both from the whole song, which comes to the same but for rounding: the network
    normalises what it hears once more.
    """
    device = next(network.parameters()).device
    number = network.sources.index("vocals")

    def vocals_of(mixture: Tensor) -> Tensor:
        middle = mixture.mean(1, keepdim=True)  # (B, 1, T)
        mean, deviation = middle.mean(-1, keepdim=True), middle.std(-1, keepdim=True) + 1e-8
        found = network((mixture - mean) / deviation)[:, number]  # (B, S, 2, T) -> (B, 2, T)
        return found * deviation + mean

    return _separator(vocals_of, device, seconds, overlap)


def openunmix_separator(network: OpenUnmix, seconds: float = 20.0, overlap: float = 0.1) -> Separator:
    """Return Open-Unmix, without its Wiener filter.

    Published programs give it whole songs; its recurrent layers hear a chunk here.
    """
    return _separator(network, network.window.device, seconds, overlap)


def _separator(
    vocals_of: Callable[[Tensor], Tensor], device: torch.device, seconds: float, overlap: float
) -> Separator:
    """Return a system out of a function from stereo mixtures (B, 2, T) to their vocals."""

    def work(mixture: Tensor, numbers: list[int]) -> Tensor:
        if mixture.shape[1] == 2:
            return vocals_of(mixture.to(device))
        alone = mixture.to(device).flatten(0, 1)[:, None].expand(-1, 2, -1)  # (B·K, 2, T)
        return vocals_of(alone).mean(1).unflatten(0, mixture.shape[:2])

    chunk = int(seconds * SAMPLE_RATE)
    return Separator(work, SAMPLE_RATE, chunk, int(chunk * overlap), together=True)
