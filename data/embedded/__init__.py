"""Notes, songs and singers that this machine makes by itself, so that everything runs without a download.

* `notes`: the embedded demo data: notes of ten synthetic instruments in NSynth's exact on-disk form
* `singer`: a singer made of formulas: source, vocal tract, consonants, breath, and the exact pitch
* `songs`: the embedded songs: drums, bass, chords, a lead and a singer, in MUSDB18-HQ's form
"""
