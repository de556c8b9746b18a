"""SING: synthesises a note from instrument, pitch and velocity (Défossez et al. 2018, arXiv 1810.09785).

* `harmonic/`: the variant `harmonic`: SING's three stages with a decoder that knows the pitch
* `autoencoder`: SING's convolutional autoencoder (paper section 3.1): waveform to embedding frames and back
* `baselines`: baselines for SING: a copy of the nearest training note, and a Griffin-Lim oracle
* `config`: configurations of SING: sizes of the networks, training of each stage, evaluation
* `cost`: measures the cost of SING and of the WaveNet: training, speed, compression, size (the paper's Table 2)
* `describe`: counts the parameters, shapes and arithmetic of a preset of SING for one note of 4 s
* `embed`: writes the embedding frames of the training notes as shards, the targets of stage 2
* `estimates`: writes the notes that each system generates for the evaluation, as shards
* `load`: loads what the three stages trained, whichever networks they were
* `music`: plays ranges of notes, chords and MIDI files
* `notes`: converts notes for SING: label rows, padded waveforms, training batches, validation figures
* `pitch`: describes a pitch by smooth features
* `plan`: the trainings of a preset of SING, as a plan measures them
* `presets`: named presets of SING, and its variants: the rows of the paper's Table 1, and `harmonic`
* `sampling`: draws samples from the WaveNet decoder one by one, with cached layer inputs
* `sequence`: SING's sequence generator (paper section 3.3): an LSTM from note labels to embedding frames
* `sing`: the complete SING network (paper section 3): sequence generator followed by decoder
* `sweeps`: generates notes that test each control: pitch sweeps, instrument sweeps, instrument interpolation
* `synthesize`: synthesises notes from their labels, and interpolates between instruments
* `train`: trains SING in three stages (paper section 4), one function per stage
* `train_wavenet`: trains the WaveNet autoencoder baseline on random crops of the training notes
* `wavenet`: WaveNet autoencoder of NSynth (Engel et al. 2017), scaled down: the baseline SING competes with
* `wavenet_config`: configuration of the WaveNet baseline: its sizes and its training
"""
