"""The vocoder of the conversion system: from mel spectrograms to waves, by one of three arms.

* `config`: sizes of the arms and of the discriminators, settings of training and validation.
* `convnext`: one-dimensional ConvNeXt blocks.
* `hifigan`: the arm "hifigan", transposed convolutions and residual blocks.
* `vocos`: the arm "vocos", ConvNeXt blocks and one inverse STFT.
* `excitation`: pulse train and noise, the sound source of the arm "pulses".
* `pitch`: finds F0 in mel spectrograms, for the arm "pulses".
* `pulses`: the arm "pulses", source and predicted filters.
* `network`: builds the network of an arm and lets all be called in the same way.
* `discriminators`: the multi-period and multi-scale discriminators.
* `losses`: losses of generators and discriminators.
* `segments`: training examples from shards of voices and of predicted mel spectrograms.
* `train_vocoder`: training on voices, and fine-tuning on predicted mel spectrograms.
* `griffin_lim`: the baseline without training.
* `copy_synthesis`: measures copy synthesis, by which a training is validated.
* `load`: loads a trained vocoder; waves of any length with bounded memory.
"""
