"""DDIM sampler: turns noise into a latent in any number of steps, deterministically or with fresh noise.

With S steps, the noise levels are σ = 1, 1 - 1/S, …, 0. The last step returns the estimate of x_0 itself.

Source: Song et al., arXiv 2010.02502 (DDIM); Plaja-Roglans et al., arXiv 2511.21342. Two equations of the stochastic
form are misprinted in the latter: the ratios of eq. 8 are inverted (its radicand is negative at every step), and
eq. 9 subtracts the variance of the fresh noise from that of the wrong level. The form of the DDIM paper is used:

    δ = η · (β' / β) · √(1 - α² / α'²)        x' = α' x̂_0 + √(β'² - δ²) ε̂ + δ z

with α, β before the step, α', β' after it, estimates x̂_0 and ε̂ of the clean latent and of the noise, and fresh
standard Gaussian noise z.

Shapes: B batch, D latent channels, N latent frames.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from models.separation.diffusion import reconstruct, weights

Network = Callable[[Tensor, Tensor], Tensor]  # noisy latent (B, D, N) and noise level (B,) to velocity (B, D, N)


def levels(steps: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
    """Return evenly spaced noise levels σ from 1 to 0, (steps + 1,)."""
    return torch.linspace(1, 0, steps + 1, device=device, dtype=dtype)


def refresh(now: Tensor, after: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """Return the weights of the estimated noise, √(β'² - δ²), and of the fresh noise, δ, after a step.

    Their squares add up to β'², so the noise power does not depend on η.

    Args:
        now: noise level σ before the step.
        after: noise level σ after it.
        eta: η, the amount of fresh noise, 0 to 1.
    """
    (alpha, beta), (alpha_after, beta_after) = weights(now), weights(after)
    fresh = eta * beta_after / beta * (1 - alpha.square() / alpha_after.square()).clamp_min(0).sqrt()
    return (beta_after.square() - fresh.square()).clamp_min(0).sqrt(), fresh


@torch.no_grad()
def sample(
    network: Network, noise: Tensor, steps: int, *, eta: float = 0.0, fresh: Callable[[int], Tensor] | None = None
) -> Tensor:
    """Return the latent that is sampled from noise with DDIM, (B, D, N). No gradients are computed.

    Args:
        network: function from a noisy latent (B, D, N) and its noise levels (B,) to the velocity (B, D, N).
        noise: initial noise, standard Gaussian, (B, D, N).
        steps: number of steps; each calls the network once.
        eta: η, the amount of fresh noise at every step: 0 (deterministic) to 1.
        fresh: takes the number of the step and returns its fresh noise, standard Gaussian, (B, D, N). Needed unless
            eta is 0.

    Raises:
        ValueError: steps is below 1, or eta is not 0 and `fresh` is missing.

    Example:
        >>> latent = sample(lambda noisy, sigma: denoiser(noisy, condition, sigma), torch.randn(1, 48, 128), steps=20)
    """
    if steps < 1:
        raise ValueError(f"{steps} steps; at least one is needed")
    if eta and fresh is None:
        raise ValueError(f"eta {eta} needs fresh noise: pass the function that draws it")
    noisy, grid = noise, levels(steps, noise.device, noise.dtype)
    for step, (now, after) in enumerate(pairwise(grid)):
        velocity = network(noisy, now.expand(len(noisy)))
        clean, found = reconstruct(noisy, velocity, now)
        if after == 0:
            return clean
        kept, added = refresh(now, after, eta)
        noisy = weights(after)[0] * clean + kept * found
        if eta and fresh is not None:
            noisy = noisy + added * fresh(step)
    raise AssertionError("the last level is zero")
