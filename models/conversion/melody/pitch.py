"""Codes pitch for the one linear layer of the melody extractor, and decodes it.

- "line": one value, (ln F0 - ln 220 Hz) / ln 2, that is octaves above 220 Hz.
- "bins": a distribution over bins of equal width on a logarithmic scale; F0 is its mean near its highest bin.

Shapes: B batch, N frames, P pitch outputs (1 for "line").
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from models.conversion.melody.config import PitchConfig

_MIDDLE = 220.0  # Hz
_NEAR = 4  # bins on either side of the highest one that count for the mean


def pitch_outputs(config: PitchConfig) -> int:
    """Return the number of pitch outputs P.

    Raises:
        ValueError: the form is neither "line" nor "bins".

    Example:
        >>> pitch_outputs(PitchConfig(form="line"))
        1
    """
    if config.form == "line":
        return 1
    if config.form != "bins":
        raise ValueError(f"form {config.form!r}: choose line or bins")
    return 1 + math.ceil(1200 * math.log2(config.high / config.low) / config.cents)


def bin_pitches(config: PitchConfig, device: torch.device) -> Tensor:
    """Return the pitch of each bin in cents above the lowest, (P,)."""
    return torch.arange(pitch_outputs(config), device=device) * config.cents


def pitch_loss(outputs: Tensor, f0: Tensor, config: PitchConfig) -> Tensor:
    """Return the loss of pitch outputs, a scalar: the mean over voiced frames, 0 if there is none.

    For "line" it is the squared error in octaves; for "bins" the cross entropy with a normal distribution around
    the true pitch.

    Args:
        outputs: pitch outputs, (B, N, P) float.
        f0: true F0 in Hz, (B, N) float; 0 where unvoiced.
        config: form of the outputs.
    """
    voiced = f0 > 0
    if not voiced.any():
        return outputs.sum() * 0
    found, true = outputs[voiced].float(), f0[voiced]  # (frames, P), (frames,)
    if config.form == "line":
        return (found[:, 0] - (true / _MIDDLE).log2()).square().mean()
    cents = 1200 * (true / config.low).log2()
    distance = (bin_pitches(config, f0.device) - cents[:, None]) / config.blur
    return functional.cross_entropy(found, functional.softmax(-0.5 * distance.square(), 1))


def decode_pitch(outputs: Tensor, config: PitchConfig) -> Tensor:
    """Return F0 in Hz, (B, N), for every frame, voiced or not, of pitch outputs (B, N, P).

    Example:
        >>> decode_pitch(torch.zeros(1, 1, 1), PitchConfig(form="line"))
        tensor([[220.]])
    """
    if config.form == "line":
        limits = [math.log2(limit / _MIDDLE) for limit in (config.low, config.high)]
        return _MIDDLE * 2 ** outputs[..., 0].float().clamp(*limits)
    shares = functional.softmax(outputs.float(), -1)
    top = shares.argmax(-1, keepdim=True)  # (B, N, 1)
    near = top + torch.arange(-_NEAR, _NEAR + 1, device=outputs.device)  # (B, N, 9)
    inside = (near >= 0) & (near < outputs.shape[-1])
    weights = shares.gather(-1, near.clamp(0, outputs.shape[-1] - 1)) * inside
    cents = (weights * near).sum(-1) / weights.sum(-1) * config.cents
    return config.low * 2 ** (cents / 1200)
