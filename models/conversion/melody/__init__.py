"""The melody extractor: pitch, energy and voicing of the voice in a mixture, and features of its melody.

* `published/`: published encoders, used alongside the project's own
* `augment`: random equaliser and random masks for training examples
* `config`: configuration of the networks and of their trainings
* `encoder`: encoders: networks that turn a wave into layers of frames; the project's own
* `examples`: training examples as tensors
* `extractor`: the network of the melody extractor
* `load`: loads encoders and extractors, and extracts melodies of recordings of any length
* `pitch`: codes pitch for the one linear layer, and decodes it
* `spectrum`: harmonic spectrum: the input of the project's own encoder
* `train_encoder`: trains the project's own encoder without labels
* `train_extractor`: trains the melody extractor
* `validation`: accuracy of an extractor on validation voices, while it is trained
"""
