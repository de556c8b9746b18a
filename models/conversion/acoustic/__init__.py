"""Acoustic model: from content and melody to the mel spectrogram of a singer.

* `batches`: crops of the training material, a pure function of (seed, step)
* `config`: sizes of the networks and settings of the material and of the training
* `discriminators`: the three adversaries: real or fake, converted or not, of the target singer or not
* `features`: writes the training material: melody, content and mel spectrogram of every clip and of altered copies
* `inputs`: what the network is given, and how it is made of content and melody
* `load`: loads an acoustic model and predicts mel spectrograms of any length
* `network`: the acoustic network
* `normalisation`: conditional instance normalisation, and the moments of recordings in pieces
* `perturb`: shifts formants and pitch of a voice, one without the other
* `template`: mel spectrogram of a pulse train at a given F0
* `train_acoustic`: trains it, with its adversaries
* `validation`: figures on held-out clips of the target singer and on held-out singers
"""
