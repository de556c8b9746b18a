"""Published codecs on songs in shards: latents, and the study of noise with and without their quantiser."""

import numpy as np
import pytest
import torch
from tiny import write_songs
from tiny_codecs import HOPS, KINDS, make

from data.execution import Execution
from data.files.audio import to_float
from data.shards.reader import Shards
from models.separation.config import SeparationConfig
from models.separation.latents import Scaling, write_latents
from models.separation.published.codec_networks import as_codec
from models.separation.studies import write_noise

CPU = torch.device("cpu")
RATE, SECONDS = 800, 3


def songs_of_noise(folder, split):
    draw = np.random.default_rng(0)
    sounds = {name: tuple(draw.uniform(-0.2, 0.2, (2, RATE * SECONDS, 1))) for name in ("A - One", "B - Two")}
    return write_songs(folder, sounds, RATE, split)


@pytest.fixture(params=list(KINDS))
def codec(request):
    return as_codec(make(request.param)).eval().requires_grad_(False)


def test_latents_of_songs_are_those_of_the_codec(tmp_path, codec, request):
    songs = songs_of_noise(tmp_path / "songs", "train")
    kind = request.node.callspec.params["codec"]
    write_latents(Execution(tmp_path / "latents"), songs, codec, SeparationConfig(remixes=0).latent_set)
    shards, true = Shards(tmp_path / "latents"), Shards(songs)
    row = int(shards.rows(track="A - One", source="vocals")[0])
    wave = to_float(true.read(int(true.rows(track="A - One", source="vocals")[0])))[:, 0]
    expected = codec.encode(torch.from_numpy(wave)[None])[0].T.numpy()
    assert expected.shape == (-(-RATE * SECONDS // HOPS[kind]), codec.config.dimension)
    np.testing.assert_allclose(shards.read(row), expected, atol=2e-3, rtol=2e-3)
    assert Scaling.of(shards).mean.shape == (codec.config.dimension, 1)


def test_noise_is_heard_with_and_without_the_quantiser(tmp_path, codec):
    songs = songs_of_noise(tmp_path / "songs", "test")
    made = write_noise(Execution(tmp_path / "noise"), songs, codec, strengths=(0.0, 0.5))
    assert made == {"songs": 2, "settings": 8}
    shards, true = Shards(tmp_path / "noise"), Shards(songs)
    wave = to_float(true.read(int(true.rows(track="A - One", source="vocals")[0])))
    latent = codec.encode(torch.from_numpy(wave.T.copy()))
    for quantised, heard in ((False, latent), (True, codec.quantise(latent))):
        (row,) = shards.rows(track="A - One", what="vocals", quantised=quantised, strength=0.0)
        expected = codec.decode(heard, len(wave))[0].numpy().clip(-1, 1)
        np.testing.assert_allclose(to_float(shards.read(int(row)))[:, 0], expected, atol=1e-4)
