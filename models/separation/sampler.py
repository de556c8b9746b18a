"""DDIM: from noise to a latent in any number of steps, deterministic or with fresh noise.

The noise levels are σ = 1, 1 - 1/T, …, 0. The last step returns the estimate of x_0 itself.

Source: Song et al., arXiv 2010.02502; Plaja-Roglans et al., arXiv 2511.21342. Two of the printed
equations of the stochastic form cannot be meant: the ratios of eq. 8 are upside down (its radicand is
negative at every step), and eq. 9 takes the fresh noise from the wrong variance. DDIM's own form is used:

    δ = η · (β' / β) · √(1 - α² / α'²)        x' = α' x̂_0 + √(β'² - δ²) ε̂ + δ z

with α, β before the step, α', β' after it and fresh Gaussian z.
Shapes: B batch, D channels of the latent, N frames.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from models.separation.diffusion import reconstruct, weights

Network = Callable[[Tensor, Tensor], Tensor]


def levels(steps: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
    """Return the noise levels from 1 to 0, (steps + 1,)."""
    return torch.linspace(1, 0, steps + 1, device=device, dtype=dtype)


def refresh(now: Tensor, after: Tensor, eta: float) -> tuple[Tensor, Tensor]:
    """Return what a step from level `now` to `after` keeps of the noise and adds of fresh noise.

    Their squares add up to β'²: the noise power does not depend on η.
    """
    (alpha, beta), (alpha_after, beta_after) = weights(now), weights(after)
    fresh = eta * beta_after / beta * (1 - alpha.square() / alpha_after.square()).clamp_min(0).sqrt()
    return (beta_after.square() - fresh.square()).clamp_min(0).sqrt(), fresh


@torch.no_grad()
def sample(
    network: Network, noise: Tensor, steps: int, *, eta: float = 0.0, fresh: Callable[[int], Tensor] | None = None
) -> Tensor:
    """Return the latent that `network` makes of `noise`, (B, D, N).

    Args:
        network: called with a noisy latent (B, D, N) and its noise level (B,), returns the velocity.
        noise: standard Gaussian, (B, D, N).
        steps: calls of the network.
        eta: share of fresh noise, 0 is deterministic.
        fresh: returns the fresh noise of a step, like `noise`; needed where eta is not 0.

    Raises:
        ValueError: steps below 1, or a share of fresh noise without any.
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
