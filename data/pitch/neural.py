"""Pitch trackers that run a small trained network, whose weights come with their package: CREPE, SwiftF0 and PESTO.

Every function takes a float32 waveform at 16 kHz, (T,), and returns two float64 arrays on the melody grid, (N,) with
N = 1 + floor(T / 160): the pitch in Hz that the network finds most likely in each frame, and its confidence that the
frame is voiced, 0 to 1. The caller compares the confidence with a threshold.

SwiftF0 and PESTO come with the extra "trackers"; PESTO's licence is LGPL-3. CREPE's package is always installed.

Shapes: T samples, N frames, 360 pitch bins of CREPE (20 cents each).
"""

import functools
import importlib
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError
from data.pitch.compiled import librosa

_RATE, _HOP = 16_000, 160
_CREPE_WINDOW = 1024  # samples
_CREPE_BINS = 360
_CREPE_FIRST = 10 * 2 ** (1997.3794084376191 / 1200)  # Hz of the first bin (Kim et al., ICASSP 2018)
_CREPE_BATCH = 512  # frames; bounds the memory
_REACH = 4  # bins on both sides of the path whose weighted mean is the pitch
_WIDEST = 12  # bins by which the path may move between frames


def load_package(name: str, tracker: str) -> ModuleType:
    """Import an optional package that a tracker needs.

    Raises:
        InputError: it is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f'tracker "{tracker}" needs the package {name}: pip install "tessitura[trackers]"') from error


def crepe(wave: np.ndarray, capacity: str, lowest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Run CREPE (Kim et al., ICASSP 2018; weights of torchcrepe) with a Viterbi path over its pitch bins.

    torchcrepe's own decoders add random dither to the pitch; this one is deterministic: the path goes through
    the activations, and the pitch is the mean of the bins around it, weighted with their activations.

    Args:
        wave: see module docstring.
        capacity: "tiny" or "full".
        lowest: lowest pitch that is looked for, in Hz.
        highest: highest pitch that is looked for, in Hz.
    """
    padded = torch.from_numpy(np.pad(wave, _CREPE_WINDOW // 2).astype(np.float32))
    frames = padded.unfold(0, _CREPE_WINDOW, _HOP)[: 1 + len(wave) // _HOP]  # (N, 1024)
    network = _crepe_network(capacity)
    with torch.inference_mode():
        parts = [_crepe_activations(network, part) for part in frames.split(_CREPE_BATCH)]
    activations = torch.cat(parts).numpy().astype(np.float64)  # (N, 360)
    hertz = _CREPE_FIRST * 2 ** (np.arange(_CREPE_BINS) / 60)
    activations[:, (hertz < lowest) | (hertz > highest)] = 0
    path = librosa.sequence.viterbi(_shares(activations), _crepe_transition())
    near = np.clip(path[:, None] + np.arange(-_REACH, _REACH + 1), 0, _CREPE_BINS - 1)  # (N, 9)
    weight = np.take_along_axis(activations, near, 1) + 1e-12
    bins = (weight * near).sum(1) / weight.sum(1)
    confidence = activations[np.arange(len(path)), path]
    return np.clip(_CREPE_FIRST * 2 ** (bins / 60), lowest, highest), confidence


def _shares(activations: np.ndarray) -> np.ndarray:
    """Return activations (N, 360) as probabilities of the bins for the Viterbi search, (360, N)."""
    floored = activations + 1e-6
    return np.minimum(floored / floored.sum(1, keepdims=True), 1.0).T


def _crepe_activations(network: Any, frames: Tensor) -> Tensor:
    """Return the activations of the bins, (N, 360), of frames of samples, (N, 1024)."""
    frames = frames - frames.mean(1, keepdim=True)
    return network(frames / frames.std(1, keepdim=True).clamp(min=1e-10))


@functools.cache
def _crepe_network(capacity: str) -> Any:
    """Return the network of torchcrepe, "tiny" or "full", with its weights."""
    import torchcrepe  # noqa: PLC0415 - takes seconds to import

    torchcrepe.load.model("cpu", capacity)
    return torchcrepe.infer.model  # type: ignore[attr-defined]


@functools.cache
def _crepe_transition() -> np.ndarray:
    """Return the probabilities of moving from bin to bin, (360, 360): a triangle, as in CREPE."""
    distance = np.abs(np.subtract.outer(np.arange(_CREPE_BINS), np.arange(_CREPE_BINS)))
    weight = np.maximum(_WIDEST - distance, 0).astype(np.float64)
    return weight / weight.sum(1, keepdims=True)


def swift(wave: np.ndarray, lowest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Run SwiftF0, which has frames of 16 ms: pitch and confidence are interpolated."""
    found = _swift_network().detect(np.pad(wave, (0, max(0, 1024 - len(wave)))), _RATE, lowest, highest)
    times = np.arange(1 + len(wave) // _HOP) * (_HOP / _RATE)
    log_pitch = np.log(np.maximum(found.pitch_hz, 1e-3))
    nearest = np.clip(np.searchsorted(found.timestamps, times), 1, max(len(found.timestamps) - 1, 1))
    before, after = nearest - 1, np.minimum(nearest, len(found.timestamps) - 1)
    # Across a jump of more than a semitone the nearer frame counts, otherwise a pitch in between would be made up.
    far = np.abs(log_pitch[after] - log_pitch[before]) > np.log(2) / 12
    closer = np.where(times - found.timestamps[before] < found.timestamps[after] - times, before, after)
    hertz = np.exp(np.where(far, log_pitch[closer], np.interp(times, found.timestamps, log_pitch)))
    return hertz, np.interp(times, found.timestamps, found.confidence)


@functools.cache
def _swift_network() -> Any:
    """Return SwiftF0's detector, on one thread."""
    return load_package("swift_f0", "swift-f0").SwiftF0(threads=1, spin=False)


def pesto(wave: np.ndarray, lowest: float, highest: float) -> tuple[np.ndarray, np.ndarray]:
    """Run PESTO (Riou et al., ISMIR 2023; weights "mir-1k_g7"); pitches outside the range have confidence 0."""
    count = 1 + len(wave) // _HOP
    with torch.inference_mode():
        found = _pesto_network()(
            torch.from_numpy(np.pad(wave, (0, max(_HOP, 6000 - len(wave)))).astype(np.float32)),
            sr=_RATE,
            convert_to_freq=True,
        )
    hertz, confidence = (one.reshape(-1).double().numpy()[:count] for one in found[:2])
    inside = (hertz >= lowest) & (hertz <= highest)
    return np.clip(hertz, lowest, highest), np.clip(confidence, 0, 1) * inside


@functools.cache
def _pesto_network() -> Any:
    """Return PESTO's network with frames of 10 ms."""
    network = load_package("pesto", "pesto").load_model("mir-1k_g7", 10.0, sampling_rate=_RATE)
    network.reduction = "alwa"  # the weighted mean around the maximum, as in pesto.predict; otherwise steps of a bin
    return network
