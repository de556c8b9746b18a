"""Networks of each system, and their training.

* `conversion/`: singing voice conversion: sings the voice in a mixture again as another singer
* `separation/`: singing voice separation: extracts the vocals from a mixture by latent diffusion
* `synthesis/`: SING: synthesises a note from instrument, pitch and velocity
* `training/`: the training loop that all systems share: optimiser steps, checkpoints, resuming, several processes
* `losses`: training losses of waveforms: the spectral loss of SING, and the mean squared error
* `measuring`: measures what a system costs on this machine: peak memory against the length of the sound
* `planning`: measures what a training costs before it starts: seconds, operations and memory of a step, on random data
"""
