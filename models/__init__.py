"""How each system is built and trained.

* `separation/`: separation: vocals out of a mixture by latent diffusion
* `synthesis/`: SING: (instrument, pitch, velocity) to a note
* `training/`: the training loop that all systems share: steps, checkpoints, resuming, several processes
* `losses`: losses: what training minimises. Mean over everything, so they do not depend on batch size
"""
