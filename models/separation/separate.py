"""Vocals out of a mixture of any length: chunk by chunk, cross-faded, in bounded memory.

Every system is a function from chunks of mixture to chunks of vocals, (B, T) both, at the rate it works at;
channels are separated alike, as items of a batch, unless the system hears them together. The diffusion system
draws its noise from the number of the chunk, so the same song gives the same vocals, however many chunks are
computed at once.

Shapes: B chunks, T samples, K channels, D latent channels, N frames.
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

Reader = Callable[[int, int], np.ndarray]


@dataclass(frozen=True)
class Separator:
    """A system ready to separate.

    Attributes:
        work: mixture chunks (B, T) and the numbers of the chunks to vocals (B, T).
        sample_rate: in Hz.
        chunk: samples of a chunk.
        overlap: samples cross-faded with the next.
        together: `work` is given all channels of a chunk at once, (B, K, T), and returns as many.
    """

    work: Callable[[Tensor, list[int]], Tensor]
    sample_rate: int
    chunk: int
    overlap: int
    together: bool = False

    def separate(
        self, read: Reader, length: int, channels: int, *, batch: int = 4, listener: Listener = ignore
    ) -> Iterator[np.ndarray]:
        """Yield the vocals of a mixture piece by piece, (pieces of T, K) float32, `length` samples together.

        Args:
            read: returns samples start … stop of the mixture, (T, K) float32.
            length: of the mixture in samples, at `sample_rate`.
            channels: K.
            batch: chunks at once, each with all its channels.
            listener: is told seconds of sound, rate and time left.
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

        yield from in_chunks(read, length, work, Chunks(self.chunk, self.overlap, batch))
        progress.finish()


def diffusion_separator(codec: AnyCodec, denoiser: Denoiser, scaling: Scaling, sampling: Sampling) -> Separator:
    """Return the latent diffusion system: encode the mixture, denoise towards vocals, decode."""
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

    return Separator(
        work, codec.config.sample_rate, sampling.frames * hop, int(sampling.frames * sampling.overlap) * hop
    )


def _noise(seed: int, number: int, draw: int, shape: torch.Size) -> Tensor:
    """Return the noise of a chunk; its channels share it, so that their images agree."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(hash_seed(seed, number, draw)))


def mask_separator(network: MaskNetwork, sample_rate: int, seconds: float = 8.0, overlap: float = 0.1) -> Separator:
    """Return the discriminative system."""
    device = network.window.device
    chunk = int(seconds * sample_rate)
    return Separator(lambda mixture, _: network(mixture.to(device)), sample_rate, chunk, int(chunk * overlap))


def codec_ceiling(codec: AnyCodec, frames: int = 256) -> Separator:
    """Return what decoding encoded sound makes of it: given true vocals, the bound of the diffusion system."""
    device = next(codec.parameters()).device
    chunk = frames * codec.config.hop
    return Separator(lambda wave, _: codec(wave.to(device)), codec.config.sample_rate, chunk, chunk // 8)
