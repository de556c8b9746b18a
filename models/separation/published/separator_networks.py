"""Published separators as systems for songs of any length: Hybrid Demucs, Open-Unmix and Spleeter.

All take stereo at 44.1 kHz. The channel of a mono song, and each channel of a song with more than two channels, is
given to the network as left and right channel; its vocals are the mean of the two output channels.

Sources: Défossez, arXiv 2111.03600 (Hybrid Demucs, built by torchaudio); Stöter et al. 2019 (`openunmix.py`); Hennequin
et al. 2020 (`spleeter.py`).
Shapes: B chunks, K channels, T samples, S sources.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torchaudio.models import HDemucs, hdemucs_high

from data.progress import Listener, ignore
from models.separation.published.openunmix import OpenUnmix, OpenUnmixConfig, load_openunmix
from models.separation.published.separators import SEPARATORS, locate_weights, parse_separators
from models.separation.published.spleeter import FRAMES, HOP, SIZE, Spleeter, load_spleeter
from models.separation.published.weights import load_weights
from models.separation.separate import Separator

SOURCES = ["drums", "bass", "other", "vocals"]  # in the order of the published weights
SAMPLE_RATE = 44_100  # Hz
_LEAST = SAMPLE_RATE  # samples; a shorter song is padded with zeros to this length


def published_separator(name: str, weights: Path, device: torch.device) -> Separator:
    """Load a published separator with the weights from a file.

    Args:
        name: name of the separator, a key of `separators.SEPARATORS`.
        weights: weights file; a folder or an archive for Spleeter.
        device: device to compute on.

    Raises:
        InputError: the file is missing, damaged, not the expected one, or of another network.
        KeyError: there is no separator of that name.

    Example:
        >>> separator = published_separator("umxhq", Path("vocals-b62c91ce.pth"), torch.device("cpu"))
    """
    known = SEPARATORS[name]
    if known.network == "hdemucs":
        return hdemucs_separator(load_hdemucs(weights, device))
    if known.network == "spleeter":
        return spleeter_separator(load_spleeter(weights, device, sha256=known.content))
    return openunmix_separator(load_openunmix(weights, device, config=OpenUnmixConfig(hidden=known.hidden)))


def load_separators(
    setting: str, downloads: Path, device: torch.device, listener: Listener = ignore
) -> dict[str, Separator]:
    """Load every published separator that a setting selects, by name; weights that are not there are downloaded.

    Args:
        setting: the setting, as `separators.parse_separators` reads it.
        downloads: folder for downloads.
        device: device to compute on.
        listener: receives progress reports.

    Raises:
        InputError: a name is unknown or occurs twice, or a file is missing, damaged or not the expected one.
        DownloadError: the server is unreachable, or the file is not the expected one.

    Example:
        >>> load_separators("umxhq", Path("downloads"), torch.device("cpu"))["umxhq"]
    """
    files = locate_weights(parse_separators(setting), downloads, listener)
    return {name: published_separator(name, file, device) for name, file in files.items()}


def load_hdemucs(weights: Path | None, device: torch.device, *, sha256: str | None = None) -> HDemucs:
    """Load Hybrid Demucs, in evaluation mode and without gradients.

    The network (83.6 M parameters) is that of torchaudio's bundles HDEMUCS_HIGH_MUSDB and HDEMUCS_HIGH_MUSDB_PLUS.

    Args:
        weights: weights file of a bundle, `hdemucs_high_….pt`; None leaves random weights, to measure speed.
        device: device to compute on.
        sha256: expected SHA-256 of the file, hexadecimal; None skips the check.

    Raises:
        InputError: the file is missing, damaged or of another network.
    """
    network = hdemucs_high(SOURCES)
    if weights is not None:
        load_weights(network, weights, sha256)
    return network.to(device).eval().requires_grad_(False)


def hdemucs_separator(network: HDemucs, seconds: float = 10.0, overlap: float = 0.25) -> Separator:
    """Return Hybrid Demucs as a system. The default chunk length and overlap are the published ones.

    Each chunk is normalised by the mean and the standard deviation of the average of its two channels, and the vocals
    are scaled back. The published programs take both from the whole song. The result is the same except for rounding,
    because the network normalises its input again.

    Args:
        network: network that `load_hdemucs` returned.
        seconds: length of a chunk in seconds.
        overlap: fraction of a chunk that is cross-faded with the next one.
    """
    device = next(network.parameters()).device
    number = network.sources.index("vocals")

    def vocals_of(mixture: Tensor) -> Tensor:
        middle = mixture.mean(1, keepdim=True)  # (B, 1, T)
        mean, deviation = middle.mean(-1, keepdim=True), middle.std(-1, keepdim=True) + 1e-8
        found = network((mixture - mean) / deviation)[:, number]  # (B, S, 2, T) -> (B, 2, T)
        return found * deviation + mean

    return _separator(vocals_of, device, int(seconds * SAMPLE_RATE), overlap)


def openunmix_separator(network: OpenUnmix, seconds: float = 20.0, overlap: float = 0.1) -> Separator:
    """Return Open-Unmix as a system, without its Wiener filter.

    The published programs process whole songs at once; here the recurrent layers see one chunk at a time.

    Args:
        network: network that `load_openunmix` returned.
        seconds: length of a chunk in seconds.
        overlap: fraction of a chunk that is cross-faded with the next one.
    """
    return _separator(network, network.window.device, int(seconds * SAMPLE_RATE), overlap)


def spleeter_separator(network: Spleeter, frames: int = FRAMES, overlap: float = 0.1) -> Separator:
    """Return Spleeter as a system.

    Args:
        network: network that `load_spleeter` returned.
        frames: number of frames of the STFT that are heard together; the published programs take 512.
        overlap: fraction of a chunk that is cross-faded with the next one.
    """
    return _separator(network, network.window.device, (frames - SIZE // HOP) * HOP, overlap)


def _separator(vocals_of: Callable[[Tensor], Tensor], device: torch.device, chunk: int, overlap: float) -> Separator:
    """Return a system for any number of channels from a function from stereo mixtures to vocals, both (B, 2, T).

    Args:
        vocals_of: the function.
        device: device that it computes on.
        chunk: length of a chunk in samples.
        overlap: fraction of a chunk that is cross-faded with the next one.
    """

    def work(mixture: Tensor, numbers: list[int]) -> Tensor:
        if mixture.shape[1] == 2:
            return vocals_of(mixture.to(device))
        alone = mixture.to(device).flatten(0, 1)[:, None].expand(-1, 2, -1)  # (B·K, 2, T)
        return vocals_of(alone).mean(1).unflatten(0, mixture.shape[:2])

    return Separator(work, SAMPLE_RATE, chunk, int(chunk * overlap), together=True, multiple=min(chunk, _LEAST))
