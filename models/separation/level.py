"""The level that songs have inside the networks of this system; that of a whole song is measured once.

A network that normalised each chunk on its own would hear the same note differently beside silence, at the end of a
song and in an excerpt. So the root mean square of the mixture, over the whole song and all its channels, is brought to
`LEVEL` before the codec, the denoiser and the discriminative network, in training and in use, and estimates are brought
back.

Sound is float, full scale [-1, 1].
"""

from collections.abc import Iterable

import numpy as np

LEVEL = 0.1  # root mean square: -20 dB relative to full scale
_SILENCE = 1e-6  # root mean square below which a song is left as it is


def root_mean_square(pieces: Iterable[np.ndarray]) -> float:
    """Return the root mean square of sound that comes in pieces, (samples, channels) each; 0 if there is none.

    Example:
        >>> root_mean_square([np.full((100, 2), 0.5), np.full((300, 2), -0.5)])
        0.5
    """
    total, count = 0.0, 0
    for piece in pieces:
        total += float(np.square(piece, dtype=np.float64).sum())
        count += piece.size
    return (total / count) ** 0.5 if count else 0.0


def gain_to(level: float, found: float) -> float:
    """Return the factor that brings a root mean square `found` to `level`; 1 for silence, or if `level` is 0."""
    return level / found if level and found > _SILENCE else 1.0
