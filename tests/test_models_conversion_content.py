"""Content of the conversion system: frame law, units, recogniser, published road, pieces of long recordings."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_voices
import torch

from data.errors import InputError
from data.execution import Execution
from data.progress import ignore
from data.voices.config import Mixing
from data.voices.index import Voices
from models.conversion.content.bank import log_bank, tilt_bands, warp_bands
from models.conversion.content.centre import centred
from models.conversion.content.config import PublishedContent, RecogniserConfig, RecogniserTraining, UnitsConfig
from models.conversion.content.load import Content, load_content
from models.conversion.content.recogniser import Distortion, Recognised, Recogniser, unit_losses
from models.conversion.content.train_recogniser import train_recogniser
from models.conversion.content.units import Units, cepstra, find_units, k_means
from models.conversion.content.whisper import PublishedNetwork, principal_components, write_published_content
from models.conversion.frames import bank_frames, content_frames
from models.conversion.melody.encoder import Encoder
from models.training.checkpoint import load, save
from models.training.config import FitConfig

CPU = torch.device("cpu")
SMALL = RecogniserConfig(bands=20, channels=4, blocks=1, heads=2, filters=16, width=3, reach=4, dropout=0.0)
UNITS = UnitsConfig(units=6, cepstra=8, rounds=5)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_voices.make(tmp_path_factory.mktemp("content"), singers=4, clips=2, seconds=1.2)


def noise(samples, seed=0):
    return np.random.default_rng(seed).standard_normal(samples).astype(np.float32) * 0.1


class Ramp(Encoder):
    """An encoder whose layer 1 holds the number of each frame times a direction for each feature."""

    layers, features = 2, 300

    def forward(self, waves):
        count = 1 + waves.shape[1] // 320
        frames = torch.arange(count, dtype=torch.float32)[None, :, None] * torch.ones(len(waves), 1, self.features)
        return torch.stack([frames * 0, frames])


@pytest.mark.parametrize("samples", [1359, 1360, 1999, 2000, 48_000, 104_026])
def test_the_recogniser_follows_the_frame_law(samples):
    network = Recogniser(SMALL, 5).eval()
    found = Content(network.requires_grad_(False), CPU).frames(noise(samples))
    assert found.shape == (content_frames(samples), 256)
    assert log_bank(torch.zeros(1, 48_000)).shape[1] == bank_frames(48_000) == 298


def test_pieces_of_a_long_recording_are_those_of_the_whole():
    torch.manual_seed(0)
    network = Recogniser(SMALL, 5).eval().requires_grad_(False)
    wave = noise(640 * 1100 + 2000)
    whole = network.features(torch.from_numpy(wave)[None])[0].numpy()
    np.testing.assert_allclose(Content(network, CPU).frames(wave), whole, atol=2e-5)
    without = centred(torch.from_numpy(whole)[None])[0].numpy()
    np.testing.assert_allclose(Content(network, CPU, centred=True).frames(wave), without, atol=2e-5)


def test_the_local_mean_is_taken_away():
    frames = torch.tensor([1.0, 2.0, 6.0, 0.0]).reshape(1, 4, 1)
    found = centred(torch.cat([frames, frames + 100]), reach=1).squeeze(2)
    np.testing.assert_allclose(found[0], [-0.5, -1.0, 6 - 8 / 3, -3.0], rtol=1e-6)
    np.testing.assert_allclose(found[1], found[0], atol=1e-4)  # a constant of the singer is gone
    assert centred(torch.zeros(1, 0, 3)).shape == (1, 0, 3)


def test_the_recogniser_reads_features_without_their_mean():
    network, waves = Recogniser(SMALL, 5).eval(), torch.from_numpy(noise(8000))[None]
    assert SMALL.centred
    torch.testing.assert_close(network(waves).features, centred(network.features(waves)))
    other = Recogniser(replace(SMALL, centred=False), 5).eval()
    torch.testing.assert_close(other(waves).features, other.features(waves))


def test_a_wave_of_two_channels_is_refused():
    with pytest.raises(InputError, match="one channel"):
        Content(Recogniser(SMALL, 5), CPU).frames(np.zeros((2, 4000), np.float32))


def test_stretched_bands():
    bank = torch.tensor([[[0.0, 1.0, 2.0, 3.0]], [[0.0, 1.0, 2.0, 3.0]]])
    found = warp_bands(bank, torch.tensor([0.5, 2.0]))
    np.testing.assert_allclose(found, torch.tensor([[[0.0, 0.5, 1.0, 1.5]], [[0.0, 2.0, 3.0, 3.0]]]))


def test_tilted_bands():
    bank = torch.zeros(2, 1, 3)
    found = tilt_bands(bank, torch.tensor([10.0, -20.0]))
    ten = np.log(10)
    np.testing.assert_allclose(found[:, 0], [[-ten, 0, ten], [2 * ten, 0, -2 * ten]], rtol=1e-6)


def test_a_distortion_without_effect_changes_nothing_and_another_does():
    torch.manual_seed(0)
    network, waves = Recogniser(SMALL, 5).eval(), torch.from_numpy(noise(8000))[None].repeat(2, 1)
    none = Distortion(torch.ones(2), torch.zeros(2))
    some = Distortion(torch.tensor([1.0, 1.1]), torch.zeros(2))
    plain, same, other = (network(waves, one).features for one in (None, none, some))
    torch.testing.assert_close(plain, same)
    torch.testing.assert_close(plain[0], other[0])
    assert (plain[1] - other[1]).abs().max() > 1e-3


def test_cepstra_do_not_depend_on_the_level():
    wave = torch.from_numpy(noise(8000))[None]
    loud, level = cepstra(wave, 8)
    soft, lower = cepstra(wave / 10, 8)
    np.testing.assert_allclose(loud, soft, atol=2e-3)
    np.testing.assert_allclose(level - lower, torch.full_like(level, 20.0), atol=0.01)
    assert loud.shape == (1, content_frames(8000), 8)


def test_k_means_finds_two_clouds():
    draw = np.random.default_rng(1)
    points = torch.tensor(draw.normal([[0, 0]] * 50 + [[9, 9]] * 50, 0.1), dtype=torch.float32)
    found = k_means(points, 2, 5, draw)
    assert sorted(found[:, 0].round().tolist()) == [0.0, 9.0]


def test_units_name_silence_and_the_nearest_centre():
    wave = torch.from_numpy(np.concatenate([noise(8000), np.zeros(8000, np.float32)]))[None]
    found, _ = cepstra(wave, 3)
    centres = torch.stack([found[0, 2], found[0, 2] + 5])
    names = Units(centres, 40.0).name(wave, torch.zeros(1, 3), torch.ones(1, 3))
    assert names[0, 2] == 1
    assert (names[0, 14:] == 0).all()
    assert (names[0, :10] > 0).all()


def test_a_singers_colour_is_taken_away(shards):
    units, statistics = find_units(Voices(shards.voices), UNITS, 0, ignore)
    assert units.count == 7
    assert statistics.names == ("singer0", "singer1", "singer2", "singer3")  # of all splits
    mean, deviation = statistics.rows(["singer1", "singer0"])
    assert mean.shape == deviation.shape == (2, 8)
    np.testing.assert_allclose(mean[0], statistics.mean[1])


def test_too_many_units(shards):
    with pytest.raises(InputError, match="for 5000 units"):
        find_units(Voices(shards.voices), UnitsConfig(units=5000, cepstra=8), 0, ignore)


def test_losses_of_certain_answers_are_small():
    true = torch.tensor([[1, 1, 2, 0, 0, 2]])
    frames = torch.full((1, 6, 3), -20.0).scatter(2, true[..., None], 20.0)
    sequence = torch.full((1, 6, 4), -20.0).scatter(2, true[..., None] + 1, 20.0)
    losses = unit_losses(Recognised(frames, frames, sequence), true)
    assert losses["frames"] < 1e-6
    assert losses["ctc"] < 1e-6
    wrong = unit_losses(Recognised(frames, frames.flip(2), sequence.roll(1, 1)), true)
    assert wrong["frames"] > 10
    assert wrong["ctc"] > 1


def training(**changes):
    fit = FitConfig(steps=6, batch_size=4, learning_rate=3e-3, validate_every=6, checkpoint_every=100)
    mixing = Mixing(samples=16_000)
    return RecogniserTraining(SMALL, fit, mixing, UNITS, **changes)


def test_a_recogniser_is_trained_and_loaded(tmp_path, shards):
    figures = train_recogniser(Execution(tmp_path), shards.voices, training())
    assert {"loss", "valid_accuracy", "valid_accuracy_0db", "valid_likeliest"} <= figures.keys()
    assert 0 <= figures["valid_accuracy"] <= 1
    content = load_content(tmp_path, CPU)
    assert content.name == "recogniser"
    assert content.centred
    first = content.frames(noise(20_000))
    assert first.shape == (content_frames(20_000), 256)
    assert np.isfinite(first).all()
    again = load_content(tmp_path, CPU).frames(noise(20_000))
    np.testing.assert_array_equal(first, again)


def test_the_recogniser_learns(tmp_path, shards):
    short = training()
    long = RecogniserTraining(
        SMALL, FitConfig(40, 4, 3e-3, validate_every=40, report_every=10), short.mixing, UNITS, ctc=0.0
    )
    before = train_recogniser(Execution(tmp_path / "a"), shards.voices, training(ctc=0.0))["loss"]
    after = train_recogniser(Execution(tmp_path / "b"), shards.voices, long)["loss"]
    assert after < before - 0.2


def test_published_frames_are_pooled_around_the_middle_of_content_frames():
    network = PublishedNetwork(Ramp(), 1)
    found = network.pooled(torch.zeros(1, 48_000))
    assert found.shape == (1, 73, 300)
    np.testing.assert_allclose(found[0, :, 0], 2 * torch.arange(73.0) + 2.125)  # sample 640·m + 680
    with pytest.raises(InputError, match="layer 2"):
        PublishedNetwork(Ramp(), 2)


def test_principal_components_have_variances_of_at_most_one():
    draw = torch.Generator().manual_seed(0)
    frames = torch.randn(2000, 300, generator=draw) * (3 * torch.exp(-torch.arange(300) / 20)) + 7
    mean, matrix = principal_components(frames)
    projected = (frames - mean) @ matrix
    variance = projected.var(0)
    assert matrix.shape == (300, 256)
    assert variance.max() <= 1.001
    assert variance[0] > 0.9
    assert projected.mean(0).abs().max() < 1e-4
    assert variance[-1] < 0.1  # what hardly varies is not amplified without limit


class Fixed(Encoder):
    """An encoder whose only layer is a function of the mean magnitude of each frame."""

    layers, features = 1, 256

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.linspace(-1, 1, 256))

    def forward(self, waves):
        frames = torch.nn.functional.avg_pool1d(waves.abs(), 320, 320, ceil_mode=True)
        frames = torch.nn.functional.pad(frames, (0, 1 + waves.shape[1] // 320 - frames.shape[1]))
        return (frames[..., None] * self.weight).sin()[None]


@pytest.fixture
def encoder(tmp_path, monkeypatch):
    def loaded(folder, device):
        return Fixed().to(device).eval().requires_grad_(False)

    for name in ("whisper", "load"):
        monkeypatch.setattr(f"models.conversion.content.{name}.load_encoder", loaded)
    metadata = {"encoder": {"kind": "fixed", "name": "small"}}
    save(tmp_path / "encoder" / "model", {"encoder.weight": Fixed().weight}, metadata)
    return tmp_path / "encoder"


def test_published_content_is_fitted_written_and_loaded(tmp_path, shards, encoder):
    config = PublishedContent(seconds=3.0)
    figures = write_published_content(Execution(tmp_path / "content"), shards.voices, encoder, config)
    assert figures["kept"] > 0.99
    assert figures["seconds"] == pytest.approx(3.6, abs=0.4)  # three clips of 1.2 s
    content, wave = load_content(tmp_path / "content", CPU), noise(700_000)
    assert content.name == "small layer 0"
    found = content.frames(wave)
    assert found.shape == (content_frames(700_000), 256)
    whole = centred(content.network.features(torch.from_numpy(wave)[None]))[0].numpy()  # it hears single frames
    np.testing.assert_allclose(found, whole, atol=1e-5)
    assert found[:, 0].std() > 1e-3


def test_the_projection_is_fitted_on_voices_with_accompaniment_too(tmp_path, shards, encoder):
    means = []
    for mixed in (0.0, 1.0):
        folder = tmp_path / str(mixed)
        write_published_content(Execution(folder), shards.voices, encoder, PublishedContent(seconds=9.0, mixed=mixed))
        means.append(load(folder / "model").tensors["mean"][-1].item())
    assert means[1] > means[0] * 1.05  # what this encoder hears is the level
    assert not load_content(tmp_path / "0.0", CPU).network.training
