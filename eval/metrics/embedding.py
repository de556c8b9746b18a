"""Distance between embeddings: what an encoder makes of an estimate against what it makes of the reference.

Energy ratios hardly follow listeners where estimates are generated; the mean squared error between embeddings
does (Bereuter et al., WASPAA 2025, arXiv 2507.11427: rank correlation -0.71 with MERT, 0.18 for SDR, generative
systems). It is the mean over frames and dimensions of the squared difference, as there.

Which encoder it is belongs to the number, so an encoder has a name and is handed in: a floor below the systems,
this one loads no network. The scale of the number is the scale of the encoder's values; an encoder whose
dimensions have unit variance (a latent normalised for diffusion, say) makes it comparable between tracks.

Shapes: T samples, N frames, D dimensions.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data.files.audio import resample


@dataclass(frozen=True)
class Embedding:
    """An encoder that sound is judged with.

    Attributes:
        name: which encoder, layer and scaling it is; said in every row.
        sample_rate: of the sound it takes, in Hz.
        encode: mono sound (T,) float32 to frames (N, D); the same sound always gives the same frames.
    """

    name: str
    sample_rate: int
    encode: Callable[[np.ndarray], np.ndarray]


def embedding_mse(reference: np.ndarray, estimate: np.ndarray, sample_rate: int, embedding: Embedding) -> float:
    """Return the mean squared difference between the embeddings of (T,), smaller is better.

    NaN where the reference is silent, as of every separation score.

    Args:
        reference: mono sound.
        estimate: the same length.
        sample_rate: of both, in Hz; they are resampled to the encoder's.
        embedding: the encoder.

    Raises:
        ValueError: lengths differ, or the encoder's frames are not finite, not (N, D), or none.
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
    """Return the frames of mono sound, (N, D) float64."""
    heard = np.asarray(wave, np.float32)
    if sample_rate != embedding.sample_rate:
        heard = resample(heard, sample_rate, embedding.sample_rate)
    frames = np.asarray(embedding.encode(heard), np.float64)
    if frames.ndim != 2 or frames.size == 0 or not np.isfinite(frames).all():
        raise ValueError(f"{embedding.name} makes no finite frames (N, D) of the sound but {frames.shape}")
    return frames
