"""Draws samples from the WaveNet decoder one by one, with cached layer inputs.

A causal layer of kernel size 3 needs only its present input and those one and two dilations earlier. Each layer keeps
its past inputs in a ring buffer of 2·dilation entries, so a step costs a few small matrix products per layer instead
of the whole receptive field. Terms that depend only on the encoding are computed before the loop.

Shapes: B batch, T samples, C channels, S skip channels, H hops, Q = 256 levels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.progress import Listener, Progress, ignore
from models.synthesis.wavenet import LEVELS, DecoderLayer, WavenetAutoencoder, inverse_mu_law


@dataclass
class _Layer:
    """A decoder layer as matrices, with the ring buffer of its past inputs.

    Attributes:
        dilation: samples between the taps of the convolution.
        gates: weights of the dilated convolution, (3C, 2C), from the oldest tap to the newest.
        conditions: contribution of the encoding at each hop, with the bias of `gates`, (H, B, 2C).
        outputs: weights of the residual and of the skip output, side by side, (C, C + S).
        bias: bias of `outputs`, (C + S,).
        ring: past inputs, (2·dilation, B, C).
    """

    dilation: int
    gates: Tensor
    conditions: Tensor
    outputs: Tensor
    bias: Tensor
    ring: Tensor

    def step(self, time: int, hop: int, hidden: Tensor) -> Tensor:
        """Process the input `hidden` (B, C) of sample `time`, in hop `hop`; return residual and skip, (B, C + S)."""
        oldest = time % (2 * self.dilation)
        middle = (time - self.dilation) % (2 * self.dilation)
        taps = torch.cat([self.ring[oldest], self.ring[middle], hidden], 1)
        self.ring[oldest] = hidden
        gate, signal = torch.addmm(self.conditions[hop], taps, self.gates).chunk(2, 1)
        return torch.addmm(self.bias, gate.sigmoid() * signal.tanh(), self.outputs)


def _matrix(convolution: nn.Conv1d) -> tuple[Tensor, Tensor]:
    """Return the bias (out,) and the matrix (taps·in, out), oldest tap first, of one step of a convolution."""
    assert convolution.bias is not None
    weight = convolution.weight.permute(2, 1, 0)  # (taps, in, out)
    return convolution.bias, weight.reshape(-1, weight.shape[-1]).contiguous()


def _layers(network: WavenetAutoencoder, code: Tensor) -> list[_Layer]:
    """Return the decoder layers for the encoding `code` (B, values, H), with empty ring buffers."""
    layers = []
    for layer in network.layers:
        assert isinstance(layer, DecoderLayer)
        bias, gates = _matrix(layer.dilated)
        outputs = [_matrix(one) for one in (layer.residual, layer.skip)]
        layers.append(
            _Layer(
                dilation=layer.dilation,
                gates=gates,
                conditions=(layer.code(code) + bias[:, None]).permute(2, 0, 1).contiguous(),
                outputs=torch.cat([matrix for _, matrix in outputs], 1),
                bias=torch.cat([bias for bias, _ in outputs]),
                ring=code.new_zeros(2 * layer.dilation, len(code), network.config.width),
            )
        )
    return layers


class Sampler:
    """Step-by-step decoder for a batch of notes: each call of `logits` takes one sample and predicts the next.

    Args:
        network: trained WaveNet.
        code: encoding of the notes, (B, values, H), from `WavenetAutoencoder.encode`. At most H · hop calls of
            `logits` are possible.
    """

    def __init__(self, network: WavenetAutoencoder, code: Tensor) -> None:
        self._hop, self._width, self._time = network.config.hop, network.config.width, 0
        self._input, self._start, self._output = map(_matrix, (network.input, network.start, network.output))
        bias, self._mix = _matrix(network.mix)
        self._mixed = network.mix_code(code).permute(2, 0, 1) + bias  # (H, B, S)
        self._layers = _layers(network, code)
        self._past = code.new_zeros(len(code), 3)

    def logits(self, before: Tensor) -> Tensor:
        """Return the logits (B, Q) of the sample after `before`.

        Args:
            before: the last sample of each note, mu-law level scaled to -1 … 127/128, shape (B,); 0 for the first.
        """
        hop = self._time // self._hop
        self._past = torch.cat([self._past[:, 1:], before[:, None]], 1)
        hidden = torch.addmm(self._input[0], self._past, self._input[1])
        skip = torch.addmm(self._start[0], hidden, self._start[1])
        for layer in self._layers:
            both = layer.step(self._time, hop, hidden)
            hidden = hidden + both[:, : self._width]
            skip = skip + both[:, self._width :]
        self._time += 1
        mixed = torch.addmm(self._mixed[hop], functional.relu(skip), self._mix)
        return torch.addmm(self._output[0], functional.relu(mixed), self._output[1])


@torch.inference_mode()
def reconstruct(network: WavenetAutoencoder, wave: Tensor, seed: int = 0, listener: Listener = ignore) -> Tensor:
    """Encode notes and draw their reconstructions from the distribution of the WaveNet decoder.

    Args:
        network: trained WaveNet, on the device of `wave`.
        wave: reference waveforms, float, shape (B, T), full scale [-1, 1]; T is a multiple of the hop.
        seed: seed of the random draws.
        listener: receives progress reports (samples per note, rate, time left).

    Returns:
        Reconstructions, float32, shape (B, T), within [-1, 1].

    Example:
        >>> reconstruct(network, torch.zeros(2, 2048)).shape
        torch.Size([2, 2048])
    """
    sampler = Sampler(network, network.encode(wave))
    generator = torch.Generator(wave.device).manual_seed(seed)
    levels = torch.full((len(wave),), LEVELS // 2, device=wave.device)
    drawn = torch.empty(wave.shape, dtype=torch.long, device=wave.device)
    progress = Progress("WaveNet sampling", total=wave.shape[1], unit="samples", listener=listener)
    for time in range(wave.shape[1]):
        # As in training, the first sample is predicted from a zero.
        probabilities = sampler.logits((levels.float() - LEVELS // 2) / (LEVELS // 2)).softmax(-1)
        levels = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
        drawn[:, time] = levels
        progress.advance()
    progress.finish()
    return inverse_mu_law(drawn)
