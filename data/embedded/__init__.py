"""Generates demo notes, songs and singing voices, so that everything runs without a download.

* `marker`: tells whether a folder of demo data was completely made by the present version of its generator
* `notes`: generates the demo notes: ten synthetic instruments, in the on-disk format of NSynth
* `singer`: synthesises a singing voice: voiced source, vocal tract, consonants and breath, with its exact pitch
* `songs`: generates the demo songs: drums, bass, chords, a lead and a singer, in the on-disk format of MUSDB18-HQ
* `training_songs`: writes songs made here as shards, as many as one wants, for the beginning of a training
* `voices`: generates the demo singers: clips with accompaniment and exact F0, in the on-disk format of MIR-1K
"""
