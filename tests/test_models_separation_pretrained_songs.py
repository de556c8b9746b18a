"""Published codecs on songs in shards: latents, and the study of noise with and without their quantiser."""

import numpy as np
import pytest
import torch
from tiny import write_songs
from tiny_codecs import HOPS, KINDS, make

from data.execution import Execution
from data.files.audio import to_float
from data.musdb.vocals import PARTS
from data.shards.reader import Shards
from models.separation.latents import Scaling, measure_scale
from models.separation.level import LEVEL
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


def test_the_scale_is_that_of_the_codecs_latents(tmp_path, codec, request):
    songs = songs_of_noise(tmp_path / "songs", "train")
    kind = request.node.callspec.params["codec"]
    found = measure_scale(Execution(tmp_path / "scale"), songs, codec)
    shards, frames = Shards(songs), -(-RATE * SECONDS // HOPS[kind])
    latents = []
    for row, other in zip(*(shards.rows(source=one) for one in PARTS), strict=True):
        alone, rest = (to_float(shards.read(int(one))) for one in (row, other))
        for wave in (alone, alone + rest):
            level = wave * np.float32(LEVEL / np.sqrt(np.square(alone + rest).mean()))
            latents.append(codec.encode(torch.from_numpy(np.ascontiguousarray(level.T)))[0])
    assert found == {"songs": len(latents) // 2, "frames": len(latents) * frames}
    scaling, everything = Scaling.read(tmp_path / "scale"), torch.cat(latents, 1)
    torch.testing.assert_close(scaling.mean[:, 0], everything.mean(1), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(scaling.deviation[:, 0], everything.std(1, correction=0), atol=1e-3, rtol=1e-3)


def test_noise_is_heard_with_and_without_the_quantiser(tmp_path, codec):
    songs = songs_of_noise(tmp_path / "songs", "test")
    made = write_noise(Execution(tmp_path / "noise"), songs, codec, strengths=(0.0, 0.5))
    assert made == {"songs": 2, "settings": 8}
    shards, true = Shards(tmp_path / "noise"), Shards(songs)
    wave, rest = (to_float(true.read(int(true.rows(track="A - One", source=one)[0]))) for one in PARTS)
    gain = np.float32(LEVEL / np.sqrt(np.square(wave + rest).mean()))
    latent = codec.encode(torch.from_numpy(gain * wave.T))
    for quantised, heard in ((False, latent), (True, codec.quantise(latent))):
        (row,) = shards.rows(track="A - One", what="vocals", quantised=quantised, strength=0.0)
        expected = (codec.decode(heard, len(wave))[0].numpy() / gain).clip(-1, 1)
        np.testing.assert_allclose(to_float(shards.read(int(row)))[:, 0], expected, atol=1e-4)
