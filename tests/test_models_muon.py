"""Muon: its directions are orthogonal, its other half is Adam, and it resumes to the same bits."""

from dataclasses import replace

import pytest
import torch
from tiny_training import CONFIG, make_stage, train, write_shards
from torch import nn

from data.execution import Execution
from models.training import muon
from models.training.config import FitConfig
from models.training.fit import fit
from models.training.muon import Muon, matrices, orthogonalised
from models.training.processes import World
from models.training.state import State


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (12, 12)])
def test_singular_values_become_about_one(monkeypatch, shape):
    monkeypatch.setattr(muon, "_working_type", lambda device: torch.float32)
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 1e-3
    found = orthogonalised(matrix)
    left, values, right = torch.linalg.svd(found, full_matrices=False)
    assert values.min() > 0.4
    assert values.max() < 1.3
    # The singular vectors stay: it is the same matrix, flattened.
    rotated = left.T @ matrix @ right.T
    assert (rotated - torch.diag(rotated.diagonal())).abs().max() < 1e-5


@pytest.mark.parametrize("shape", [(64, 256), (64, 64)])
def test_three_digits_give_the_same_direction(monkeypatch, shape):
    matrix, found = torch.randn(shape, generator=torch.Generator().manual_seed(0)), {}
    for kind in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(muon, "_working_type", lambda device, kind=kind: kind)
        found[kind] = orthogonalised(matrix)
        assert found[kind].dtype == torch.float32
    alike = torch.nn.functional.cosine_similarity(*(one.flatten() for one in found.values()), dim=0)
    assert alike > 0.995


def test_the_first_step_by_hand():
    weight = nn.Parameter(torch.zeros(2, 3))
    weight.grad = torch.tensor([[0.0, 3.0, 0.0], [0.0, 0.0, -7.0]])
    Muon([weight], {weight}, lr=0.1).step()
    # Orthogonal rows already: about 0.1 · 0.2 · √3 against each row's only entry.
    expected = 0.1 * 0.2 * 3**0.5
    assert weight[0, 1].item() == pytest.approx(-expected, rel=0.3)
    assert weight[1, 2].item() == pytest.approx(expected, rel=0.3)
    assert torch.count_nonzero(weight) == 2


def test_tables_biases_and_gains_are_trained_as_by_adam():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 2))
    assert matrices(network) == {network[1].weight}
    assert not matrices(nn.LSTM(3, 4))
    other = nn.Sequential(nn.Embedding(4, 3), nn.Linear(3, 2))
    other.load_state_dict(network.state_dict())
    for module in (network, other):
        module[1].weight.requires_grad_(False)
    ours = Muon(network.parameters(), matrices(network), lr=1e-2, beta2=0.99)
    adam = torch.optim.Adam(other.parameters(), lr=1e-2, betas=(0.9, 0.99))
    for _ in range(5):
        for module, optimiser in ((network, ours), (other, adam)):
            module.zero_grad()
            module(torch.tensor([0, 1, 3])).square().sum().backward()
            optimiser.step()
    assert torch.allclose(network[0].weight, other[0].weight, atol=1e-6)
    assert torch.allclose(network[1].bias, other[1].bias, atol=1e-6)


def test_convolution_kernels_are_matrices_of_their_outputs():
    for layer in (nn.Conv1d(5, 7, 3), nn.ConvTranspose1d(7, 1, 9), nn.Conv1d(1, 7, 9)):
        weight = layer.weight
        before = weight.detach().clone()
        weight.grad = torch.randn_like(weight)
        Muon([weight], {weight}, lr=1.0).step()
        moved = (weight.detach() - before).reshape(7, -1)
        assert torch.linalg.svdvals(moved).min() > 0.4 * 0.2 * max(moved.shape) ** 0.5


def test_it_learns_and_resumes_to_the_same_bits(tmp_path):
    shards = write_shards(tmp_path / "shards")
    options = {"optimiser": "muon", "weight_decay": 0.0, "dropout": 0.0, "learning_rate": 3e-2}
    _, early = train(shards, tmp_path / "early", steps=6, **options)
    whole, late = train(shards, tmp_path / "whole", steps=200, **options)
    assert late["loss"] < 0.5 * early["loss"]

    config = replace(CONFIG, steps=200, **{name: one for name, one in options.items() if name != "dropout"})
    stage = make_stage(shards, config, World(), dropout=0.0)
    objective = stage.objective

    def fails(batch):
        if batch.step == 90:
            raise OSError("the machine went down")
        yield from objective(batch)

    stage.objective = fails
    with pytest.raises(OSError, match="went down"):
        fit(stage, config, Execution(tmp_path / "halves"))
    resumed, _ = train(shards, tmp_path / "halves", steps=200, **options)
    states = whole.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_an_unknown_optimiser_is_refused():
    with pytest.raises(ValueError, match="adam or muon"):
        State.start(nn.Linear(2, 2), {}, FitConfig(steps=1, batch_size=1, optimiser="sgd"))
