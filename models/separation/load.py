"""Trained networks taken from their folders, and the systems made of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from data.shards.reader import Shards
from models.separation.codec import AnyCodec, Codec
from models.separation.config import CodecConfig, DenoiserConfig, MaskNetworkConfig, Sampling
from models.separation.denoiser import Denoiser
from models.separation.latents import Scaling, encode_long
from models.separation.mask_network import MaskNetwork
from models.separation.published.hub import is_published, load_published
from models.separation.separate import Separator, diffusion_separator, mask_separator
from models.training.checkpoint import load
from models.training.fit import LAST_WEIGHTS


def load_codec(folder: Path, device: torch.device) -> AnyCodec:
    """Return the codec in `folder`, frozen: a published one, or what `train_codec` left there."""
    if is_published(folder):
        return load_published(folder, device)
    checkpoint = load(folder / "model")
    metadata = checkpoint.metadata["codec"]
    network = Codec(CodecConfig(**{**metadata, "strides": tuple(metadata["strides"])}))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def load_denoiser(folder: Path, device: torch.device, *, average: bool = True) -> tuple[Denoiser, Scaling]:
    """Return the denoiser that `train_denoiser` left in `folder`, frozen, and the scale of the latents it knows.

    Where a moving average was kept, `average` chooses between it and the last weights.
    """
    checkpoint = load(folder / "model")
    weights = checkpoint if average else load(folder / LAST_WEIGHTS)
    metadata = checkpoint.metadata["denoiser"]
    lists = {name: tuple(metadata[name]) for name in ("factors", "blocks")}
    network = Denoiser(DenoiserConfig(**{**metadata, **lists}))
    network.load_state_dict(weights.tensors)
    scaling = Scaling.from_lists(checkpoint.metadata["scaling"])
    return network.to(device).eval().requires_grad_(False), scaling.to(device)


def load_mask_network(folder: Path, device: torch.device) -> MaskNetwork:
    """Return the network that `train_mask_network` left in `folder`, frozen."""
    checkpoint = load(folder / "model")
    metadata = checkpoint.metadata["mask_network"]
    network = MaskNetwork(MaskNetworkConfig(**{**metadata, "dilations": tuple(metadata["dilations"])}))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def trained_diffusion(codec: Path, denoiser: Path, sampling: Sampling, device: torch.device) -> Separator:
    """Return latent diffusion as trained in the folders `codec` and `denoiser`."""
    return diffusion_separator(load_codec(codec, device), *load_denoiser(denoiser, device), sampling)


def latent_encoder(codec: Path, latents: Path, device: torch.device) -> tuple[int, Callable[[np.ndarray], np.ndarray]]:
    """Return the codec's encoder as judges take one: sample rate, and mono sound (T,) to latent frames (N, D).

    Each channel has unit variance over the training songs, whose statistics lie with the shards `latents`.
    """
    network, scaling = load_codec(codec, device), Scaling.of(Shards(latents))
    mean, deviation = scaling.mean[:, 0].numpy(), scaling.deviation[:, 0].numpy()
    return network.config.sample_rate, lambda wave: (encode_long(network, wave, device) - mean) / deviation


def trained_mask_network(folder: Path, device: torch.device) -> Separator:
    """Return the discriminative network as trained in the folder, at the sample rate it was trained at."""
    return mask_separator(load_mask_network(folder, device), load(folder / "model").metadata["sample_rate"])
