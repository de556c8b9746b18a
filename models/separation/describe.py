"""Describes a preset of the separation system: modules, parameters, shapes and operations per second of sound.

Shapes: B batch.
"""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from models.separation.codec import Codec
from models.separation.config import SeparationConfig
from models.separation.denoiser import Denoiser
from models.separation.mask_network import MaskNetwork

Row = dict[str, str | int]


def describe(config: SeparationConfig) -> dict[str, list[Row] | dict[str, float]]:
    """Return the modules of a configuration and the cost of a second of sound. No weights are allocated.

    Operations are those of convolutions and matrix products for one chunk of `config.segment` latent frames without
    overlap; those of the codec's linear path and of the STFT are not counted.

    Args:
        config: a configuration with the project's own codec.

    Returns:
        "modules": a row for each network with "module", "parameters", and the shapes it "reads" and "writes".
        "cost": numbers by name: parameters, latent frames per second, DDIM steps, GFLOP per second of sound.

    Example:
        >>> describe(PRESETS["small"])["cost"]["latent frames a second"]
        50.0
    """
    rate, hop = config.codec.sample_rate, config.codec.hop
    chunk = config.segment * hop
    with torch.device("meta"):
        codec, denoiser, mask_network = Codec(config.codec), Denoiser(config.denoiser), MaskNetwork(config.mask_network)
        wave = torch.empty(1, chunk)
        latent = torch.empty(1, config.codec.dimension, config.segment)
        frames = torch.empty(1, config.mask_network.n_fft // 2 + 1, 4 * chunk // config.mask_network.n_fft + 1)
        parts: dict[str, tuple[nn.Module, tuple[Tensor, ...], str, str]] = {
            "encoder": (codec.encoder, (wave[:, None],), f"(B, {chunk})", _shape(latent)),
            "decoder": (codec.decoder, (latent,), _shape(latent), f"(B, {chunk})"),
            "denoiser": (denoiser, (latent, latent, torch.empty(1)), f"2 x {_shape(latent)}, (B,)", _shape(latent)),
            # Without the STFT and its inverse: they cost little, and cannot be traced on the meta device.
            "masks": (
                nn.Sequential(mask_network.input, mask_network.blocks, mask_network.output),
                (frames,),
                f"(B, {chunk})",
                f"(B, {chunk})",
            ),
        }
        operations = {name: _operations(module, inputs) * rate / chunk for name, (module, inputs, *_) in parts.items()}
    rows: list[Row] = [
        {"module": name, "parameters": _parameters(module), "reads": reads, "writes": writes}
        for name, (module, _, reads, writes) in parts.items()
    ]
    diffusion = operations["encoder"] + config.steps * operations["denoiser"] + operations["decoder"]
    cost = {
        "diffusion parameters": float(_parameters(codec) + _parameters(denoiser)),
        "latent frames a second": rate / hop,
        "DDIM steps": float(config.steps),
        **{f"GFLOP a second, {name}": value / 1e9 for name, value in operations.items()},
        "GFLOP a second, diffusion": diffusion / 1e9,
    }
    return {"modules": rows, "cost": cost}


def _shape(latent: Tensor) -> str:
    return f"(B, {latent.shape[1]}, {latent.shape[2]})"


def _parameters(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())


def _operations(module: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    """Return the floating-point operations of convolutions and matrix products in one call."""
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops()
