"""Separates mixtures of any length: chunk by chunk, with cross-fades, in limited memory.

A separation system is a function from chunks of the mixture to chunks of vocals at the system's sample rate and level.
The channels of a song are separate items of the batch, unless the system processes them together
(`Separator.together`).
The diffusion system seeds its noise with the number of the chunk, so a song always gives the same vocals, independent
of how many chunks are computed at once.

Sound is float32, full scale [-1, 1].
Shapes: B chunks, T samples, K channels.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data.progress import Listener, Progress, ignore
from models.separation.codec import AnyCodec
from models.separation.config import Sampling
from models.separation.consistency import between
from models.separation.denoiser import Denoiser
from models.separation.latents import Scaling
from models.separation.level import LEVEL, gain_to, root_mean_square
from models.separation.mask_network import MaskNetwork
from models.separation.overlap import Chunks, chunk_starts, in_chunks
from models.separation.sampler import sample
from models.training.seeds import hash_seed

_REFINED = 0.3  # weight of what diffusion tells beside the masks; 0.5 and sums of both were worse on validation songs
Reader = Callable[[int, int], np.ndarray]  # start and stop to samples start … stop - 1, (stop - start, K)


@dataclass(frozen=True)
class Mixture:
    """A mixture to be separated.

    Attributes:
        read: returns samples start … stop - 1, (stop - start, K) float32. It is called in order.
        length: length in samples, at the sample rate of the system.
        channels: number K of channels.
        root_mean_square: root mean square of the whole song, over all channels, which its level is adjusted by.
    """

    read: Reader
    length: int
    channels: int
    root_mean_square: float

    @classmethod
    def of(cls, mixture: np.ndarray) -> "Mixture":
        """Return a mixture that is in memory, (T, K) float32."""
        length, channels = mixture.shape
        return cls(lambda start, stop: mixture[start:stop], length, channels, root_mean_square([mixture]))


@dataclass(frozen=True)
class Separator:
    """A separation system that processes mixtures of any length.

    Example:
        >>> vocals = np.concatenate(list(separator.separate(Mixture.of(mixture))))

    Attributes:
        work: function from chunks of the mixture and the number of each chunk in the song to vocals of the same shape.
            An item is one channel of a chunk: chunks and vocals are (B·K, T).
        sample_rate: sample rate that the system works at, in Hz.
        chunk: length of a chunk in samples.
        overlap: number of samples that are cross-faded with the next chunk.
        together: `work` takes all channels of a chunk at once and returns as many: chunks and vocals are (B, K, T).
        multiple: lengths that `work` takes are multiples of this; a mixture shorter than a chunk is padded to the next.
        level: root mean square that a song is brought to for `work`, and its vocals back from; 0 leaves it as it is.
    """

    work: Callable[[Tensor, list[int]], Tensor]
    sample_rate: int
    chunk: int
    overlap: int
    together: bool = False
    multiple: int = 1
    level: float = 0.0

    def separate(self, song: Mixture, *, batch: int = 4, listener: Listener = ignore) -> Iterator[np.ndarray]:
        """Yield the vocals of a song in consecutive pieces, (samples of the piece, K) float32.

        All pieces together have as many samples as the song.

        Args:
            song: the mixture, at `sample_rate`.
            batch: number of chunks computed at once, each with all its channels.
            listener: receives progress reports, in chunks.
        """
        total = len(chunk_starts(song.length, self.chunk, self.overlap))
        progress = Progress("separate", total=total, unit="chunks", listener=listener)
        done, gain = 0, gain_to(self.level, song.root_mean_square)

        def work(mixture: np.ndarray) -> np.ndarray:
            nonlocal done
            count, channels = len(mixture), song.channels
            loud = mixture.astype(np.float32) * np.float32(gain)
            chunks = torch.from_numpy(loud).transpose(1, 2).contiguous()  # (B, K, T)
            numbers = list(range(done, done + count))
            with torch.no_grad():
                if self.together:
                    vocals = self.work(chunks, numbers)
                else:
                    vocals = self.work(chunks.flatten(0, 1), [one for one in numbers for _ in range(channels)])
            done += count
            progress.advance(count)
            return vocals.reshape(count, channels, -1).transpose(1, 2).cpu().numpy() / np.float32(gain)

        yield from in_chunks(song.read, song.length, work, Chunks(self.chunk, self.overlap, batch, self.multiple))
        progress.finish()


def diffusion_separator(codec: AnyCodec, denoiser: Denoiser, scaling: Scaling, sampling: Sampling) -> Separator:
    """Return the latent diffusion system: it encodes the mixture, samples a latent of the vocals and decodes it.

    Args:
        codec: codec of the latents.
        denoiser: trained denoiser.
        scaling: mean and standard deviation of the latents that the denoiser was trained on; defines the device.
        sampling: steps, chunk length, overlap, η and seed.

    Example:
        >>> denoiser, scaling = load_denoiser(Path("denoiser"), torch.device("cpu"))
        >>> separator = diffusion_separator(codec, denoiser, scaling, Sampling(steps=20, frames=256))
    """
    hop = codec.config.hop

    def work(mixture: Tensor, numbers: list[int]) -> Tensor:
        device = scaling.mean.device
        (condition,) = scaling.encoded(codec, (mixture.to(device),))

        drawn = sampled(denoiser, condition, sampling, numbers)
        total = sum(codec.decode(scaling.restore(latent), mixture.shape[-1]) for latent in drawn)
        return total / sampling.draws  # type: ignore[operator]

    frames, rate = sampling.frames, codec.config.sample_rate
    overlap, multiple = int(frames * sampling.overlap) * hop, denoiser.config.multiple * hop
    return Separator(work, rate, frames * hop, overlap, multiple=multiple, level=LEVEL)


def refining_separator(
    codec: AnyCodec, masks: MaskNetwork, refiner: Denoiser, scaling: Scaling, sampling: Sampling
) -> Separator:
    """Return the refining system: the discriminative network estimates, and diffusion samples what is left.

    The mixture and the estimate are encoded, a latent of the vocals is sampled given both, and what its sound has
    beyond that of the estimate's own latent is added to the estimate: what the codec cannot tell comes from the masks.
    The result is a part of the mixture, with magnitudes between both (`between`). Not in the paper; after the
    stochastic regeneration of Lemercier et al. (arXiv 2212.11851).

    Args:
        codec: codec of the latents.
        masks: trained discriminative network.
        refiner: trained refining network.
        scaling: mean and standard deviation of the latents that it was trained on; defines the device.
        sampling: steps, chunk length, overlap, η, seed and draws.
    """
    hop = codec.config.hop

    def work(mixture: Tensor, numbers: list[int]) -> Tensor:
        wave = mixture.to(scaling.mean.device)
        first = masks(wave)
        known = torch.cat(scaling.encoded(codec, (wave, first)), 1)
        length = wave.shape[-1]
        own = codec.decode(scaling.restore(known[:, refiner.config.dimension :]), length)
        drawn = sampled(refiner, known, sampling, numbers)
        total = sum(codec.decode(scaling.restore(latent), length) - own for latent in drawn)
        return between(wave, first, first + total / sampling.draws, _REFINED)  # type: ignore[operator]

    frames, rate = sampling.frames, codec.config.sample_rate
    overlap, multiple = (
        int(frames * sampling.overlap) * hop,
        math.lcm(refiner.config.multiple * hop, masks.config.n_fft),
    )
    return Separator(work, rate, frames * hop, overlap, multiple=multiple, level=LEVEL)


def sampled(denoiser: Denoiser, condition: Tensor, sampling: Sampling, numbers: list[int]) -> Iterator[Tensor]:
    """Yield latents of the vocals, (B, D, N), each sampled from other noise; as many as `sampling.draws`.

    Args:
        denoiser: trained denoiser.
        condition: latents that are known, (B, R, N).
        sampling: steps, η, seed and number of draws.
        numbers: for each item of the batch, the number of its chunk in the song.
    """
    frames = condition.shape[-1]

    def noise(draw: int, step: int) -> Tensor:
        shape = (denoiser.config.dimension, frames)
        each = [_noise(sampling.seed, (number, draw, step), shape) for number in numbers]
        return torch.stack(each).to(condition.device)

    for draw in range(sampling.draws):
        yield sample(
            lambda noisy, sigma: denoiser(noisy, condition, sigma),
            noise(draw, 0),
            sampling.steps,
            eta=sampling.eta,
            fresh=lambda step, draw=draw: noise(draw, step + 1),
        )


def _noise(seed: int, place: tuple[int, int, int], shape: tuple[int, int]) -> Tensor:
    """Return standard Gaussian noise (D latent channels, N latent frames) for a place: chunk, draw and step.

    All channels of a chunk get the same noise, so that their estimates agree and the stereo image is kept.
    """
    return torch.randn(shape, generator=torch.Generator().manual_seed(hash_seed(seed, *place)))


def mask_separator(network: MaskNetwork, sample_rate: int, seconds: float = 8.0, overlap: float = 0.1) -> Separator:
    """Return the discriminative system of a trained network.

    Args:
        network: trained network.
        sample_rate: sample rate that the network was trained at, in Hz.
        seconds: length of a chunk in seconds.
        overlap: fraction of a chunk that is cross-faded with the next one.
    """
    device = network.window.device
    chunk = int(seconds * sample_rate)
    return Separator(
        lambda mixture, _: network(mixture.to(device)),
        sample_rate,
        chunk,
        int(chunk * overlap),
        multiple=network.config.n_fft,
        level=LEVEL,
    )


def codec_ceiling(codec: AnyCodec, frames: int = 256) -> Separator:
    """Return a system that encodes and decodes its input. For true vocals, this is the codec's ceiling.

    The ceiling is an upper reference for the diffusion system, which has to use the same decoder.

    Args:
        codec: codec to evaluate.
        frames: length of a chunk in latent frames.

    Example:
        >>> ceiling = separating(codec_ceiling(codec), hears_vocals=True)
    """
    device = next(codec.parameters()).device
    chunk = frames * codec.config.hop
    return Separator(
        lambda wave, _: codec(wave.to(device)),
        codec.config.sample_rate,
        chunk,
        chunk // 8,
        multiple=codec.config.hop,
        level=LEVEL,
    )
