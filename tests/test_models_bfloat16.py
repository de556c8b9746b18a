"""Every stage of every system trains in bfloat16: the code path of the preset `paper` on a GPU, here on the CPU."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import test_models_separation as separation
import test_models_synthesis_harmonic as harmonic
import test_models_synthesis_stages as synthesis
import tiny_acoustic
import tiny_melody
import tiny_vocoder
import tiny_voices
import torch
from test_models_conversion_content import training as recogniser_training
from test_models_conversion_melody_training import MELODY, MIXING
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from data.execution import Execution
from models import losses
from models.conversion.acoustic.train_acoustic import train_acoustic
from models.conversion.content.train_recogniser import train_recogniser
from models.conversion.melody.config import EncoderTraining
from models.conversion.melody.train_encoder import train_encoder
from models.conversion.melody.train_extractor import train_extractor
from models.conversion.vocoder import losses as vocoder_losses
from models.conversion.vocoder.train_vocoder import train_vocoder
from models.separation import losses as separation_losses
from models.separation.latents import measure_scale
from models.separation.load import load_codec, load_material
from models.separation.train import train_codec, train_mask_network
from models.separation.train_denoiser import train_denoiser
from models.synthesis.embed import embed
from models.synthesis.harmonic.train import (
    fine_tune_harmonic,
    train_harmonic_autoencoder,
    train_harmonic_sequence,
)
from models.synthesis.train import fine_tune, train_autoencoder, train_sequence
from models.synthesis.train_wavenet import train_wavenet
from models.synthesis.wavenet_config import WavenetConfig, WavenetTraining
from models.training import fit
from models.training.checkpoint import load
from models.training.config import FitConfig

notes, songs = synthesis.notes, separation.songs  # fixtures
FIT = FitConfig(steps=2, batch_size=2, learning_rate=1e-3, validate_every=2, precision="bfloat16")


@pytest.fixture(autouse=True)
def heard(monkeypatch) -> Iterator[set[torch.dtype]]:
    """Let the CPU autocast; return the dtypes of what the convolutions and linear layers gave."""
    monkeypatch.setattr(fit, "AUTOCAST", ("cpu",))
    found: set[torch.dtype] = set()

    def note(module: nn.Module, given: object, made: object) -> None:
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear) and torch.is_grad_enabled():
            assert isinstance(made, Tensor)
            found.add(made.dtype)

    hook = register_module_forward_hook(note)
    yield found
    hook.remove()


def check(folder: Path, heard: set[torch.dtype], train: Callable[[Execution], dict[str, float]]) -> None:
    """Train in a folder, and check that bfloat16 was used, and that losses and weights are finite float32."""
    heard.clear()
    figures = train(Execution(folder))
    assert math.isfinite(figures["loss"])
    assert torch.bfloat16 in heard
    for name, tensor in load(folder / "model").tensors.items():
        if tensor.is_floating_point():
            assert tensor.dtype is torch.float32, name
            assert tensor.isfinite().all(), name


def test_synthesis(tmp_path, notes, heard):
    tiny = replace(synthesis.TINY, train_autoencoder=FIT, train_sequence=FIT, fine_tune=FIT)
    one, two, three, frames = (tmp_path / name for name in ("one", "two", "three", "frames"))
    check(one, heard, lambda execution: train_autoencoder(execution, notes, tiny.autoencoder_training))
    embed(Execution(frames), notes, one, tiny.pitch_shifts)
    with torch.backends.mkldnn.flags(enabled=False):  # oneDNN has no LSTM in bfloat16 for every CPU
        check(two, heard, lambda execution: train_sequence(execution, frames, one, notes, tiny.sequence_training))
        check(three, heard, lambda execution: fine_tune(execution, notes, one, two, tiny.fine_tuning))
    sizes = WavenetConfig(encoder_width=4, width=4, skip=4, stacks=1, layers=3, code=2, hop=512, crop=1024)
    wavenet = WavenetTraining(sizes, FIT, (0,), 2)
    check(tmp_path / "wavenet", heard, lambda execution: train_wavenet(execution, notes, wavenet))


def test_synthesis_harmonic(tmp_path, notes, heard):
    config = replace(harmonic.HARMONIC, train_sequence=FIT)
    training, sequence = config.training(FIT, 2), config.sequence_training(2)
    one, two, three, frames = (tmp_path / name for name in ("one", "two", "three", "frames"))
    check(one, heard, lambda execution: train_harmonic_autoencoder(execution, notes, training))
    embed(Execution(frames), notes, one, (0,))
    check(two, heard, lambda execution: train_harmonic_sequence(execution, frames, one, notes, sequence))
    check(three, heard, lambda execution: fine_tune_harmonic(execution, notes, one, two, training))


def test_separation(tmp_path, songs, heard):
    tiny = replace(separation.TINY, train_codec=FIT, train_mask_network=FIT, train_denoiser=FIT, train_refiner=FIT)
    codec, masks, scale, denoiser = (tmp_path / name for name in ("codec", "masks", "scale", "denoiser"))
    check(codec, heard, lambda execution: train_codec(execution, songs, tiny.codec_training))
    check(masks, heard, lambda execution: train_mask_network(execution, songs, None, tiny.mask_training))
    measure_scale(Execution(scale), songs, load_codec(codec, torch.device("cpu")))
    given = load_material((songs, None), (codec, scale), "cpu")
    check(denoiser, heard, lambda execution: train_denoiser(execution, given, tiny.denoiser_training))
    refined = load_material((songs, None), (codec, scale), "cpu", masks=masks)
    check(tmp_path / "refiner", heard, lambda execution: train_denoiser(execution, refined, tiny.refiner_training))


def test_conversion_hears(tmp_path, heard):
    paths = tiny_voices.make(tmp_path / "voices", singers=4, clips=2, seconds=1.2)
    encoder, melody, content = (tmp_path / name for name in ("encoder", "melody", "content"))
    config = EncoderTraining(tiny_melody.ENCODER, FIT, MIXING, entries=16, code=4)
    check(encoder, heard, lambda execution: train_encoder(execution, paths.voices, config))
    tuned = replace(MELODY, fit=FIT)
    check(melody, heard, lambda execution: train_extractor(execution, paths.voices, paths.targets, encoder, tuned))
    recogniser = replace(recogniser_training(), fit=FIT)
    check(content, heard, lambda execution: train_recogniser(execution, paths.voices, recogniser))


def test_conversion_sings(tmp_path, heard):
    material = tiny_acoustic.write_material(tmp_path / "features")
    config = replace(tiny_acoustic.training(adversaries=tiny_acoustic.ON), fit=FIT)
    check(tmp_path / "acoustic", heard, lambda execution: train_acoustic(execution, material, config))


@pytest.mark.parametrize("arm", ["hifigan", "vocos", "pulses"])
def test_vocoders(tmp_path, heard, arm):
    voices, targets = (
        tiny_vocoder.write_voices(tmp_path / "voices"),
        tiny_vocoder.write_targets(tmp_path / "targets"),
    )
    config = replace(tiny_vocoder.TINY, arm=arm, fit=FIT)
    check(tmp_path / arm, heard, lambda execution: train_vocoder(execution, voices, config, targets))


@pytest.mark.parametrize(
    "loss",
    [losses.spectral, losses.waveform, separation_losses.multi_resolution, separation_losses.negative_snr,
     vocoder_losses.mel_distance, vocoder_losses.stft_distance],
)  # fmt: skip
def test_a_loss_takes_what_a_network_in_bfloat16_gives(loss):
    """Outside of autocast too, as on a GPU, where autocast leaves FFTs alone."""
    draw = torch.Generator().manual_seed(0)
    true, made = (0.1 * torch.randn(2, 4000, generator=draw) for _ in range(2))
    exact = loss(true, made)
    found = loss(true.bfloat16(), made.bfloat16().requires_grad_(True))
    assert found.dtype is torch.float32
    assert found.item() == pytest.approx(exact.item(), rel=0.01)
    found.backward()
