"""v-diffusion: noise levels, the noisy latent, and what the network is asked for.

A noise level σ in [0, 1] is an angle φ = σπ/2 on the circle from signal to noise:

    x_σ = α x_0 + β ε        α = cos φ, β = sin φ
    v   = α ε - β x_0        what the network predicts
    x_0 = α x_σ - β v        ε = β x_σ + α v

Source: Salimans and Ho, arXiv 2202.00512; Plaja-Roglans et al., arXiv 2511.21342, section 3.
Shapes: B batch, D channels of the latent, N frames.
"""

import math

from torch import Tensor


def weights(sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return α and β of noise levels of any shape."""
    angle = sigma * (math.pi / 2)
    return angle.cos(), angle.sin()


def diffuse(clean: Tensor, noise: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return the noisy latent and the velocity asked of the network, (B, D, N) both.

    Args:
        clean: x_0, (B, D, N).
        noise: ε, the same shape.
        sigma: noise level of each, (B,).
    """
    alpha, beta = (one[:, None, None] for one in weights(sigma))
    return alpha * clean + beta * noise, alpha * noise - beta * clean


def reconstruct(noisy: Tensor, velocity: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return the clean latent and the noise that `noisy` and its velocity stand for; σ is a number."""
    alpha, beta = weights(sigma)
    return alpha * noisy - beta * velocity, beta * noisy + alpha * velocity
