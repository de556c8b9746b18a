"""SING's stages do what the paper says: how many updates, from which weights, on how much of a note."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import write_nsynth

from data.execution import Execution
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from data.shards.reader import Shards
from models.losses import spectral
from models.synthesis import train as stages
from models.synthesis.baselines import NearestPitchCopy, griffin_lim
from models.synthesis.config import AutoencoderConfig, OnsetTraining, SequenceConfig, SynthesisConfig
from models.synthesis.embed import embed
from models.synthesis.notes import label_tensors
from models.synthesis.sequence import SequenceGenerator
from models.training.checkpoint import load
from models.training.config import FitConfig

CPU = torch.device("cpu")
FIT = FitConfig(steps=1, batch_size=2, learning_rate=1e-2, validate_every=1, checkpoint_every=1)
TINY = SynthesisConfig(
    autoencoder=AutoencoderConfig(channels=8, dimension=4, rewrites=1, fourier=True),
    sequence=SequenceConfig(hidden=6, layers=1, dimension=4),
    train_autoencoder=FIT,
    train_sequence=FIT,
    fine_tune=FIT,
    validation_notes=2,
)


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    part = write_nsynth(folder / "nsynth-train", 2, range(60, 66), (25, 127))
    ingest(Execution(folder / "shards"), [Part(part.name, part)])
    return folder / "shards"


@pytest.fixture(scope="module")
def first_stage(tmp_path_factory, notes):
    folder = tmp_path_factory.mktemp("stage-1")
    stages.train_autoencoder(Execution(folder / "autoencoder"), notes, TINY.autoencoder_training)
    embed(Execution(folder / "embeddings"), notes, folder / "autoencoder", TINY.pitch_shifts)
    return folder


def test_a_batch_of_stage_2_is_nine_updates_that_remember_but_do_not_reach_back(tmp_path, notes, first_stage):
    embeddings = first_stage / "embeddings"
    stages.train_sequence(
        Execution(tmp_path / "ours"), embeddings, first_stage / "autoencoder", notes, TINY.sequence_training
    )
    trained = load(tmp_path / "ours" / "model").tensors

    torch.manual_seed(FIT.seed)
    network = SequenceGenerator(TINY.sequence)
    optimiser = torch.optim.Adam(network.parameters(), lr=FIT.learning_rate)
    shards = Shards(embeddings)
    order = np.random.default_rng([FIT.seed, 0]).permutation(len(shards))[:2]
    target = torch.from_numpy(np.stack([shards.read(row) for row in order])).float()  # (B, N, D)
    columns = stages.label_columns(shards)
    rows = label_tensors({name: column[order] for name, column in columns.items()}, CPU)
    state, updates = None, 0
    for start in range(0, 265, 32):
        output, state = network(network.labels(*rows), start, min(32, 265 - start), state)
        loss = (output.transpose(1, 2) - target[:, start : start + 32]).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        state, updates = tuple(one.detach() for one in state), updates + 1
    assert updates == 9
    for name, one in network.state_dict().items():
        assert torch.allclose(trained[name], one, atol=1e-6), name


def test_stage_3_begins_with_what_the_stages_before_have_learnt(tmp_path, notes, first_stage):
    autoencoder = first_stage / "autoencoder"
    still = replace(TINY, fine_tune=replace(FIT, learning_rate=0.0))
    stages.train_sequence(
        Execution(tmp_path / "two"), first_stage / "embeddings", autoencoder, notes, TINY.sequence_training
    )
    stages.fine_tune(Execution(tmp_path / "three"), notes, autoencoder, tmp_path / "two", still.fine_tuning)
    final = load(tmp_path / "three" / "model").tensors
    sequence, rebuilt = load(tmp_path / "two" / "model").tensors, load(autoencoder / "model").tensors
    assert all(torch.equal(final[f"sequence.{name}"], one) for name, one in sequence.items())
    assert all(torch.equal(final[name], one) for name, one in rebuilt.items() if name.startswith("decoder."))


def test_beginnings_are_trained_on_three_times_of_four():
    onsets = OnsetTraining(frames=112, whole_every=4)
    assert [onsets.at(step, 265) for step in range(8)] == [112, 112, 112, 265] * 2
    assert [OnsetTraining().at(step, 265) for step in range(3)] == [265] * 3


def test_the_beginning_of_a_note_is_the_same_as_in_the_whole(notes, first_stage):
    network = stages.Sing(TINY.autoencoder, TINY.sequence).eval()
    rows = [torch.tensor([one]) for one in (0, 60, 1)]
    with torch.no_grad():
        whole, beginning = network(*rows), network(*rows, 40)
    assert beginning.shape == (1, TINY.autoencoder.wave_length(40))
    # The last samples of a beginning lack the frames that come after it.
    assert torch.allclose(beginning, whole[:, : beginning.shape[1]], atol=1e-6)


def test_the_nearest_copy_is_a_training_note_moved_to_the_pitch(notes):
    shards = Shards(notes)
    copies = NearestPitchCopy(shards)
    train = set(shards.rows(split="train").tolist())
    for row in range(len(shards)):
        label = [int(shards.column(name)[row]) for name in ("instrument", "pitch", "velocity")]
        found, semitones = copies.find(*label)
        assert found in train
        assert int(shards.column("instrument")[found]) == label[0]
        assert int(shards.column("pitch")[found]) + semitones == label[1]
    assert copies.find(99, 60, 25) is None


def test_griffin_lim_finds_phases_for_the_true_magnitudes():
    time = torch.arange(64_000) / 16_000
    wave = (0.3 * torch.sin(2 * torch.pi * 440 * time))[None]
    found = griffin_lim(wave, iterations=30)
    assert found.shape == wave.shape
    silence = spectral(wave, torch.zeros_like(wave))
    assert spectral(wave, found) < 0.1 * silence
    assert not torch.allclose(found, wave, atol=0.05)


def test_the_objective_sees_no_test_note(monkeypatch, tmp_path, notes):
    seen: set[int] = set()
    batches = stages.training_batches

    def watched(*arguments):
        source = batches(*arguments)
        load_batch = source.load

        def load_and_note(step, out=None):
            batch = load_batch(step, out)
            seen.update(batch.rows.tolist())
            return batch

        source.load = load_and_note
        return source

    monkeypatch.setattr(stages, "training_batches", watched)
    longer = replace(TINY, train_autoencoder=replace(FIT, steps=20))
    stages.train_autoencoder(Execution(tmp_path), notes, longer.autoencoder_training)
    shards = Shards(notes)
    assert seen == set(shards.rows(split="train").tolist())
