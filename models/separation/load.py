"""Loads trained networks from their folders, and builds the separation systems from them.

All networks are returned on the given device, in evaluation mode and without gradients.
Shapes: T samples, D latent channels, N latent frames.
"""

from pathlib import Path

import torch

from data.execution import Execution
from models.separation.codec import AnyCodec, Codec
from models.separation.config import DenoiserTraining, Sampling
from models.separation.denoiser import Denoiser
from models.separation.latents import Scaling
from models.separation.mask_network import MaskNetwork
from models.separation.published.hub import is_published, load_published
from models.separation.separate import Separator, diffusion_separator, mask_separator, refining_separator
from models.separation.sizes import CodecConfig, DenoiserConfig, MaskNetworkConfig
from models.separation.train_denoiser import Material, train_denoiser
from models.training.checkpoint import load
from models.training.fit import LAST_WEIGHTS
from models.training.stage import Figures


def load_codec(folder: Path, device: torch.device) -> AnyCodec:
    """Load a codec from the folder of `train_codec`, or a published one from the folder of `copy_published_codec`.

    Raises:
        InputError: a file is missing or damaged, or a published codec needs the package transformers.

    Example:
        >>> codec = load_codec(Path("codec"), torch.device("cpu"))
    """
    if is_published(folder):
        return load_published(folder, device)
    checkpoint = load(folder / "model")
    metadata = checkpoint.metadata["codec"]
    network = Codec(CodecConfig(**{**metadata, "strides": tuple(metadata["strides"])}))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def load_denoiser(folder: Path, device: torch.device, *, average: bool = True) -> tuple[Denoiser, Scaling]:
    """Load the denoiser from the folder of `train_denoiser`, and the scaling of the latents it was trained on.

    Args:
        folder: folder of the trained denoiser.
        device: device to compute on.
        average: True takes the final model, which holds the moving average of the weights if one was kept. False
            takes the weights of the last step, which are stored only if a moving average was kept.

    Raises:
        InputError: a file is missing or damaged.

    Example:
        >>> denoiser, scaling = load_denoiser(Path("denoiser"), torch.device("cpu"))
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
    """Load the discriminative network from the folder of `train_mask_network`.

    Raises:
        InputError: a file is missing or damaged.
    """
    checkpoint = load(folder / "model")
    metadata = checkpoint.metadata["mask_network"]
    network = MaskNetwork(MaskNetworkConfig(**{**metadata, "dilations": tuple(metadata["dilations"])}))
    network.load_state_dict(checkpoint.tensors)
    return network.to(device).eval().requires_grad_(False)


def trained_diffusion(codec: Path, denoiser: Path, sampling: Sampling, device: torch.device) -> Separator:
    """Return the latent diffusion system of a trained codec and denoiser.

    Args:
        codec: folder of the codec.
        denoiser: folder of the denoiser.
        sampling: settings of the separation, such as the number of steps.
        device: device to compute on.

    Raises:
        InputError: a file is missing or damaged.

    Example:
        >>> sampling = PRESETS["small"].sampling
        >>> separator = trained_diffusion(Path("codec"), Path("denoiser"), sampling, torch.device("cpu"))
    """
    return diffusion_separator(load_codec(codec, device), *load_denoiser(denoiser, device), sampling)


def trained_refiner(networks: tuple[Path, Path, Path], sampling: Sampling, device: torch.device) -> Separator:
    """Return the refining system of the folders of a trained codec, mask network and refining network.

    Raises:
        InputError: a file is missing or damaged.
    """
    codec, masks, refiner = networks
    trained = load_codec(codec, device), load_mask_network(masks, device), *load_denoiser(refiner, device)
    return refining_separator(*trained, sampling)


def load_material(
    songs: tuple[Path, Path | None], codec: tuple[Path, Path], device: str, *, masks: Path | None = None
) -> Material:
    """Return what a denoiser is trained with, and with `masks` a refining network.

    Args:
        songs: folders of the songs, and of the songs made here, if they are trained on first.
        codec: folders of the codec, and of the scale of its latents.
        device: device to compute on.
        masks: folder of the discriminative network whose estimates are refined.

    Raises:
        InputError: a file is missing or damaged.
    """
    place = torch.device(device)
    network = None if masks is None else load_mask_network(masks, place)
    return Material(*songs, load_codec(codec[0], place), Scaling.read(codec[1]).to(place), network)


def train_denoiser_on(
    execution: Execution,
    songs: tuple[Path, Path | None],
    codec: tuple[Path, Path],
    masks: Path | None,
    config: DenoiserTraining,
) -> Figures:
    """Train the denoiser, or with `masks` the refining network, on what lies in folders.

    All arguments can be sent to another process, so several can train together (`models.training.together`). They are
    those of `load_material` and `train_denoiser`, and so are the result and the errors.

    Example:
        >>> songs, codec = (Path("songs"), None), (Path("codec"), Path("scale"))
        >>> train_denoiser_on(Execution(Path("denoiser")), songs, codec, None, PRESETS["small"].denoiser_training)
    """
    return train_denoiser(execution, load_material(songs, codec, execution.device, masks=masks), config)


def trained_mask_network(folder: Path, device: torch.device) -> Separator:
    """Return the discriminative system of a trained network, at the sample rate it was trained at.

    Raises:
        InputError: a file is missing or damaged.

    Example:
        >>> separator = trained_mask_network(Path("mask_network"), torch.device("cpu"))
    """
    return mask_separator(load_mask_network(folder, device), load(folder / "model").metadata["sample_rate"])
