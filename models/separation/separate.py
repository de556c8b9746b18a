"""Separates mixtures of any length: chunk by chunk, with cross-fades, in limited memory.

A separation system is a function from chunks of the mixture to chunks of vocals at the system's sample rate. The
channels of a song are separate items of the batch, unless the system processes them together (`Separator.together`).
The diffusion system seeds its noise with the number of the chunk, so a song always gives the same vocals, independent
of how many chunks are computed at once.

Sound is float32, full scale [-1, 1].
Shapes: B chunks, T samples, K channels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data.progress import Listener, Progress, ignore
from models.separation.codec import AnyCodec
from models.separation.config import Sampling
from models.separation.denoiser import Denoiser
from models.separation.latents import Scaling
from models.separation.mask_network import MaskNetwork
from models.separation.overlap import Chunks, chunk_starts, in_chunks
from models.separation.sampler import sample
from models.training.seeds import hash_seed

Reader = Callable[[int, int], np.ndarray]  # start and stop to samples start … stop - 1, (stop - start, K)


@dataclass(frozen=True)
class Separator:
    """A separation system that processes mixtures of any length.

    Example:
        >>> pieces = separator.separate(lambda start, stop: mixture[start:stop], *mixture.shape)
        >>> vocals = np.concatenate(list(pieces))

    Attributes:
        work: function from chunks of the mixture and the number of each chunk in the song to vocals of the same shape.
            An item is one channel of a chunk: chunks and vocals are (B·K, T).
        sample_rate: sample rate that the system works at, in Hz.
        chunk: length of a chunk in samples.
        overlap: number of samples that are cross-faded with the next chunk.
        together: `work` takes all channels of a chunk at once and returns as many: chunks and vocals are (B, K, T).
        multiple: lengths that `work` takes are multiples of this; a mixture shorter than a chunk is padded to the next.
    """

    work: Callable[[Tensor, list[int]], Tensor]
    sample_rate: int
    chunk: int
    overlap: int
    together: bool = False
    multiple: int = 1

    def separate(
        self, read: Reader, length: int, channels: int, *, batch: int = 4, listener: Listener = ignore
    ) -> Iterator[np.ndarray]:
        """Yield the vocals of a mixture in consecutive pieces, (samples of the piece, K) float32.

        All pieces together have `length` samples.

        Args:
            read: returns samples start … stop - 1 of the mixture, (stop - start, K) float32. It is called in order.
            length: length of the mixture in samples, at `sample_rate`.
            channels: number K of channels of the mixture.
            batch: number of chunks computed at once, each with all its channels.
            listener: receives progress reports, in chunks.
        """
        total = len(chunk_starts(length, self.chunk, self.overlap))
        progress = Progress("separate", total=total, unit="chunks", listener=listener)
        done = 0

        def work(mixture: np.ndarray) -> np.ndarray:
            nonlocal done
            count = len(mixture)
            chunks = torch.from_numpy(mixture.astype(np.float32)).transpose(1, 2).contiguous()  # (B, K, T)
            numbers = list(range(done, done + count))
            with torch.no_grad():
                if self.together:
                    vocals = self.work(chunks, numbers)
                else:
                    vocals = self.work(chunks.flatten(0, 1), [one for one in numbers for _ in range(channels)])
            done += count
            progress.advance(count)
            return vocals.reshape(count, channels, -1).transpose(1, 2).cpu().numpy()

        yield from in_chunks(read, length, work, Chunks(self.chunk, self.overlap, batch, self.multiple))
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
        condition = scaling.normalise(codec.encode(mixture.to(device)))

        def noise(draw: int) -> Tensor:
            shape = condition[0].shape
            return torch.stack([_noise(sampling.seed, number, draw, shape) for number in numbers]).to(device)

        latent = sample(
            lambda noisy, sigma: denoiser(noisy, condition, sigma),
            noise(0),
            sampling.steps,
            eta=sampling.eta,
            fresh=lambda step: noise(step + 1),
        )
        return codec.decode(scaling.restore(latent), mixture.shape[-1])

    frames, rate = sampling.frames, codec.config.sample_rate
    overlap, multiple = int(frames * sampling.overlap) * hop, denoiser.config.multiple * hop
    return Separator(work, rate, frames * hop, overlap, multiple=multiple)


def _noise(seed: int, number: int, draw: int, shape: torch.Size) -> Tensor:
    """Return standard Gaussian noise (D latent channels, N latent frames) for a draw within a chunk.

    All channels of a chunk get the same noise, so that their estimates agree and the stereo image is kept.
    """
    return torch.randn(shape, generator=torch.Generator().manual_seed(hash_seed(seed, number, draw)))


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
        lambda wave, _: codec(wave.to(device)), codec.config.sample_rate, chunk, chunk // 8, multiple=codec.config.hop
    )
