"""What an encoder forgets: the probe is the best linear one, and tells encoders that know the units from others."""

import numpy as np
import pytest
import tiny_voices
import torch
from torch import Tensor
from torch.nn import functional

from data.errors import InputError
from data.execution import Execution
from data.progress import ignore
from data.voices.index import Voices
from models.conversion.content.config import UnitsConfig
from models.conversion.content.units import find_units
from models.conversion.forgetting import ContentTask, Fitting, Probe
from models.conversion.frames import content_frames
from models.conversion.melody.encoder import Encoder, encoder_frames

UNITS = UnitsConfig(units=8, cepstra=10, rounds=10)


class Knowing(Encoder):
    """An encoder that tells the unit of each content frame in noise, or noise alone."""

    layers, features = 2, UNITS.units + 1

    def __init__(self, voices: Voices, *, knows: bool) -> None:
        """Look the units of all voices up."""
        super().__init__()
        units, statistics = find_units(voices, UNITS, 0, ignore)
        self.knows, self.known = knows, dict[bytes, Tensor]()
        for clip in voices.sung():
            wave = torch.from_numpy(voices.wave(clip.voice))[None]
            self.known[wave.numpy().tobytes()] = units.name(wave, *statistics.rows([clip.singer]))[0]

    def forward(self, waves: Tensor) -> Tensor:
        values = torch.randn(2, 1, encoder_frames(waves.shape[1]), self.features, generator=torch.manual_seed(0))
        units = self.known[waves.numpy().tobytes()]
        if self.knows:
            values[1, 0, 2 : 2 + 2 * len(units) : 2] += 8 * functional.one_hot(units, self.features)
        return values


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    return Voices(tiny_voices.make(tmp_path_factory.mktemp("voices"), singers=4, clips=3).voices)


def test_an_encoder_that_knows_the_units_names_them(voices, tmp_path):
    task = ContentTask(voices, Fitting(UNITS), Execution(tmp_path))
    knowing, deaf = Knowing(voices, knows=True), Knowing(voices, knows=False)
    errors = task.errors({0: knowing, 1: deaf})
    assert errors[0] < 0.05
    assert errors[1] > 0.8 * task.likeliest
    assert task.errors({7: knowing}) == {7: errors[0]}


def test_the_probe_finds_the_most_probable_of_equally_spread_units():
    draw = np.random.default_rng(0)
    units = torch.from_numpy(draw.choice(3, 6000, p=[0.6, 0.3, 0.1]))
    centres, mixed = np.array([[0, 0], [1, 0], [2, 0.0]]), np.array([[1, 0.8], [0, 0.5]])  # on a line, spread unevenly
    features = torch.from_numpy(centres[units.numpy()] + draw.standard_normal((6000, 2)) @ mixed)
    probe = Probe(4)  # one of which never occurs
    for part in (slice(0, 1000), slice(1000, 6000)):
        probe.add(features[part].float(), units[part])
    found = probe.solve()(features)
    inverse = np.linalg.inv(mixed.T @ mixed)
    away = features.numpy()[:, None] - centres
    exact = np.log([0.6, 0.3, 0.1]) - 0.5 * np.einsum("nki,ij,nkj->nk", away, inverse, away)
    assert (found.argmax(1).numpy() == exact.argmax(1)).mean() > 0.97
    assert set(found.argmax(1).tolist()) == {0, 1, 2}
    differences = found[:, :2].diff(dim=1)[:, 0].numpy()
    slope, offset = np.polyfit(np.diff(exact[:, :2], axis=1)[:, 0], differences, 1)
    assert (slope, offset) == pytest.approx((1, 0), abs=0.1)  # a little shrunk


def test_a_feature_that_is_always_zero_is_harmless():
    probe = Probe(2)
    features = torch.tensor([[1.1, 0.0], [0.9, 0.0], [-1.1, 0.0], [-0.9, 0.0]]).repeat(10, 1)
    probe.add(features, torch.tensor([0, 0, 1, 1]).repeat(10))
    found = probe.solve()(features)
    assert torch.isfinite(found).all()
    assert found.argmax(1).tolist() == [0, 0, 1, 1] * 10


def test_it_needs_a_validation_singer(tmp_path):
    clips = [one for one in tiny_voices.make_clips(3, 2, 1.5) if one.split != "valid"]
    voices = tiny_voices.write_voices(tmp_path / "voices", clips)
    with pytest.raises(InputError, match="no voice in the split 'valid'"):
        ContentTask(Voices(voices), Fitting(UNITS), Execution(tmp_path))


def test_frames_of_encoder_and_content_lie_on_each_other():
    for samples in (1360, 16_000, 48_000):
        assert len(range(2, encoder_frames(samples), 2)) >= content_frames(samples)
