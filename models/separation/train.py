"""Trains the codec, the denoiser and the discriminative network, one function each.

    songs ── codec ── latents ── denoiser        mask network
             (frozen after its training)         (on the same songs)

Each function trains to the last step, resumes from its checkpoint if it was stopped, and writes `model.safetensors`
and `model.json` to the folder of its execution. It returns the figures of the last validation by name ("valid_…"),
with the training "loss" and the "seconds" of training.

Sound is float32, full scale [-1, 1].
Shapes: B batch, T samples, K channels, D latent channels, N latent frames.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from data.execution import Execution
from data.files.audio import FULL_SCALE
from data.musdb.segments import Mixing, Segments
from data.shards.loader import Batch, BatchPlan
from data.shards.reader import Shards
from models.separation.codec import Codec
from models.separation.config import Augmentation, CodecTraining, DenoiserTraining, MaskTraining
from models.separation.denoiser import Denoiser
from models.separation.diffusion import diffuse
from models.separation.latents import LatentSegments, Scaling
from models.separation.losses import multi_resolution, negative_snr
from models.separation.mask_network import MaskNetwork
from models.separation.sampler import sample
from models.training.config import FitConfig
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage

_VALIDATION_LEVELS, _VALIDATION_STEPS = 8, 5
_WAVEFORM_WEIGHT = 0.3  # weight of the waveform error in dB, which trains the phases that the STFT loss ignores


def split_sources(batch: Batch, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mixture and vocals of a batch (B, T, 2K), both (B·K, T): each channel becomes an example."""
    values = torch.from_numpy(batch.values).to(device)
    channels = values.shape[-1] // 2
    vocals, rest = values[..., :channels], values[..., channels:]
    return tuple(one.transpose(1, 2).reshape(-1, values.shape[1]) for one in (vocals + rest, vocals))  # type: ignore[return-value]


def train_codec(execution: Execution, songs: Path, config: CodecTraining) -> Figures:
    """Train the codec to reconstruct vocals, mixtures and accompaniments.

    "valid_sdr" is the median SDR in dB of reconstructed vocals.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        songs: folder of shards with vocals and accompaniment of the songs.
        config: settings of the training.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: no training song is long enough.

    Example:
        >>> train_codec(Execution(Path("codec")), Path("songs"), PRESETS["small"].codec_training)
    """
    shards, device = Shards(songs), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = Codec(config.codec).to(device)

    def objective(batch: Batch) -> Iterator[Loss]:
        mixture, vocals = split_sources(batch, device)
        # Half vocals, a quarter mixtures, a quarter accompaniments: the sounds to be coded, vocals most often.
        half = len(vocals) // 2
        wave = torch.cat([vocals, mixture[:half], (mixture - vocals)[half:]])
        rebuilt = network(wave)
        yield "network", multi_resolution(wave, rebuilt) + _WAVEFORM_WEIGHT * negative_snr(wave, rebuilt)

    validation = Validation(shards, config.validation_seconds, device)

    def validate(model: nn.Module) -> Figures:
        return validation.figures(lambda mixture, vocals: model(vocals))

    def stage(world: World) -> Stage:
        batches = _segments(shards, config.segment, config.augmentation, config.fit, world)
        return Stage("codec", network, batches, objective, validate, compilable=(network,))

    return train_stage(execution, stage, config.fit, {"codec": asdict(config.codec)})


def train_mask_network(execution: Execution, songs: Path, config: MaskTraining) -> Figures:
    """Train the discriminative network to estimate vocals from mixtures.

    "valid_sdr" is the median SDR in dB of estimated vocals.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        songs: folder of shards with vocals and accompaniment of the songs.
        config: settings of the training.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: no training song is long enough.

    Example:
        >>> train_mask_network(Execution(Path("mask_network")), Path("songs"), PRESETS["small"].mask_training)
    """
    shards, device = Shards(songs), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = MaskNetwork(config.mask_network).to(device)

    def objective(batch: Batch) -> Iterator[Loss]:
        mixture, vocals = split_sources(batch, device)
        yield "network", negative_snr(vocals, network(mixture))

    validation = Validation(shards, config.validation_seconds, device)

    def validate(model: nn.Module) -> Figures:
        return validation.figures(lambda mixture, vocals: model(mixture))

    def stage(world: World) -> Stage:
        batches = _segments(shards, config.segment, config.augmentation, config.fit, world)
        return Stage("mask network", network, batches, objective, validate, compilable=(network.blocks,))

    rate = int(shards.column("sample_rate")[0])
    return train_stage(execution, stage, config.fit, {"mask_network": asdict(config.mask_network), "sample_rate": rate})


def _segments(shards: Shards, samples: int, augmentation: Augmentation, fit: FitConfig, world: World) -> Segments:
    """Return the training batches, whose examples have `samples` samples."""
    mixing = Mixing(samples, augmentation.remix, shift=augmentation.shift)
    return Segments(shards, "train", BatchPlan(fit.batch_size, fit.seed, (world.rank, world.size)), mixing)


def train_denoiser(execution: Execution, latents: Path, config: DenoiserTraining) -> Figures:
    """Train the denoiser to predict the velocity v, with noise levels drawn uniformly from [0, 1].

    The validation figures are "valid_velocity", the mean squared error of v, and "valid_latent", that of the latents
    of the vocals sampled in 5 steps; both of normalised latents.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        latents: folder of the shards that `models.separation.latents.write_latents` wrote.
        config: settings of the training.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: no song of the splits "train" or "valid" is long enough.

    Example:
        >>> train_denoiser(Execution(Path("denoiser")), Path("latents"), PRESETS["small"].denoiser_training)
    """
    shards, device = Shards(latents), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = Denoiser(config.denoiser).to(device)
    scaling = Scaling.of(shards).to(device)

    def objective(batch: Batch) -> Iterator[Loss]:
        vocals, mixture = scaling.normalised(torch.from_numpy(batch.values).to(device).float())  # (B, D, N) both
        noisy, velocity = diffuse(vocals, torch.randn_like(vocals), sigma := torch.rand(len(vocals), device=device))
        yield "network", nn.functional.mse_loss(network(noisy, mixture, sigma).float(), velocity)

    held_out = LatentSegments(shards, "valid", BatchPlan(16, seed=1), config.frames)

    def validate(model: nn.Module) -> Figures:
        return _validate_denoiser(model, held_out, scaling, device)

    def stage(world: World) -> Stage:
        plan = BatchPlan(config.fit.batch_size, config.fit.seed, (world.rank, world.size))
        batches = LatentSegments(shards, "train", plan, config.frames)
        return Stage("denoiser", network, batches, objective, validate, compilable=(network,))

    scale = {name: getattr(scaling, name)[:, 0].tolist() for name in ("mean", "deviation")}
    return train_stage(execution, stage, config.fit, {"denoiser": asdict(config.denoiser), "scaling": scale})


def _validate_denoiser(network: nn.Module, held_out: LatentSegments, scaling: Scaling, device: torch.device) -> Figures:
    """Return the loss at fixed noise and noise levels, and the mean squared error of sampled latents."""
    vocals, mixture = scaling.normalised(torch.from_numpy(held_out.load(0).values).to(device).float())
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(vocals.shape, generator=generator).to(device)
    losses = []
    for number in range(_VALIDATION_LEVELS):
        sigma = torch.full((len(vocals),), (number + 0.5) / _VALIDATION_LEVELS, device=device)
        noisy, velocity = diffuse(vocals, noise, sigma)
        losses.append(nn.functional.mse_loss(network(noisy, mixture, sigma), velocity).item())
    found = sample(lambda noisy, sigma: network(noisy, mixture, sigma), noise, _VALIDATION_STEPS)
    return {"velocity": sum(losses) / len(losses), "latent": nn.functional.mse_loss(found, vocals).item()}


class Validation:
    """Evaluates a network on the beginnings of the validation songs; beginnings without vocals are left out."""

    def __init__(self, shards: Shards, seconds: float, device: torch.device) -> None:
        """Choose the songs.

        Args:
            shards: shards with vocals and accompaniment of the songs.
            seconds: seconds evaluated of each song, from its beginning.
            device: device to compute on.
        """
        self._shards, self._device = shards, device
        self._length = int(seconds * shards.column("sample_rate")[0])
        vocals, rest = (shards.rows(split="valid", source=source) for source in ("vocals", "accompaniment"))
        self._pairs = list(zip(vocals.tolist(), rest.tolist(), strict=True))

    def figures(self, work: Callable[[Tensor, Tensor], Tensor]) -> Figures:
        """Return the median SDR over the songs, as "sdr" in dB; empty if there is no song with vocals.

        Args:
            work: function from the mixture and the true vocals, both (K, T), to the estimated vocals (K, T).
        """
        found = []
        for pair in self._pairs:
            length = min(self._length, *(int(self._shards.column("frames")[row]) for row in pair))
            vocals, rest = (self._shards.segment(row, 0, length).T.astype(np.float32) / FULL_SCALE for row in pair)
            if not vocals.any():
                continue
            true = torch.from_numpy(vocals).to(self._device)
            estimate = work(true + torch.from_numpy(rest).to(self._device), true)
            found.append(10 * torch.log10(true.square().sum() / (true - estimate).square().sum()).item())
        return {"sdr": float(np.median(found))} if found else {}
