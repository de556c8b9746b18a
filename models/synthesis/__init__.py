"""SING: (instrument, pitch, velocity) to a note.

* `autoencoder`: SING's convolutional autoencoder (paper section 3.1): waveform to frames of 128 values and back
* `baselines`: what SING is judged beside: systems that know less, or cheat, on the same notes
* `config`: configurations of SING: sizes of its networks, and all that decides each stage
* `cost`: what SING and its competitor cost: training, speed, compression, size (the paper's Table 2)
* `describe`: A preset of SING in numbers: modules, parameters, shapes and arithmetic of one 4 s note
* `embed`: the training notes as embedding frames, in shards: what stage 2 learns to generate
* `estimates`: the notes that every system makes for the judges, in shards: one record a (system, note)
* `notes`: notes as SING sees them: label rows, padded waveforms, training batches, validation figures
* `presets`: the named presets of SING, and its variants: the rows of the paper's Table 1
* `sampling`: drawing from the WaveNet decoder, one sample after another, with everything computed once
* `sequence`: SING's sequence generator (paper section 3.3): labels of a note to its embedding, frame by frame
* `sing`: SING (paper section 3): the sequence generator followed by the decoder
* `sweeps`: notes that show whether each control does its own thing: pitch and instrument swept, instruments mixed
* `synthesize`: notes from labels: the verb of the synthesis system
* `train_wavenet`: training of the WaveNet autoencoder baseline on random crops of the training notes
* `train`: SING's three stages (paper section 4), one function each, in order
* `wavenet`: the WaveNet autoencoder of NSynth (Engel et al. 2017, arXiv 1704.01279), SING's competitor, scaled down
"""
