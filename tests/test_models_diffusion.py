"""v-diffusion and DDIM: identities that hold to rounding."""

from itertools import pairwise

import pytest
import torch

from models.separation.diffusion import diffuse, reconstruct, weights
from models.separation.sampler import levels, refresh, sample


def oracle(clean: torch.Tensor):
    """The network that knows the answer."""

    def network(noisy: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        alpha, beta = (one[:, None, None] for one in weights(sigma))
        noise = (noisy - alpha * clean) / beta
        return alpha * noise - beta * clean

    return network


def latents(*seeds: int) -> list[torch.Tensor]:
    return [torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in seeds]


def test_the_circle_goes_from_signal_to_noise():
    clean, noise = latents(0, 1)
    for level, expected, velocity in ((0.0, clean, noise), (1.0, noise, -clean)):
        noisy, asked = diffuse(clean, noise, torch.full((2,), level, dtype=torch.float64))
        torch.testing.assert_close(noisy, expected)
        torch.testing.assert_close(asked, velocity)
    alpha, beta = weights(torch.linspace(0, 1, 11, dtype=torch.float64))
    torch.testing.assert_close(alpha.square() + beta.square(), torch.ones(11, dtype=torch.float64))


def test_signal_and_noise_come_back_from_the_velocity():
    clean, noise = latents(0, 1)
    for level in (0.1, 0.5, 0.9):
        noisy, velocity = diffuse(clean, noise, torch.full((2,), level, dtype=torch.float64))
        found, left = reconstruct(noisy, velocity, torch.tensor(level, dtype=torch.float64))
        torch.testing.assert_close(found, clean)
        torch.testing.assert_close(left, noise)


@pytest.mark.parametrize("steps", [1, 5, 20, 50])
def test_the_oracle_is_recovered_to_rounding(steps):
    clean, noise = latents(0, 1)
    found = sample(oracle(clean), noise, steps)
    assert (found - clean).abs().max() < 1e-13


def test_fresh_noise_keeps_the_noise_power():
    grid = levels(50, dtype=torch.float64)
    for eta in (0.0, 0.4, 1.0):
        for now, after in pairwise(grid[:-1]):
            kept, fresh = refresh(now, after, eta)
            assert torch.isfinite(kept)
            assert 0 <= fresh <= weights(after)[1]
            torch.testing.assert_close(kept.square() + fresh.square(), weights(after)[1].square())


def test_the_oracle_forgives_fresh_noise_that_can_be_drawn_again():
    clean, noise = latents(0, 1)
    found = [sample(oracle(clean), noise, 10, eta=0.8, fresh=lambda step: latents(step + 2)[0]) for _ in range(2)]
    assert (found[0] - clean).abs().max() < 1e-12
    torch.testing.assert_close(found[0], found[1], rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"eta 0\.8 needs fresh noise"):
        sample(oracle(clean), noise, 10, eta=0.8)


def test_no_steps_are_refused():
    with pytest.raises(ValueError, match="0 steps"):
        sample(oracle(torch.zeros(1, 1, 1)), torch.zeros(1, 1, 1), 0)
