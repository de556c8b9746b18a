"""Metrics as pure functions: arrays in, a number out, reference first.

* `bss`: BSS Eval version 4: SDR, ISR, SIR and SAR of every second, as museval defines them
* `embedding`: distance between embeddings: what an encoder makes of an estimate against the reference
* `pitch`: pitch of single notes: a tracker, and errors in cents against a known pitch
* `sdr`: separation scores, each under its own name: never “SDR” alone
* `spectral`: distances between spectra. Reference first, always; smaller is better
* `tsne`: maps of learnt embeddings, and numbers that say whether the map may be believed
* `waveform`: distances between waveforms, sample by sample. Reference first; smaller is better
"""
