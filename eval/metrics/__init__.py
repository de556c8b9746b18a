"""Metrics that compare an estimate with its reference: pure functions on arrays.

The reference is always the first argument.

* `bss`: BSS Eval version 4 as museval defines it: SDR, ISR, SIR and SAR of each frame of a track
* `embedding`: distance between the embeddings that an encoder computes of an estimate and of its reference
* `pitch`: pitch tracker for single notes, and pitch errors in cents
* `sdr`: all separation metrics of a track, each under a name that states its definition
* `spectral`: distances between magnitude spectra of two waveforms
* `tsne`: t-SNE maps of learnt embeddings, and numbers that show how far a map can be trusted
* `waveform`: sample-by-sample distances between two waveforms, and loudness
"""
