"""The variant `harmonic`: SING's three stages with a decoder that knows the pitch; beyond the paper.

* `config`: configuration of the variant: sizes of its networks, and its three stages
* `load`: loads trained networks of the variant
* `networks`: networks of the variant: encoder, decoder that knows the pitch, generator of frames
* `render`: makes waves of partials and noise
* `spectrum`: power spectra of partials and noise in closed form, and of recorded notes moved in pitch
* `train`: trains the variant in three stages, one function per stage
"""
