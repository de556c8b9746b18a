"""Sounds that are compared in blocks, so that the memory needed does not depend on how long they are.

A metric that is a ratio of sums over a track is an accumulator: it sees one block after the other. Where it must know
something about the whole track before it can sum, such as the largest magnitude, it sees all blocks twice.

Shapes: S sounds, T samples, K channels.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

LENGTH = 1 << 18  # samples of a block; a multiple of the hops of all transforms of the metrics


class Sound(Protocol):
    """A sound of which any part can be read; cheap where parts are asked for in ascending order."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples and of channels (T, K)."""
        ...

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples `start` to `stop` - 1, float, (stop - start, K); both lie within 0 … T."""
        ...


@dataclass(frozen=True)
class Held:
    """A sound that is held in memory.

    Attributes:
        samples: float, (T, K).
    """

    samples: np.ndarray

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples and of channels (T, K)."""
        return self.samples.shape

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples `start` to `stop` - 1, float, (stop - start, K)."""
        return self.samples[start:stop]


@dataclass(frozen=True)
class Combined:
    """A sound that is computed from others, sample by sample, when it is read.

    Attributes:
        combine: function of the samples of all parts, (n, K) each, to those of the sound.
        parts: sounds of the same shape.

    Example:
        >>> accompaniment = Combined(lambda *stems: sum(stems), [bass, drums, other])
    """

    combine: Callable[..., np.ndarray]
    parts: Sequence[Sound]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of samples and of channels (T, K)."""
        return self.parts[0].shape

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return samples `start` to `stop` - 1, float, (stop - start, K)."""
        return self.combine(*(one.read(start, stop) for one in self.parts))


@dataclass(frozen=True)
class Block:
    """A part of several sounds, with what lies before and after it.

    Attributes:
        start: first sample of the block.
        stop: sample after its last.
        length: T, number of samples of the whole sounds.
        first: first sample that is held; at most `start`.
        samples: all samples that are held, float, (S, n, K); `blocks` lays out each channel in one piece of memory.
    """

    start: int
    stop: int
    length: int
    first: int
    samples: np.ndarray

    @classmethod
    def whole(cls, samples: np.ndarray) -> "Block":
        """Return a block that is all of some sounds (S, T, K)."""
        return cls(0, samples.shape[1], samples.shape[1], 0, samples)

    @property
    def last(self) -> bool:
        """Whether the sounds end with this block."""
        return self.stop == self.length

    @property
    def inside(self) -> np.ndarray:
        """The samples of the block itself, (S, stop - start, K)."""
        return self.samples[:, self.start - self.first : self.stop - self.first]

    def of(self, sounds: Sequence[int]) -> "Block":
        """Return the block of some of the sounds."""
        return replace(self, samples=self.samples[[*sounds]])

    def cut(self, start: int, stop: int) -> np.ndarray:
        """Return samples `start` to `stop` - 1, (S, at most stop - start, K): what lies outside 0 … T is left out.

        Raises:
            ValueError: the block does not hold all of them, so its margin is too small.
        """
        begin, end = max(start, 0) - self.first, min(stop, self.length) - self.first
        if begin < 0 or end > self.samples.shape[1]:
            raise ValueError(
                f"samples {start} to {stop} of a block that holds {self.samples.shape[1]} from {self.first}"
            )
        return self.samples[:, begin:end]

    def frames(self, hop: int) -> range:
        """Return the numbers of the frames that begin in the block, where frame n begins at sample n · `hop`."""
        return range(-(-self.start // hop), -(-self.stop // hop))

    def centred(self, size: int, hop: int) -> np.ndarray:
        """Return the samples from which the frames of a centred transform are cut that lie in the block, (S, n, K).

        Frame n is centred on sample n · `hop`; beyond its ends a sound is mirrored, as `torch.stft` does.

        Args:
            size: length of a frame in samples, even.
            hop: distance of two frames in samples; a divisor of `LENGTH`.
        """
        most = self.length // hop if self.last else (self.stop - 1) // hop
        places = np.arange(self.start - size // 2, most * hop + size // 2)
        places = np.abs(places)
        places = np.where(places < self.length, places, 2 * self.length - 2 - places)
        return self.samples[:, places - self.first]


def blocks(sounds: Sequence[Sound], margin: int, length: int = LENGTH) -> Iterator[Block]:
    """Yield sounds of one shape (T, K) in blocks.

    Args:
        sounds: S sounds.
        margin: number of samples before and after each block that are held too, where there are any.
        length: number of samples of a block; the last one is shorter.

    Example:
        >>> for block in blocks([Held(reference), Held(estimate)], margin=0):
        ...     error += np.square(block.inside[0] - block.inside[1]).sum()
    """
    total = sounds[0].shape[0]
    for start in range(0, total, length):
        stop = min(start + length, total)
        first, end = max(0, start - margin), min(total, stop + margin)
        yield Block(start, stop, total, first, _together([sound.read(first, end) for sound in sounds]))


def _together(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return parts (n, K) of all sounds as one array (S, n, K) in which each channel lies in one piece of memory.

    Most of what is computed goes along the samples of a channel. One channel is copied at a time, because one numpy
    copy of all channels would go through memory sample by sample and be slower.
    """
    held = np.empty((len(parts), parts[0].shape[1], len(parts[0])), np.result_type(*parts))
    for sound, part in zip(held, parts, strict=True):
        for channel, samples in zip(sound, part.T, strict=True):
            channel[:] = samples
    return held.transpose(0, 2, 1)
