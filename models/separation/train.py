"""Trains the codec and the discriminative network, one function each.

    songs ── codec ── denoiser (`models.separation.train_denoiser`)        mask network
             (frozen after its training)                                   (on the same songs)

The mask network is trained on songs made here first, if there are any, then on the songs.

Each function trains to the last step, resumes from its checkpoint if it was stopped, and writes `model.safetensors`
and `model.json` to the folder of its execution. It returns the figures of the last validation by name ("valid_…"),
with the training "loss" and the "seconds" of training.

Sound is float32, full scale [-1, 1].
Shapes: B batch, T samples, K channels, D latent channels, N latent frames.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from data.execution import Execution
from data.shards.loader import Batch
from data.shards.reader import Shards
from models.separation.codec import Codec
from models.separation.config import CodecTraining, MaskTraining
from models.separation.examples import Recipe, segments, split_sources, with_pretraining
from models.separation.losses import multi_resolution, negative_snr
from models.separation.mask_network import MaskNetwork
from models.separation.validation import Validation
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage

_WAVEFORM_WEIGHT = 0.3  # weight of the waveform error in dB, which trains the phases that the STFT loss ignores


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
        batches = segments(shards, Recipe(config.segment, config.augmentation), config.fit, world)
        return Stage("codec", network, batches, objective, validate, compilable=(network,))

    return train_stage(execution, stage, config.fit, {"codec": asdict(config.codec)})


def train_mask_network(execution: Execution, songs: Path, embedded: Path | None, config: MaskTraining) -> Figures:
    """Train the discriminative network to estimate vocals from mixtures.

    "valid_sdr" is the median SDR in dB of estimated vocals.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        songs: folder of shards with vocals and accompaniment of the songs.
        embedded: the same of the songs made here, which the first `config.pretraining` steps are trained on.
        config: settings of the training.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: no training song is long enough.

    Example:
        >>> config = PRESETS["small"].mask_training
        >>> train_mask_network(Execution(Path("mask_network")), Path("songs"), Path("embedded"), config)
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
        recipe = Recipe(config.segment, config.augmentation)
        batches = with_pretraining(shards, embedded, recipe, config, world)
        return Stage("mask network", network, batches, objective, validate, compilable=(network.blocks,))

    rate = int(shards.column("sample_rate")[0])
    return train_stage(execution, stage, config.fit, {"mask_network": asdict(config.mask_network), "sample_rate": rate})
