"""Adapts published codecs to the separation system: EnCodec at 24 kHz and 48 kHz, DAC at 44.1 kHz.

The latent is the continuous output of the encoder, before the quantiser; `PretrainedCodec.quantise` applies the
quantiser to it. One channel of sound is one item of the batch, as with the project's own codec, even if the network
takes two channels.

Encoder and decoder are called directly, because the networks' own methods `encode` and `decode` work with codes:

    EnCodec 24 kHz    one channel, causal: frame n depends on samples before (n + 1)·hop and affects those from n·hop on
    DAC 44.1 kHz      one channel, symmetric padding, like the project's own codec
    EnCodec 48 kHz    two channels; normalises over its whole input, so it gets one second at a time, as in its training

There is no delay: frame n represents samples n·hop … (n + 1)·hop. The first two take sound of any length at once
(memory grows with the length; EnCodec's recurrent layers depend on all earlier samples). `WindowedCodec` is the third.

The networks come from the package transformers; `hub.py` downloads and loads them.
Source: Défossez et al., arXiv 2210.13438 (EnCodec); Kumar et al., arXiv 2306.06546 (DAC).

Waveforms are float, full scale [-1, 1].
Shapes: B batch, T samples, D latent channels, N latent frames.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_FAINTEST = 1e-4  # -80 dB: lowest RMS that a second is divided by, so that rounding errors are not amplified


@dataclass(frozen=True)
class Layout:
    """Properties of a published codec.

    Attributes:
        sample_rate: sample rate of the coded sound in Hz.
        hop: number of samples per latent frame.
        dimension: number of values per latent frame.
        channels: number of channels of the network. All get the same item, and their decoded mean is returned.
        window: number of latent frames that the network takes at once; 0 if any number is possible.
        shared: number of latent frames that a window shares with the next one.
    """

    sample_rate: int
    hop: int
    dimension: int
    channels: int = 1
    window: int = 0
    shared: int = 0


class PretrainedCodec(nn.Module):
    """A published encoder and decoder with the interface of a codec (`models.separation.codec.AnyCodec`).

    Attributes:
        reach: None, because long sound is not divided into stretches for encoding.
        network: the EncodecModel or DacModel of transformers.
        config: properties of the codec.
    """

    reach: int | None = None

    def __init__(self, network: Any, config: Layout) -> None:
        super().__init__()
        self.network, self.config = network, config

    def encode(self, wave: Tensor) -> Tensor:
        """Encode waveforms (B, T) as latents (B, D, N), N = T / hop rounded up; the end is padded with zeros."""
        return self._encode(functional.pad(wave, (0, -wave.shape[-1] % self.config.hop)))

    def decode(self, latent: Tensor, length: int | None = None) -> Tensor:
        """Decode latents (B, D, N) to waveforms (B, N · hop), or to their first `length` samples."""
        return self._decode(latent)[:, :length]

    def quantise(self, latent: Tensor, books: int | None = None) -> Tensor:
        """Return the latent after residual quantisation, (B, D, N).

        Each codebook takes 0.75 kbit/s with EnCodec at 24 kHz, 1.5 kbit/s with EnCodec at 48 kHz and 0.86 with DAC.

        Args:
            latent: continuous latent, (B, D, N).
            books: number of codebooks to use, from the first on; None uses all.

        Raises:
            ValueError: `books` is below 1, or the codec has fewer codebooks.
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
        """Encode and decode waveforms (B, T); the result has the same shape."""
        return self.decode(self.encode(wave), wave.shape[-1])

    def _encode(self, wave: Tensor) -> Tensor:
        return self.network.encoder(wave[:, None].expand(-1, self.config.channels, -1))

    def _decode(self, latent: Tensor) -> Tensor:
        return self.network.decoder(latent).mean(1)


class WindowedCodec(PretrainedCodec):
    """EnCodec at 48 kHz: codes windows of one second at unit power; the level is the last channel of the latent.

    The network was trained on windows of one second, scaled to unit power, and its group norms (over all channels and
    samples of a window) remove the level too. The decoder therefore needs the level of each window. The published
    program stores it with the codes; here the natural logarithm of the window's RMS is one more latent channel, so
    that the denoiser predicts it like the others. A window below -80 dB is treated as -80 dB.

    Windows of the published program share 480 samples, which is 1.5 frames. Here they share 2 frames, so that all
    frames lie on one grid. The first shared frame is taken from the earlier window and the second from the later one,
    where each is farther from the window's edge; the decoded sound is cross-faded over both. Latents depend slightly
    on where the windows begin. The last window begins early enough to be complete, so it can share more frames; only
    the first of them is taken from the earlier window. Sound shorter than a second is a single window.
    """

    def quantise(self, latent: Tensor, books: int | None = None) -> Tensor:
        """Return the latent after residual quantisation, (B, D, N); the level is not quantised, as published.

        Args:
            latent: continuous latent, (B, D, N), with the level as its last channel.
            books: number of codebooks to use, from the first on; None uses all.

        Raises:
            ValueError: `books` is below 1, or the codec has fewer codebooks.
        """
        return torch.cat([super().quantise(latent[:, :-1], books), latent[:, -1:]], 1)

    def _encode(self, wave: Tensor) -> Tensor:
        hop, window = self.config.hop, self.config.window
        frames = wave.shape[-1] // hop
        latent = wave.new_empty(len(wave), self.config.dimension, frames)
        for start in self._starts(frames):
            second = wave[:, start * hop : (start + window) * hop]
            level = second.square().mean(-1, keepdim=True).sqrt().clamp_min(_FAINTEST)  # (B, 1)
            made = super()._encode(second / level)
            kept = self.config.shared // 2 if start else 0
            latent[:, :-1, start + kept : start + window] = made[..., kept:]
            latent[:, -1, start + kept : start + window] = level.log()
        return latent

    def _decode(self, latent: Tensor) -> Tensor:
        hop, window, frames = self.config.hop, self.config.window, latent.shape[-1]
        fade = (torch.arange(self.config.shared * hop, device=latent.device) + 0.5) / (self.config.shared * hop)
        wave = latent.new_zeros(len(latent), frames * hop)
        starts, kept = self._starts(frames), self.config.shared // 2
        for start, following in zip(starts, [*starts[1:], frames - kept], strict=True):
            # Only the frames that encoding took from this window hold its level. The median, because a predicted
            # latent is not exactly the same in all of them.
            own = slice(start + kept if start else 0, following + kept)
            level = latent[:, -1, own].median(-1, keepdim=True).values.exp()
            made = super()._decode(latent[:, :-1, start : start + window]) * level
            begin, end = start * hop, start * hop + made.shape[-1]
            if start:
                before = wave[:, begin : begin + len(fade)]
                made = torch.cat([torch.lerp(before, made[:, : len(fade)], fade), made[:, len(fade) :]], 1)
            wave[:, begin:end] = made
        return wave

    def _starts(self, frames: int) -> list[int]:
        """Return the first frame of each window; the last window ends with the sound, if that is long enough."""
        last = max(0, frames - self.config.window)
        return [*range(0, last, self.config.window - self.config.shared), last]


def as_codec(network: Any) -> PretrainedCodec:
    """Return an EncodecModel or a DacModel of transformers as a codec.

    Example:
        >>> codec = as_codec(transformers.DacModel(transformers.DacConfig()))
    """
    info = network.config
    config = Layout(info.sampling_rate, info.hop_length, info.hidden_size, channels=getattr(info, "audio_channels", 1))
    if not getattr(info, "chunk_length", None):
        return PretrainedCodec(network, config)
    window = info.chunk_length // config.hop
    shared = math.ceil(info.overlap * window)
    return WindowedCodec(network, replace(config, dimension=config.dimension + 1, window=window, shared=shared))


def _quantisers(network: Any) -> list[Callable[[Tensor], Tensor]]:
    """Return the steps of the residual quantiser: each quantises the residual that the previous steps left."""
    if network.config.model_type == "dac":
        return [lambda left, one=one: one(left)[0] for one in network.quantizer.quantizers]
    return [lambda left, one=one: one.decode(one.encode(left)) for one in network.quantizer.layers]
