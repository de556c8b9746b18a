"""The separation system on three short songs: shapes, lengths, training, resume of data, whole trips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import write_musdb

from data.embedded.training_songs import write_training_songs
from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_float
from data.musdb.dataset import locate
from data.musdb.segments import Mixing, Segments, _balanced
from data.musdb.tracks import ingest_tracks
from data.musdb.vocals import resample_songs
from data.shards.curriculum import Curriculum
from data.shards.loader import BatchPlan
from data.shards.reader import Shards
from models.separation import latents
from models.separation.codec import Codec, Elu, Lapped, compand, expand
from models.separation.config import Sampling, SeparationConfig
from models.separation.latents import Scaling, measure_scale
from models.separation.level import LEVEL
from models.separation.load import (
    load_codec,
    load_denoiser,
    load_mask_network,
    load_material,
    trained_diffusion,
    trained_mask_network,
    trained_refiner,
)
from models.separation.presets import with_published_codec
from models.separation.separate import Mixture, codec_ceiling, diffusion_separator, mask_separator
from models.separation.sizes import CodecConfig, DenoiserConfig, MaskNetworkConfig
from models.separation.train import train_codec, train_mask_network
from models.separation.train_denoiser import train_denoiser
from models.training.config import FitConfig

CPU = torch.device("cpu")
FIT = FitConfig(steps=3, batch_size=2, learning_rate=1e-3, validate_every=3, report_every=1)
TINY = SeparationConfig(
    codec=CodecConfig(sample_rate=4000, channels=4, strides=(2, 4), dimension=6),
    codec_segment=2400,
    train_codec=FIT,
    denoiser=DenoiserConfig(dimension=6, channels=8, factors=(1, 2), blocks=(1, 1), attention=1, heads=2, features=16),
    segment=32,
    chunk=32,
    train_denoiser=replace(FIT, ema=0.9),
    steps=2,
    mask_network=MaskNetworkConfig(n_fft=64, channels=8, dilations=(1, 2)),
    mask_segment=1000,
    embedded=0,
    pure_noise=0.5,
    train_refiner=FIT,
    train_mask_network=FIT,
)
NAMES = {"A - One": "train", "Leaf - Summerghost": "train", "B.C. - Two": "test"}


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    """Three songs of two seconds at the system's rate."""
    folder = tmp_path_factory.mktemp("songs")
    write_musdb(folder / "raw", NAMES)
    ingest_tracks(Execution(folder / "tracks"), locate(str(folder / "raw"), folder))
    resample_songs(Execution(folder / "songs"), [folder / "tracks"], TINY.codec.sample_rate, 1)
    return folder / "songs"


@pytest.fixture(scope="module")
def trained(songs, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert set(train_codec(Execution(folder / "codec"), songs, TINY.codec_training)) >= {"loss", "valid_sdr", "seconds"}
    found = train_mask_network(Execution(folder / "masks"), songs, None, TINY.mask_training)
    assert set(found) >= {"loss", "valid_sdr"}
    codec = load_codec(folder / "codec", CPU)
    assert measure_scale(Execution(folder / "scale"), songs, codec) == {"songs": 1, "frames": 2000}
    places = (folder / "codec", folder / "scale")
    found = train_denoiser(
        Execution(folder / "denoiser"), load_material((songs, None), places, "cpu"), TINY.denoiser_training
    )
    assert set(found) >= {"valid_velocity", "valid_latent", "valid_latent_1"}
    given = load_material((songs, None), places, "cpu", masks=folder / "masks")
    assert set(train_denoiser(Execution(folder / "refiner"), given, TINY.refiner_training)) >= {"valid_velocity"}
    return folder


def random_codec(config: CodecConfig) -> Codec:
    """A codec whose SEANet is heard: its last layers begin at zero."""
    codec = Codec(config)
    for layer in (codec.encoder[-1], codec.decoder[-1]):
        torch.nn.init.normal_(layer.weight, std=0.1)
    return codec


@pytest.mark.parametrize("length", [1, 7, 8, 9, 1000])
def test_the_codec_gives_as_many_samples_as_it_got(length):
    codec = Codec(TINY.codec)
    wave = torch.randn(2, length)
    assert codec.encode(wave).shape == (2, 6, -(-length // 8))
    assert codec(wave).shape == wave.shape


def test_a_latent_frame_stands_for_the_samples_it_covers():
    """Moving the sound by whole frames moves the latent, and the reconstruction, by as many."""
    codec = random_codec(TINY.codec)
    wave = torch.zeros(1, 800)
    wave[:, 200:600] = torch.randn(400)
    moved = torch.roll(wave, 80)
    torch.testing.assert_close(codec.encode(moved)[..., 30:80], codec.encode(wave)[..., 20:70], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(codec(moved)[:, 240:640], codec(wave)[:, 160:560], atol=1e-5, rtol=1e-4)


def test_the_transform_with_all_its_coefficients_loses_nothing():
    lapped = Lapped(8, 8)
    wave = torch.randn(2, 80)
    torch.testing.assert_close(lapped.synthesise(lapped.analyse(wave))[:, 8:-8], wave[:, 8:-8], atol=1e-5, rtol=1e-4)
    # Orthonormal, so the energy of sound that fades in and out is that of its coefficients.
    wave[:, :8] = wave[:, -8:] = 0
    torch.testing.assert_close(lapped.analyse(wave).square().sum((1, 2)), wave.square().sum(1))


def test_an_untrained_codec_passes_the_lower_part_of_the_spectrum():
    codec = Codec(CodecConfig(sample_rate=8000, channels=4, strides=(4, 4), dimension=8))
    time = torch.arange(8000) / 8000
    low, high = (torch.sin(2 * torch.pi * hertz * time)[None] for hertz in (500, 3500))
    rebuilt = codec(low + high).detach()
    torch.testing.assert_close(rebuilt[:, 100:-100], low[:, 100:-100], atol=0.05, rtol=0)


def test_the_exponential_linear_unit_is_that_of_torch():
    found, expected = (torch.linspace(-30, 30, 6001).requires_grad_() for _ in range(2))
    ours, theirs = Elu()(found), torch.nn.functional.elu(expected)
    (ours.sum() + theirs.sum()).backward()
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-7)
    torch.testing.assert_close(found.grad, expected.grad, rtol=0, atol=1e-7)
    assert found.grad[3000] == 1  # at 0


def test_companding_can_be_undone_and_trained_through():
    values = torch.tensor([-1.0, -1e-3, -1e-6, 0.0, 1e-7, 0.25], requires_grad=True)
    torch.testing.assert_close(expand(compand(values)), values)
    assert compand(values)[-1].item() == pytest.approx(0.5, rel=1e-3)
    compand(values).sum().backward()
    assert values.grad is not None
    assert torch.isfinite(values.grad).all()


def test_songs_know_their_split_and_where_there_is_singing(songs):
    shards = Shards(songs)
    assert sorted(shards.column("split").tolist()) == ["test"] * 2 + ["train"] * 2 + ["valid"] * 2
    assert shards.column("source").tolist() == ["vocals", "accompaniment"] * 3
    assert shards.table["singing"].to_pylist() == [[True, True]] * 6
    assert set(shards.column("frames").tolist()) == {8000}


def test_examples_are_a_function_of_seed_and_step(songs):
    shards = Shards(songs)
    alone = Segments(shards, "train", BatchPlan(4, 3), Mixing(500))
    with alone.stream(2, 5) as stream:
        streamed = [(batch.step, batch.values.copy()) for batch in stream]
    for step, values in streamed:
        np.testing.assert_array_equal(values, alone.load(step).values)
        shared = [Segments(shards, "train", BatchPlan(4, 3, (rank, 2)), Mixing(500)).load(step) for rank in (0, 1)]
        np.testing.assert_array_equal(np.concatenate([one.values for one in shared]), values)
    assert not np.array_equal(streamed[0][1], streamed[1][1])


def test_latents_have_unit_variance_over_the_training_songs(trained, songs):
    """Of vocals and mixture, at the level that the mixture of the song has in use."""
    shards, scaling = Shards(songs), Scaling.read(trained / "scale")
    (vocals,), (rest,) = (shards.rows(split="train", source=one) for one in ("vocals", "accompaniment"))
    alone, other = (torch.from_numpy(to_float(shards.read(int(row)))[:, 0]) for row in (vocals, rest))
    gain = LEVEL / (alone + other).square().mean().sqrt()
    frames = scaling.encoded(load_codec(trained / "codec", CPU), (gain * alone[None], gain * (alone + other)[None]))
    everything = torch.cat([one[0] for one in frames], 1)
    torch.testing.assert_close(everything.mean(1), torch.zeros(6), atol=1e-3, rtol=0)
    torch.testing.assert_close(everything.std(1), torch.ones(6), atol=1e-2, rtol=0)
    torch.testing.assert_close(scaling.restore(scaling.normalise(frames[0])), frames[0])


def test_average_and_last_weights_are_both_kept(trained):
    average, last = (load_denoiser(trained / "denoiser", CPU, average=one)[0].state_dict() for one in (True, False))
    assert any(not torch.equal(average[name], last[name]) for name in average)
    # Three steps at a decay of 0.9: the average lies within reach of the last weights.
    assert all((average[name] - last[name]).abs().max() < 0.1 for name in average)


@pytest.mark.parametrize("strides", [(2, 4), (2, 4, 5, 8), (8, 8), (2, 2, 2, 2, 2)])
def test_long_songs_are_encoded_in_stretches_that_do_not_show(monkeypatch, strides):
    torch.manual_seed(0)
    codec = random_codec(CodecConfig(sample_rate=4000, channels=4, strides=strides, dimension=6))
    wave = np.random.default_rng(0).standard_normal(codec.config.hop * 100 + 3).astype(np.float32)
    with torch.no_grad():
        whole = codec.encode(torch.from_numpy(wave)[None])[0].T.numpy()
    monkeypatch.setattr(latents, "_STRETCH", 30)
    found = latents.encode_long(codec, wave, CPU)
    assert found.shape == whole.shape == (101, 6)
    np.testing.assert_allclose(found, whole, atol=1e-4)  # companding is steep near zero


@pytest.mark.parametrize("length", [1, 100, 256, 257, 3000])
@pytest.mark.parametrize("channels", [1, 2])
def test_vocals_are_as_long_as_the_mixture_and_the_same_every_time(trained, length, channels):
    mixture = np.random.default_rng(0).standard_normal((length, channels)).astype(np.float32) * 0.1
    codec = load_codec(trained / "codec", CPU)
    denoiser = load_denoiser(trained / "denoiser", CPU)
    systems = {
        "diffusion": diffusion_separator(codec, *denoiser, Sampling(2, 32)),
        "diffusion with fresh noise": diffusion_separator(codec, *denoiser, Sampling(3, 32, eta=0.8)),
        "masks": mask_separator(load_mask_network(trained / "masks", CPU), 4000, seconds=0.2),
        "refine": trained_refiner((trained / "codec", trained / "masks", trained / "refiner"), Sampling(2, 32), CPU),
        "mean of three draws": diffusion_separator(codec, *denoiser, Sampling(2, 32, draws=3)),
        "ceiling": codec_ceiling(codec, 32),
    }
    for name, system in systems.items():
        found = [np.concatenate(list(system.separate(Mixture.of(mixture), batch=batch))) for batch in (1, 3)]
        assert found[0].shape == mixture.shape, name
        assert np.isfinite(found[0]).all()
        np.testing.assert_allclose(found[0], found[1], atol=1e-5, err_msg=name)


def test_a_published_codec_sets_rate_and_channels_of_everything():
    found = with_published_codec(TINY, "dac_44khz")
    assert (found.audio.sample_rate, found.denoiser.dimension, found.published) == (44_100, 1024, "dac_44khz")
    assert with_published_codec(TINY, "") is TINY
    with pytest.raises(InputError, match="'mp3': no codec; there are encodec_24khz"):
        with_published_codec(TINY, "mp3")


@pytest.mark.parametrize("system", ["masks", "diffusion", "refine"])
def test_a_louder_song_has_louder_vocals_and_silence_beside_it_changes_nothing(trained, system):
    """The level is that of the song, so neither its gain nor where chunks end changes what is heard."""
    networks = (trained / "codec", trained / "masks", trained / "refiner")
    separator = {
        "masks": lambda: trained_mask_network(trained / "masks", CPU),
        "diffusion": lambda: trained_diffusion(trained / "codec", trained / "denoiser", Sampling(1, 2048), CPU),
        "refine": lambda: trained_refiner(networks, Sampling(1, 2048), CPU),
    }[system]()
    mixture = np.random.default_rng(0).standard_normal((4096, 1)).astype(np.float32) * 0.05
    found = np.concatenate(list(separator.separate(Mixture.of(mixture))))
    louder = np.concatenate(list(separator.separate(Mixture.of(mixture * 4))))
    np.testing.assert_allclose(louder, found * 4, atol=1e-4)


def test_training_begins_with_songs_made_here(songs, tmp_path):
    """The first steps take batches of the one folder, the later ones of the other, wherever the stream begins."""
    made = write_training_songs(Execution(tmp_path), 1, TINY.codec.sample_rate, 1)
    assert made == {"songs": 1}
    first, then = (Segments(Shards(one), "train", BatchPlan(2, 3), Mixing(500)) for one in (tmp_path, songs))
    both = Curriculum([(0, first), (2, then)])
    for start in (0, 1, 2):
        with both.stream(start, 4) as stream:
            found = [(batch.step, batch.values.copy()) for batch in stream]
        assert [step for step, _ in found] == list(range(start, 4))
        for step, values in found:
            np.testing.assert_array_equal(values, (first if step < 2 else then).load(step).values)


def test_examples_have_the_level_of_their_whole_song(songs):
    """The gains are part of it: with one song, unchanged, an example is that stretch of the song at the level."""
    shards = Shards(songs)
    (vocals,), (rest,) = (shards.rows(split="train", source=one) for one in ("vocals", "accompaniment"))
    alone, other = (to_float(shards.read(int(row))) for row in (vocals, rest))
    mixing = Mixing(len(alone), remix=0.0, gain=(1.0, 1.0), level=LEVEL)
    example = Segments(shards, "train", BatchPlan(1, 0), mixing).load(0).values[0]
    power = np.square(alone).mean() + np.square(other).mean()  # of recordings that do not depend on each other
    np.testing.assert_allclose(np.abs(example[:, 0]), np.abs(alone[:, 0]) * LEVEL / np.sqrt(power), atol=1e-5)


def test_artists_are_drawn_equally_often():
    """Whatever the number and the length of their songs."""
    names, frames = ["A - One", "A - Two", "B - One", "embedded"], np.array([100, 300, 50, 4000])
    np.testing.assert_allclose(_balanced(names, frames), np.array([0.25, 0.75, 1, 1]) / 3)
