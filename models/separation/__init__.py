"""Separation: vocals out of a mixture by latent diffusion."""
