"""Published codecs in the place of our own: EnCodec at 24 kHz and 48 kHz, DAC at 44.1 kHz.

The latent is the continuous output of their encoder, before the quantiser; `quantise` gives what the quantiser
would leave of it. One channel of sound is one item, as with our own codec, whatever the network hears at once.

Encoder and decoder are called directly, not through the networks' own encode and decode, which give codes:

    EnCodec 24 kHz    one channel, causal: frame n is made of the samples before (n + 1)·hop and heard from n·hop on
    DAC 44.1 kHz      one channel, the same padding on both sides, like our own
    EnCodec 48 kHz    two channels; its norms span all it is given, so it is given the second it was trained on

Frames stand for the samples they cover, decoding is not late. The first two take sound of any length at once (memory
grows with it; EnCodec's recurrent layers know only what came before). `WindowedCodec` is the third.

The networks are those of the package transformers; `hub.py` fetches and loads them.
Source: Défossez et al., arXiv 2210.13438; Kumar et al., arXiv 2306.06546.

Shapes: B batch, T samples, D latent channels, N frames.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_FAINTEST = 1e-4  # -80 dB: a second below this is not brought to unit power, or its rounding errors would be


@dataclass(frozen=True)
class Layout:
    """What a published network says of itself.

    Attributes:
        sample_rate: of the sound it codes, in Hz.
        hop: samples a latent frame.
        dimension: values of a latent frame.
        channels: it hears at once; an item goes into all of them, and is the mean of what comes out.
        window: frames it must be given at once; 0 where any number will do.
        shared: frames a window shares with the next.
    """

    sample_rate: int
    hop: int
    dimension: int
    channels: int = 1
    window: int = 0
    shared: int = 0


class PretrainedCodec(nn.Module):
    """A published encoder and decoder as a codec of the separation system (`models.separation.codec.AnyCodec`)."""

    reach: int | None = None

    def __init__(self, network: Any, config: Layout) -> None:
        super().__init__()
        self.network, self.config = network, config

    def encode(self, wave: Tensor) -> Tensor:
        """Return the latent of (B, T): (B, D, N), N = T / hop rounded up; the end is padded with zeros."""
        return self._encode(functional.pad(wave, (0, -wave.shape[-1] % self.config.hop)))

    def decode(self, latent: Tensor, length: int | None = None) -> Tensor:
        """Return the waveform of (B, D, N): (B, N · hop), or its first `length` samples."""
        return self._decode(latent)[:, :length]

    def quantise(self, latent: Tensor, books: int | None = None) -> Tensor:
        """Return what the first `books` of the residual quantiser's codebooks, or all, leave of (B, D, N).

        A codebook is 0.75 kbit/s of EnCodec at 24 kHz, 1.5 at 48 kHz and 0.86 of DAC.

        Raises:
            ValueError: there are not as many.
        """
        steps = _quantisers(self.network)
        if books is not None and not 1 <= books <= len(steps):
            raise ValueError(f"{books} codebooks; this codec has {len(steps)}")
        left, total = latent, torch.zeros_like(latent)
        for step in steps[:books]:
            found = step(left)
            left, total = left - found, total + found
        return total

    def forward(self, wave: Tensor) -> Tensor:
        """Return the reconstruction of (B, T), as long."""
        return self.decode(self.encode(wave), wave.shape[-1])

    def _encode(self, wave: Tensor) -> Tensor:
        return self.network.encoder(wave[:, None].expand(-1, self.config.channels, -1))

    def _decode(self, latent: Tensor) -> Tensor:
        return self.network.decoder(latent).mean(1)


class WindowedCodec(PretrainedCodec):
    """EnCodec at 48 kHz: a second at a time, at unit power, its level kept as the last channel of the latent.

    The network was trained on seconds of unit power, and its norms (over all channels and samples it is given) take
    away what is left of the level, so without it no decoder could tell a whisper from a shout. As published it goes
    beside the codes; here the logarithm of each second's RMS goes with the frames, for the denoiser to predict as
    the rest. A second under -80 dB counts as -80 dB.

    Published seconds share 480 samples, 1.5 frames; to keep all frames on one grid they share 2 here. A frame
    that two seconds hold is taken from the one it is further inside of, and their sound is cross-faded there.
    Latents depend a little on where the seconds begin. The last begins early enough to be whole; shorter sound is one.
    """

    def quantise(self, latent: Tensor, books: int | None = None) -> Tensor:
        """Return what the codebooks leave of (B, D, N); the level is kept as it is, as published.

        Raises:
            ValueError: there are not as many codebooks.
        """
        return torch.cat([super().quantise(latent[:, :-1], books), latent[:, -1:]], 1)

    def _encode(self, wave: Tensor) -> Tensor:
        hop, window = self.config.hop, self.config.window
        frames = wave.shape[-1] // hop
        latent = wave.new_empty(len(wave), self.config.dimension, frames)
        for start in self._starts(frames):
            heard = wave[:, start * hop : (start + window) * hop]
            level = heard.square().mean(-1, keepdim=True).sqrt().clamp_min(_FAINTEST)  # (B, 1)
            made = super()._encode(heard / level)
            kept = self.config.shared // 2 if start else 0
            latent[:, :-1, start + kept : start + window] = made[..., kept:]
            latent[:, -1, start + kept : start + window] = level.log()
        return latent

    def _decode(self, latent: Tensor) -> Tensor:
        hop, window, frames = self.config.hop, self.config.window, latent.shape[-1]
        fade = (torch.arange(self.config.shared * hop, device=latent.device) + 0.5) / (self.config.shared * hop)
        wave = latent.new_zeros(len(latent), frames * hop)
        for start in self._starts(frames):
            some = latent[..., start : start + window]
            # The median, because the frames at the ends may be a neighbour's.
            level = some[:, -1].median(-1, keepdim=True).values.exp()
            made = super()._decode(some[:, :-1]) * level
            begin, end = start * hop, start * hop + made.shape[-1]
            if start:
                before = wave[:, begin : begin + len(fade)]
                made = torch.cat([torch.lerp(before, made[:, : len(fade)], fade), made[:, len(fade) :]], 1)
            wave[:, begin:end] = made
        return wave

    def _starts(self, frames: int) -> list[int]:
        """Return where windows begin, in frames; the last ends with the sound, if that is long enough."""
        last = max(0, frames - self.config.window)
        return [*range(0, last, self.config.window - self.config.shared), last]


def as_codec(network: Any) -> PretrainedCodec:
    """Return an EncodecModel or a DacModel of transformers as a codec."""
    told = network.config
    config = Layout(told.sampling_rate, told.hop_length, told.hidden_size, channels=getattr(told, "audio_channels", 1))
    if not getattr(told, "chunk_length", None):
        return PretrainedCodec(network, config)
    window = told.chunk_length // config.hop
    shared = math.ceil(told.overlap * window)
    return WindowedCodec(network, replace(config, dimension=config.dimension + 1, window=window, shared=shared))


def _quantisers(network: Any) -> list[Callable[[Tensor], Tensor]]:
    """Return the steps of the residual quantiser: each gives its part of what the steps before it left."""
    if network.config.model_type == "dac":
        return [lambda left, one=one: one(left)[0] for one in network.quantizer.quantizers]
    return [lambda left, one=one: one.decode(one.encode(left)) for one in network.quantizer.layers]
