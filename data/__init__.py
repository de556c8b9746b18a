"""How sound is read, checked, cut and described. Code only: no sound lives here.

* `embedded/`: notes, songs and singers that this machine makes by itself, so that everything runs without a download
* `files/`: files in and out: sound of every format, archives, downloads, tables, writing that survives a crash
* `musdb/`: MUSDB18: what it is, how its stems are decoded and stored, and how training examples are made of its songs
* `nsynth/`: NSynth: what it is, how it is ingested, labelled and split, and what must not leak between splits
* `shards/`: recordings in shards: written, found again by offset, checked, and drawn in batches
* `configuration`: what of a configuration decides a result, and what only observes it
* `errors`: the one exception that means: your input is at fault, here is which and what to do
* `execution`: one piece of work: the folder its files go to, who hears of its progress, what it is computed on
* `progress`: how far long work is, how fast it goes and when it will end
* `signal`: spectra and windows: the signal processing that losses and metrics share
"""
