"""The training loop that all systems share: steps, checkpoints, resuming, several processes.

* `checkpoint`: checkpoints as plain data: tensors in safetensors, everything else in JSON. No pickle
* `config`: what every training stage of every system is told: how long, how fast, how often to look
* `fit`: the training loop of every system: steps, validation, checkpoints, history, resume
* `history`: the history of a training: one row of figures a window, as JSON lines while it runs
* `interrupt`: SIGTERM and SIGINT as a wish: the loop ends at the next step, after a checkpoint
* `muon`: Muon (Jordan 2024): steepest descent for matrices under the spectral norm
* `processes`: several training processes as one: what `torchrun` starts, averaged after each backward pass
* `seeds`: seeds of random draws: a pure function of what they are for
* `stage`: a training stage: what is trained, on what batches, towards what
* `state`: everything a training is, as named tensors: weights, moving average, optimiser moments
* `train`: a stage of any system trained to the end and kept: the frame that is the same for all of them
"""
