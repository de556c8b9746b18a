"""Metrics that compare an estimate with its reference: pure functions on arrays.

The reference is always the first argument.

* `blocks`: sounds that are compared in blocks, so that memory does not grow with their length
* `bss`: BSS Eval version 4 as museval defines it: SDR, ISR, SIR and SAR of each frame of a track
* `correlations`: cross-correlations of sounds of any length
* `delay`: by how much an estimate lags behind its reference
* `energies`: ratios of the energies of a whole track: uSDR and SI-SDR
* `f0`: the F0 family: pitch of an estimate against that of its reference, each measure under its own name
* `hearing`: which share of the loudness of a sound is wrong in an estimate
* `mcd`: mel-cepstral distortion, mel and loudness distance of two voices
* `melody`: tables of pitch over time, and the measures of melody extraction, equal to those of mir_eval
* `pitch`: pitch tracker for single notes, and pitch errors in cents
* `quality`: speech quality: a network that predicts what listeners would say, without a reference
* `recognition`: word and character error rates, and a speech recogniser
* `sdr`: all separation metrics of a track, each under a name that states its definition
* `speaker`: speaker encoders, and the similarity of voices
* `spectral`: distances between magnitude spectra of two waveforms
* `tsne`: t-SNE maps of learnt embeddings, and numbers that show how far a map can be trusted
* `waveform`: sample-by-sample distances between two waveforms, and loudness
* `warping`: dynamic time warping of two sequences in a band around the diagonal
* `whole_track`: the separation metrics that have one value for a whole track
"""
