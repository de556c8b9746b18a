"""Trainings of the melody networks on sung sines: they learn, resume, keep what is frozen, stay near their start."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_melody import ENCODER, EXTRACTOR, melody_of, sung, write_voices

from data.errors import InputError
from data.execution import Execution
from data.voices.config import Mixing
from models.conversion.melody.config import EncoderTraining, MelodyTraining
from models.conversion.melody.load import layer_weights, load_encoder, load_extractor
from models.conversion.melody.train_encoder import MaskedPrediction, Quantiser, train_encoder
from models.conversion.melody.train_extractor import Anchor, train_extractor
from models.training.checkpoint import load
from models.training.config import FitConfig

CPU = torch.device("cpu")
MIXING = Mixing(samples=16_000, probability=0.5, snr=(10.0, 20.0), shift=1.0)
FIT = FitConfig(steps=4, batch_size=4, learning_rate=3e-3, clip=1.0, validate_every=1000, report_every=2)
MELODY = MelodyTraining(EXTRACTOR, FIT, MIXING, validation_seconds=2.0, equaliser=3.0)


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> tuple[Path, Path]:
    return write_voices(tmp_path_factory.mktemp("voices"), {"ann": "train", "bob": "train", "cyd": "valid"}, clips=4)


@pytest.fixture(scope="module")
def encoder(shards, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("encoder")
    config = EncoderTraining(ENCODER, FIT, MIXING, entries=16, code=4)
    figures = train_encoder(Execution(folder), shards[0], config)
    assert set(figures) == {"loss", "seconds", "valid_nats", "valid_entropy"}
    assert 0 < figures["valid_entropy"] <= np.log(16)
    return folder


def train(folder: Path, shards: tuple[Path, Path], encoder: Path, config: MelodyTraining = MELODY):
    return train_extractor(Execution(folder), *shards, encoder, config)


def test_it_learns_the_melody_of_another_singer(shards, encoder, tmp_path):
    config = replace(MELODY, fit=replace(FIT, steps=120, learning_rate=5e-3, decay=0.5))
    figures = train(tmp_path, shards, encoder, config)
    assert figures["valid_pitch"] > 0.6
    assert figures["valid_overall_5db"] > 0.3
    f0 = melody_of(7)
    found = load_extractor(tmp_path, CPU).melody(sung(f0))
    voiced = (f0 > 0) & (found.f0 > 0)
    assert voiced.sum() > 0.7 * (f0 > 0).sum()
    assert np.median(np.abs(1200 * np.log2(found.f0[voiced] / f0[voiced]))) < 60
    weights = layer_weights(tmp_path)
    assert weights["before"] == pytest.approx([1 / 3] * 3)
    assert sum(weights["after"]) == pytest.approx(1)
    assert weights["after"] != weights["before"]


def test_frozen_means_frozen_and_tuned_means_tuned(shards, encoder, tmp_path):
    start = load_encoder(encoder, CPU).state_dict()
    for tuned in (False, True):
        folder = tmp_path / str(tuned)
        train(folder, shards, encoder, replace(MELODY, tuned=tuned))
        after = load_encoder(folder, CPU).state_dict()
        same = [name for name, one in start.items() if torch.equal(one, after[name])]
        assert (len(same) == len(start)) is not tuned
    assert len(same) <= 1  # the vector of masked frames is not used


def test_snapshots_are_the_weights_after_so_many_steps(shards, encoder, tmp_path):
    train(tmp_path / "six", shards, encoder, replace(MELODY, fit=replace(FIT, steps=6), snapshots=(0, 4)))
    train(tmp_path / "four", shards, encoder, MELODY)
    then = load_extractor(tmp_path / "six", CPU, after=4).network.state_dict()
    four, six = (load_extractor(tmp_path / name, CPU).network.state_dict() for name in ("four", "six"))
    assert all(torch.equal(one, four[name]) for name, one in then.items())
    assert not all(torch.equal(one, six[name]) for name, one in then.items())
    with pytest.raises(InputError, match="after-000005"):
        load_extractor(tmp_path / "six", CPU, after=5)


def test_distance_and_replay_hold_an_encoder_near_its_start(shards, encoder, tmp_path):
    start = load_encoder(encoder, CPU)

    def moved(name: str, **changes) -> float:
        train(tmp_path / name, shards, encoder, replace(MELODY, fit=replace(FIT, steps=10), **changes))
        after = load_encoder(tmp_path / name, CPU).state_dict()
        return sum((after[one] - before).square().sum().item() for one, before in start.state_dict().items())

    free, near = moved("free"), moved("near", distance=100.0)
    assert near < 0.7 * free
    anchor = Anchor(start, replace(MELODY, distance=1.0, replay=1.0))
    voices = torch.randn(1, 1600)
    assert anchor.loss(start, voices) == 0
    with torch.no_grad():
        for one in start.parameters():
            one.add_(0.1)
    assert anchor.loss(start, voices) > 1
    assert Anchor(start, MELODY).loss(start, voices) == 0


def test_a_line_and_the_last_layer_train_too(shards, encoder, tmp_path):
    line = replace(EXTRACTOR, layers="last", blocks=0, pitch=replace(EXTRACTOR.pitch, form="line"))
    train(tmp_path, shards, encoder, replace(MELODY, extractor=line))
    extractor = load_extractor(tmp_path, CPU)
    assert extractor.network.head.out_features == 3
    assert layer_weights(tmp_path) == {"before": [0, 0, 1], "after": [0, 0, 1]}


def test_a_training_resumes_to_the_same_bits(shards, encoder, tmp_path):
    config = replace(MELODY, fit=replace(FIT, steps=6, checkpoint_every=3))
    train(tmp_path / "once", shards, encoder, config)
    for name in ("step-000000006.json", "step-000000006.safetensors", "model.json"):
        path = tmp_path / "once" / name
        path.rename(path.with_name(f"old-{name}"))
    train(tmp_path / "once", shards, encoder, config)
    first, second = (load(tmp_path / "once" / name).tensors for name in ("old-step-000000006", "step-000000006"))
    assert all(torch.equal(one, second[name]) for name, one in first.items())


def test_codes_are_used_evenly_and_know_no_level(shards):
    torch.manual_seed(0)
    config = EncoderTraining(ENCODER, FIT, MIXING, entries=16, code=4)
    spectra = torch.randn(2, ENCODER.spectrum.bins, 200)
    codes = Quantiser(config)(spectra)
    assert codes.shape == (2, 100)
    assert len(codes.unique()) > 8
    np.testing.assert_array_equal(Quantiser(config)(spectra + 3), codes)
    wave = torch.from_numpy(sung(melody_of(1)))[None]
    assert MaskedPrediction(config).codes(wave).shape == (1, 101)


def test_singers_without_a_voice_are_named(shards, encoder, tmp_path):
    voices, targets = write_voices(tmp_path / "other", {"ann": "valid"}, clips=1)
    with pytest.raises(InputError, match="no singing in the split 'train'"):
        train(tmp_path / "model", (voices, targets), encoder)
