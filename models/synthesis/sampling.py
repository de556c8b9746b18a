"""Drawing from the WaveNet decoder, one sample after another, with everything computed once.

A causal layer needs only its inputs one and two dilations ago, so each layer keeps those in a
ring of 2·dilation entries; a step then costs one small matrix product a layer instead of the
whole receptive field. What depends on the encoding alone is computed before the loop.

Shapes: B batch, T samples, C channels, S skip channels, L layers, H hops.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.progress import Listener, Progress, ignore
from models.synthesis.wavenet import LEVELS, DecoderLayer, WavenetAutoencoder, inverse_mu_law


@dataclass
class _Layer:
    """One decoder layer as matrices, with its ring of past inputs.

    Attributes:
        dilation: samples between its taps.
        gates: (3C, 2C), taps from the oldest to the newest.
        conditions: (H, B, 2C), bias included.
        outputs: (C, C + S), residual and skip side by side.
        bias: (C + S,).
        ring: (2·dilation, B, C).
    """

    dilation: int
    gates: Tensor
    conditions: Tensor
    outputs: Tensor
    bias: Tensor
    ring: Tensor

    def step(self, time: int, hop: int, hidden: Tensor) -> Tensor:
        """Return residual and skip contributions (B, C + S) of the inputs up to `hidden` (B, C)."""
        oldest = time % (2 * self.dilation)
        middle = (time - self.dilation) % (2 * self.dilation)
        taps = torch.cat([self.ring[oldest], self.ring[middle], hidden], 1)
        self.ring[oldest] = hidden
        gate, signal = torch.addmm(self.conditions[hop], taps, self.gates).chunk(2, 1)
        return torch.addmm(self.bias, gate.sigmoid() * signal.tanh(), self.outputs)


def _matrix(convolution: nn.Conv1d) -> tuple[Tensor, Tensor]:
    """Return a convolution over time as the bias (out,) and matrix (taps·in, out) of one step, oldest tap first."""
    assert convolution.bias is not None
    weight = convolution.weight.permute(2, 1, 0)  # (taps, in, out)
    return convolution.bias, weight.reshape(-1, weight.shape[-1]).contiguous()


def _layers(network: WavenetAutoencoder, code: Tensor) -> list[_Layer]:
    """Return the decoder's layers ready for `code` (B, code, H)."""
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
    """The decoder at work on a batch: `logits` consumes a sample and tells of the next one."""

    def __init__(self, network: WavenetAutoencoder, code: Tensor) -> None:
        self._hop, self._width, self._time = network.config.hop, network.config.width, 0
        self._input, self._start, self._output = map(_matrix, (network.input, network.start, network.output))
        bias, self._mix = _matrix(network.mix)
        self._mixed = network.mix_code(code).permute(2, 0, 1) + bias  # (H, B, S)
        self._layers = _layers(network, code)
        self._past = code.new_zeros(len(code), 3)

    def logits(self, before: Tensor) -> Tensor:
        """Return the logits (B, Q) of the sample after `before` (B,), as the network reads samples."""
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
    """Return what the WaveNet autoencoder makes of `wave`, (B, T), drawn from its distribution.

    Args:
        network: trained, on the device of `wave`.
        wave: (B, T) in [-1, 1]; T is a multiple of the hop.
        seed: of the draws.
        listener: is told samples drawn, rate and time left.
    """
    sampler = Sampler(network, network.encode(wave))
    generator = torch.Generator(wave.device).manual_seed(seed)
    levels = torch.full((len(wave),), LEVELS // 2, device=wave.device)
    drawn = torch.empty(wave.shape, dtype=torch.long, device=wave.device)
    progress = Progress("WaveNet sampling", total=wave.shape[1], unit="samples", listener=listener)
    for time in range(wave.shape[1]):
        # The first sample follows a zero, as in training.
        probabilities = sampler.logits((levels.float() - LEVELS // 2) / (LEVELS // 2)).softmax(-1)
        levels = torch.multinomial(probabilities, 1, generator=generator)[:, 0]
        drawn[:, time] = levels
        progress.advance()
    progress.finish()
    return inverse_mu_law(drawn)
