"""Networks of each system, and their training.

* `separation/`: separation: vocals out of a mixture by latent diffusion
* `synthesis/`: SING: synthesises a note from instrument, pitch and velocity
* `training/`: the training loop that all systems share: optimiser steps, checkpoints, resuming, several processes
* `losses`: training losses of waveforms: the spectral loss of SING, and the mean squared error
"""
