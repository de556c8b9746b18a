"""Parts of the denoiser: what it depends on, its norms, the velocity it tells, noise levels, consistency."""

from dataclasses import replace

import pytest
import torch
from test_models_separation import TINY

from models.separation.consistency import between
from models.separation.denoiser import Denoiser, expected_velocity
from models.separation.diffusion import diffuse
from models.separation.norms import FrameNorm
from models.separation.train_denoiser import noise_levels

CPU = torch.device("cpu")


@pytest.mark.parametrize("condition", ["concat", "inject"])
def test_the_denoiser_depends_on_all_it_is_given(condition):
    torch.manual_seed(0)
    network = Denoiser(replace(TINY.denoiser, condition=condition))
    noisy, mixture, sigma = torch.randn(2, 6, 16), torch.randn(2, 6, 16), torch.tensor([0.2, 0.7])
    found = network(noisy, mixture, sigma)
    assert found.shape == noisy.shape
    for other in ((noisy + 1, mixture, sigma), (noisy, -mixture, sigma), (noisy, mixture, sigma.flip(0))):
        assert not torch.allclose(network(*other), found, atol=1e-4)
    with pytest.raises(ValueError, match="15 frames are no multiple of 2"):
        network(noisy[..., :15], mixture[..., :15], sigma)


def test_norms_do_not_see_other_frames():
    torch.manual_seed(0)
    norm = FrameNorm(2, 6)
    hidden = torch.randn(1, 6, 20)
    alone = norm(hidden)
    torch.testing.assert_close(norm(torch.cat([hidden, torch.zeros(1, 6, 50)], 2))[..., :20], alone)
    grouped = alone.detach().unflatten(1, (2, 3))
    torch.testing.assert_close(grouped.mean(2), torch.zeros(1, 2, 20), atol=1e-6, rtol=0)
    torch.testing.assert_close(grouped.var(2, correction=0), torch.ones(1, 2, 20), atol=0.05, rtol=0)


def test_the_expected_velocity_is_that_of_a_normal_distribution():
    """Drawn: x_0 with a known mean and variance, x and v from it; v is regressed on x."""
    generator = torch.Generator().manual_seed(0)
    mean, variance, level = 0.7, 0.3, torch.tensor([0.4])
    clean = (mean + variance**0.5 * torch.randn(200_000, generator=generator))[None, None]
    noisy, velocity = diffuse(clean, torch.randn(clean.shape, generator=generator), level)
    near = (noisy - 0.5).abs() < 0.05
    asked = torch.full((1, 1, 1), 0.5)
    told = expected_velocity(asked, torch.full_like(asked, mean), torch.full_like(asked, variance), level)
    assert told.item() == pytest.approx(velocity[near].mean().item(), abs=0.02)
    at_noise = expected_velocity(asked, torch.full_like(asked, mean), torch.full_like(asked, variance), torch.ones(1))
    assert at_noise.item() == pytest.approx(-mean, abs=1e-6)


def test_a_share_of_the_noise_levels_is_where_sampling_begins():
    torch.manual_seed(0)
    levels = noise_levels(10_000, 0.3, CPU)
    assert (levels == 1).float().mean().item() == pytest.approx(0.3, abs=0.02)
    assert levels[levels < 1].mean().item() == pytest.approx(0.5, abs=0.02)
    assert (noise_levels(100, 0.0, CPU) < 1).all()


def test_what_lies_between_two_estimates_is_a_part_of_the_mixture():
    mixture, vocals = torch.randn(2, 2, 4000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(between(mixture, mixture, mixture, 0.3), mixture, atol=1e-5, rtol=0)
    assert between(mixture, torch.zeros_like(mixture), torch.zeros_like(mixture), 0.3).abs().max() < 1e-5
    louder = between(mixture, 4 * mixture, 4 * mixture, 0.5)
    torch.testing.assert_close(louder, mixture, atol=1e-5, rtol=0)
    half = between(mixture, mixture, mixture / 4, 0.5)  # the geometric mean of 1 and 1/4
    torch.testing.assert_close(half, mixture / 2, atol=1e-5, rtol=0)
    assert between(mixture[:, :100], vocals[:, :100], vocals[:, :100], 0.3).shape == (2, 100)
