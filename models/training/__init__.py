"""The training loop that all systems share: optimiser steps, checkpoints, resuming, several processes.

* `checkpoint`: reads and writes checkpoints: tensors in safetensors, everything else in JSON, no pickle
* `config`: configuration of one training stage: number of steps, batch size, optimiser, intervals of reports
* `fit`: runs the training loop of every system: updates, validation, checkpoints, history, resuming
* `history`: records the figures of a running training as JSON lines, one row per reporting window
* `interrupt`: turns SIGTERM and SIGINT into a stop request that the training loop checks after each step
* `memory`: lets a training use freed memory again at once, and tells in one line that the memory was full
* `muon`: Muon optimiser (Jordan 2024): orthogonalised momentum for matrices, Adam for all other parameters
* `processes`: lets several processes train one model together by averaging their gradients
* `seeds`: derives the seeds of random draws from integers such as (seed, step, process)
* `stage`: describes a training stage: network, batches, objective, validation
* `state`: training state as named tensors: weights, moving average, optimiser moments
* `together`: trains one model in several processes of this machine, as one call of a training function
* `train`: trains a stage to its last step and saves the network; used by every system
* `validity`: judges whether a training is broken: weights or figures of a validation that are NaN or infinite
"""
