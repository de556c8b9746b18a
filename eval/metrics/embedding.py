"""Distance between the embeddings that an encoder computes of an estimate and of its reference.

For estimates made by generative systems, energy ratios such as SDR hardly agree with the ratings of listeners, while
the mean squared error between embeddings does (Bereuter et al., WASPAA 2025, arXiv 2507.11427: rank correlation with
listeners -0.71 for the embedding MSE with MERT, 0.18 for SDR). As in that paper, the squared difference is averaged
over frames and dimensions.

The value depends on the encoder, so each encoder has a name that is stored with the scores. The caller passes the
encoder; this module loads no network. The scale of the value is the scale of the encoder's output. Values of different
tracks are comparable if the encoder's dimensions have unit variance (such as a latent normalised for diffusion).

Shapes: T samples, N frames, D dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.files.audio import resample


@dataclass(frozen=True)
class Embedding:
    """An encoder that computes the embedding of a sound.

    Attributes:
        name: name of the encoder, its layer and its scaling; it is stored with each score.
        sample_rate: sample rate of the input of `encode`, in Hz.
        encode: deterministic function from mono sound, float32, shape (T,), to frames, shape (N, D).
    """

    name: str
    sample_rate: int
    encode: Callable[[np.ndarray], np.ndarray]


def embedding_mse(reference: np.ndarray, estimate: np.ndarray, sample_rate: int, embedding: Embedding) -> float:
    """Return the mean squared difference between the embeddings of an estimate and its reference.

    Args:
        reference: true mono sound, float, shape (T,), full scale [-1, 1].
        estimate: estimated mono sound, float, shape (T,).
        sample_rate: sample rate of both in Hz; they are resampled to the sample rate of the encoder.
        embedding: the encoder.

    Returns:
        The mean over frames and dimensions, 0 or more; smaller is better. NaN if the reference is silent.

    Raises:
        ValueError: the shapes differ or are not (T,), the encoder returns embeddings of different shapes, or an
            embedding has no frames, values that are not finite, or a shape that is not (N, D).

    Example:
        >>> encoder = Embedding("pairs of samples", 8000, lambda wave: wave.reshape(-1, 2))
        >>> embedding_mse(np.array([1.0, 0, 0, 1]), np.array([0.0, 0, 0, 3]), 8000, encoder)
        1.25
    """
    if np.ndim(reference) != 1 or np.shape(reference) != np.shape(estimate):
        raise ValueError(f"reference {np.shape(reference)} and estimate {np.shape(estimate)} are not alike (T,)")
    if not np.any(reference):
        return float("nan")
    true, found = (_encoded(wave, sample_rate, embedding) for wave in (reference, estimate))
    if true.shape != found.shape:
        raise ValueError(f"{embedding.name} makes {true.shape} of the reference and {found.shape} of the estimate")
    return float(np.square(true - found).mean())


def _encoded(wave: np.ndarray, sample_rate: int, embedding: Embedding) -> np.ndarray:
    """Return the embedding of mono sound (T,): frames, float64, shape (N, D)."""
    sound = np.asarray(wave, np.float32)
    if sample_rate != embedding.sample_rate:
        sound = resample(sound, sample_rate, embedding.sample_rate)
    frames = np.asarray(embedding.encode(sound), np.float64)
    if frames.ndim != 2 or frames.size == 0 or not np.isfinite(frames).all():
        raise ValueError(f"{embedding.name} makes no finite frames (N, D) of the sound but {frames.shape}")
    return frames
