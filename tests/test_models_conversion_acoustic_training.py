"""Training of the acoustic model: its material, examples, adversaries, and what it learns."""

from dataclasses import asdict, astuple, replace

import numpy as np
import pytest
import tiny_acoustic as tiny
import tiny_melody
import tiny_voices
import torch

from data.errors import InputError
from data.execution import Execution
from data.shards.loader import BatchPlan
from data.shards.reader import Shards
from data.voices.targets import log_energy
from models.conversion.acoustic.batches import AcousticExamples, Material, as_inputs, divide
from models.conversion.acoustic.config import Examples, FeatureSet
from models.conversion.acoustic.features import Sources, write_features
from models.conversion.acoustic.load import load_acoustic
from models.conversion.acoustic.train_acoustic import Objective, Trained, train_acoustic
from models.conversion.content.config import RecogniserConfig
from models.conversion.content.recogniser import Recogniser
from models.conversion.frames import CONTENT, HOP
from models.conversion.mel import log_mel
from models.conversion.melody.encoder import HarmonicEncoder
from models.conversion.melody.extractor import ExtractorNetwork
from models.training.checkpoint import load, save

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    return tiny.write_material(tmp_path_factory.mktemp("material") / "features")


# ── material ──


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The material of tiny voices by random networks, and the folders of voices and targets."""
    root = tmp_path_factory.mktemp("made")
    paths = tiny_voices.make(root, clips=1, seconds=1.3)
    torch.manual_seed(0)
    encoder = HarmonicEncoder(tiny_melody.ENCODER)
    extractor = ExtractorNetwork(encoder, tiny_melody.EXTRACTOR)
    save(root / "melody" / "model", extractor.state_dict(), described(tiny_melody.ENCODER, tiny_melody.EXTRACTOR))
    recogniser = RecogniserConfig(bands=20, channels=4, blocks=1, heads=2, filters=16, width=3, reach=4, dropout=0.0)
    content = {"kind": "recogniser", "recogniser": asdict(recogniser), "units": 5}
    save(root / "content" / "model", Recogniser(recogniser, 5).state_dict(), {"content": content})
    sources = Sources(paths.voices, paths.targets, root / "melody", root / "content")
    figures = write_features(Execution(root / "features"), sources, FeatureSet(copies=2, mixed=1.0))
    return root / "features", sources, figures


def described(encoder, extractor):
    return {"encoder": {"kind": "harmonic", **asdict(encoder)}, "extractor": asdict(extractor)}


def test_the_material_of_voices(made):
    folder, sources, figures = made
    shards, voices = Shards(folder), Shards(sources.voices)
    assert figures["clips"] == 3  # two training singers and one of validation
    assert figures["copies"] == 3 + 3 + 2
    assert set(shards.column("split")) == {"train", "valid"}
    assert shards.metadata["target"] == "singer0"
    row = {part: int(shards.rows(clip="singer0-0", copy="clean", part=part)[0]) for part in ("melody", "mel", "pitch")}
    wave = voices.read(int(voices.rows(id="singer0-0-voice")[0]))[:, 0] / np.float32(32767)
    count = -(-len(wave) // (CONTENT * HOP))
    assert shards.read(row["melody"]).shape == (4 * count, tiny_melody.EXTRACTOR.features + 3)
    mel, pitch = (shards.read(row[part]).astype(float) for part in ("mel", "pitch"))
    plain = log_mel(torch.from_numpy(wave)[None])[0].numpy()
    voiced = np.flatnonzero(pitch[:, 2] > 0)
    offset = (mel[voiced] - plain[voiced]).mean()
    np.testing.assert_allclose(mel[voiced], plain[voiced] + offset, atol=0.05)  # the clean voice, at another level
    target = Shards(sources.targets).read(int(Shards(sources.targets).rows(id="singer0-0")[0]))
    np.testing.assert_allclose(pitch[: len(target), 0], target[:, 0])
    level = 20 / np.log(10) * (log_energy(wave)[target[:, 2] > 0].mean() + offset)
    assert -27 < level < -21  # -23 dB, RMS


def test_copies_are_stretched_with_their_pitch(made):
    shards = Shards(made[0])
    clip = "singer0-0"
    clean = shards.read(int(shards.rows(clip=clip, copy="clean", part="pitch")[0]))
    for copy in ("copy1", "copy2"):
        pitch, mel = (shards.read(int(shards.rows(clip=clip, copy=copy, part=part)[0])) for part in ("pitch", "mel"))
        content = shards.read(int(shards.rows(clip=clip, copy=copy, part="content")[0]))
        assert len(pitch) == len(mel) == 4 * len(content)
        speed = np.median(pitch[pitch[:, 0] > 0, 0]) / np.median(clean[clean[:, 0] > 0, 0])
        assert 0.72 < speed < 1.4
        assert len(pitch) == pytest.approx(len(clean) / speed, abs=8)


def test_the_material_is_the_same_again(made, tmp_path):
    write_features(Execution(tmp_path), made[1], FeatureSet(copies=2, mixed=1.0))
    first, second = Shards(made[0]), Shards(tmp_path)
    assert first.column("id").tolist() == second.column("id").tolist()
    for row in range(len(first)):
        np.testing.assert_array_equal(first.read(row), second.read(row))


# ── examples ──


def examples(folder, steps=10, size=4, plain=False, **changes):
    settings = replace(Examples(frames=32, held_out=0.3), **changes)
    return AcousticExamples(Material(folder), "ann", BatchPlan(size, 0), settings, (steps, plain))


def test_an_example_is_a_part_of_its_clip(material):
    batch, stored = examples(material, exact=0.0, free=0.0).load(3), Material(material)
    assert batch.values.shape == (4, 32, tiny.EXTRACTED + 2 + 80)
    for place, row in enumerate(batch.rows):
        whole = stored.shards.read(int(row)).astype(np.float32)
        mel = batch.values[place, :, -80:]
        starts = [one for one in range(0, len(whole) - 31, 4) if np.array_equal(whole[one : one + 32], mel)]
        assert len(starts) == 1
        copy = next(c for take in stored.takes for c in take.copies if c["mel"] == row)
        parts = stored.parts(copy, starts[0], 32)
        np.testing.assert_array_equal(batch.values[place, :, : tiny.EXTRACTED], parts["melody"][:, : tiny.EXTRACTED])
        np.testing.assert_array_equal(batch.labels["content"][place], parts["content"])
        np.testing.assert_array_equal(batch.values[place, :, tiny.EXTRACTED], parts["melody"][:, -3])


def test_batches_depend_on_the_step_alone_and_are_shared(material):
    source = examples(material)
    first, again = source.load(7), examples(material).load(7)
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, source.load(8).values)
    halves = [
        AcousticExamples(
            Material(material), "ann", BatchPlan(4, 0, (rank, 2)), Examples(frames=32, held_out=0.3), (10, False)
        ).load(7)
        for rank in (0, 1)
    ]
    np.testing.assert_array_equal(np.concatenate([one.values for one in halves]), first.values)


def test_a_short_clip_ends_in_silence(material):
    batch = examples(material, frames=80).load(0)
    inside = batch.labels["inside"]
    lengths = inside.sum(1).astype(int)
    assert set(lengths) <= {40, 44, 48, 52}
    for place, length in enumerate(lengths):
        assert inside[place, :length].all()
        np.testing.assert_allclose(batch.values[place, length:, -80:], np.log(1e-5), rtol=1e-6)
        assert not batch.values[place, length:, : tiny.EXTRACTED + 1].any()


def test_the_share_of_the_target_singer_follows_the_schedule(material):
    source = examples(material, steps=100, size=8, pretraining=0.3, target=0.5, tuning=0.2, tuning_target=0.75)
    counts = [int(source.load(step).labels["target"].sum()) for step in (30, 50, 79, 80, 99)]
    assert counts == [4, 4, 4, 6, 6]
    early = np.mean([source.load(step).labels["target"].mean() for step in range(30)])
    assert 0.1 < early < 0.45  # a third of the singers, and some clips are held out


def test_held_out_clips_are_never_trained_on(material):
    takes = [one for one in Material(material).takes if one.singer == "ann"]
    kept, held_out = divide(takes, 0.3)
    assert held_out
    assert {one.clip for one in kept} | {one.clip for one in held_out} == {one.clip for one in takes}
    rows = {copy["mel"] for one in held_out for copy in one.copies}
    source = examples(material, size=8)
    assert not rows & {int(row) for step in range(10) for row in source.load(step).rows}
    assert divide(takes, 0.0)[1] == []
    assert len(divide(takes, 1.0)[0]) == 1  # something is left to train on


def test_the_plain_variant_has_pitch_and_energy_of_the_targets(material):
    batch = examples(material, plain=True).load(0)
    assert batch.values.shape[2] == 2 + 80
    inputs, mel = as_inputs(batch, CPU)
    assert inputs.extracted.shape == (4, 32, 0)
    assert mel.shape == (4, 32, 80)


def test_a_target_singer_without_clips(material):
    with pytest.raises(InputError, match="ann, bob, cat"):
        Material(material).target("eve")


def test_every_training_singer_has_the_range_of_the_unaltered_clips(made):
    ranges = Material(made[0]).ranges()
    assert set(ranges) == {"singer0", "singer1"}  # not the validation singer
    targets = Shards(made[1].targets)
    for singer, found in ranges.items():
        f0 = np.concatenate([targets.read(int(row))[:, 0] for row in targets.rows(singer=singer)])
        assert astuple(found) == pytest.approx(np.percentile(f0[f0 > 0], [5, 50, 95]), rel=0.01)


def test_a_model_without_ranges_is_refused(tmp_path):
    save(tmp_path / "model", {}, {"acoustic": asdict(tiny.CONFIG), "singers": ["ann"], "target": "ann"})
    with pytest.raises(InputError, match="earlier version, without ranges"):
        load_acoustic(tmp_path, CPU)


# ── training ──


@pytest.mark.parametrize("melody", ["features", "pitch"])
def test_it_is_trained_and_loaded(tmp_path, material, melody):
    config = tiny.training(adversaries=tiny.ON, acoustic=replace(tiny.CONFIG, melody=melody))
    figures = train_acoustic(Execution(tmp_path), material, config)
    assert {"loss", "valid_mel", "valid_mel_altered", "valid_timbre", "valid_nearer"} <= figures.keys()
    model = load_acoustic(tmp_path, CPU)
    assert (model.singers, model.target) == (("ann", "bob", "cat"), "ann")
    assert model.range() == model.range("ann") == Material(material).ranges()["ann"]
    content = np.random.default_rng(0).standard_normal((10, tiny.CONTENT)).astype(np.float32)
    found = model.mel(content, tiny.melody_of(40), 0.0)
    assert found.shape == (40, 80)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found, load_acoustic(tmp_path, CPU).mel(content, tiny.melody_of(40), 0.0))


def test_sizes_of_features_are_those_of_the_material(tmp_path, material):
    config = tiny.training(steps=1, acoustic=replace(tiny.CONFIG, extracted=256, content=256))
    train_acoustic(Execution(tmp_path), material, config)
    stored = load(tmp_path / "model").metadata["acoustic"]
    assert (stored["extracted"], stored["content"]) == (tiny.EXTRACTED, tiny.CONTENT)


def test_it_learns_the_singers_and_their_colours(tmp_path, material):
    all_along = replace(tiny.training().examples, pretraining=1.0, tuning=0.0)
    short, long = (tiny.training(steps, examples=all_along) for steps in (5, 150))
    before = train_acoustic(Execution(tmp_path / "a"), material, short)
    after = train_acoustic(Execution(tmp_path / "b"), material, long)
    assert after["valid_mel"] < 0.7 * before["valid_mel"]
    model = load_acoustic(tmp_path / "b", CPU)
    content = np.random.default_rng(5).standard_normal((12, tiny.CONTENT)).astype(np.float32)
    for number, name in enumerate(model.singers):
        mean = model.mel(content, tiny.melody_of(48, 99), 0.0, name).mean(0)
        likeness = [np.corrcoef(mean, tiny.colour(other))[0, 1] for other in range(3)]
        assert int(np.argmax(likeness)) == number


def test_adversaries_join_at_their_time_and_in_the_end_the_target_alone_is_reconstructed(material):
    config = tiny.training(steps=10, adversaries=tiny.ON)
    torch.manual_seed(0)
    network = Trained(config, 3)
    objective = Objective(network, config, 0, CPU)
    source = examples(material, steps=10)
    groups = [[name for name, _ in objective.losses(source.load(step))] for step in (4, 5, 9)]
    assert groups == [["network"], ["discriminators", "network"], ["discriminators", "network"]]
    late = source.load(9)
    own = late.labels["target"]
    assert 0 < own.sum() < len(own)
    late.values[~own, :, -80:] += 100  # the mel spectrogram of others counts no more
    plain = Objective(Trained(replace(config, adversaries=tiny.OFF), 3), config, 0, CPU)
    (_, loss), *_ = plain.losses(late)
    assert loss < 50


def test_converted_singers_train_the_network_through_the_discriminators(material):
    config = tiny.training(steps=10, adversaries=replace(tiny.OFF, conversion=tiny.ON.conversion))
    network = Trained(config, 3)
    batch = examples(material, steps=10).load(8)
    batch.labels["inside"][:] = 0  # no reconstruction
    losses = dict(Objective(network, config, 0, CPU).losses(batch))
    losses["network"].backward()
    grads = [one.grad.abs().sum() for one in network.network.decoder.parameters() if one.grad is not None]
    assert sum(grads) > 0
