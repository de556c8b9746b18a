"""v-diffusion: computes the noisy latent and the velocity of a noise level, and the clean latent from both.

A noise level σ in [0, 1] defines an angle φ = σπ/2 between signal (σ = 0) and noise (σ = 1):

    x_σ = α x_0 + β ε        α = cos φ, β = sin φ
    v   = α ε - β x_0        what the network predicts
    x_0 = α x_σ - β v        ε = β x_σ + α v

Source: Salimans and Ho, arXiv 2202.00512; Plaja-Roglans et al., arXiv 2511.21342, section 3.
Shapes: B batch, D latent channels, N latent frames.
"""

import math

from torch import Tensor


def weights(sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return α and β for noise levels σ in [0, 1]; all have the same shape, which can be any."""
    angle = sigma * (math.pi / 2)
    return angle.cos(), angle.sin()


def diffuse(clean: Tensor, noise: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return the noisy latent x_σ and the velocity v that the network has to predict, both (B, D, N).

    Args:
        clean: clean latent x_0, (B, D, N).
        noise: standard Gaussian noise ε, (B, D, N).
        sigma: noise level of each example, in [0, 1], (B,).

    Example:
        >>> noisy, velocity = diffuse(clean, torch.randn_like(clean), torch.rand(len(clean)))
    """
    alpha, beta = (one[:, None, None] for one in weights(sigma))
    return alpha * clean + beta * noise, alpha * noise - beta * clean


def reconstruct(noisy: Tensor, velocity: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return the clean latent x_0 and the noise ε that correspond to a noisy latent and its velocity.

    Args:
        noisy: noisy latent x_σ, (B, D, N).
        velocity: velocity v, (B, D, N).
        sigma: noise level that all examples share, in [0, 1], a tensor without dimensions.
    """
    alpha, beta = weights(sigma)
    return alpha * noisy - beta * velocity, beta * noisy + alpha * velocity
