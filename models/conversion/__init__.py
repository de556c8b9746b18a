"""Singing voice conversion with accompaniment: the voice of a mixture, sung again by another singer.

After Chen et al., arXiv 2502.04722.

* `melody/`: encoders of sound, and the melody extractor
* `content/`: what is sung
* `acoustic/`: from melody and content to the mel spectrogram of a singer
* `vocoder/`: from mel spectrograms to waves
* `config`: configuration of the whole system
* `presets`: named presets, and the variants of the melody extractor
* `frames`: the frame grids and their lengths
* `mel`: the mel spectrogram between acoustic model and vocoder
* `blocks`: feed-forward Transformer blocks, which the networks are built of
* `key`: by how many semitones the pitch is shifted
* `convert`: converts a recording
* `load`: loads the trained system
* `files`: reads music files, writes voices, melodies and remixes
* `baselines`: the systems that are compared
* `estimates`: writes what systems make of the evaluation mixtures
* `forgetting`: measures what an encoder forgets while it is fine-tuned on melody
* `several`: converts a few clips to several singers of the training
* `copies`: writes copies of voices by vocoders
* `predicted`: writes predicted mel spectrograms, to train the vocoder further on
* `cost`: measures speed and memory
* `plan`: the trainings of a preset, as a plan measures them
* `describe`: modules, parameters and rates of a preset
"""
