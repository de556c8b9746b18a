"""Recordings of singing: reading them, splitting by singer, slicing, targets, training batches, evaluation mixtures.

* `annotations`: reads annotations of pitch, and puts them on the melody grid
* `conditions`: the graded set: harmony, reverberation and crowd added to a clean lead
* `config`: configuration of training examples and of evaluation mixtures
* `corpora`: recognises corpora of singing by the names of their folders and files
* `index`: describes the shards of singing: columns of the index, and clips with their parts
* `ingest`: writes recordings of singing as shards of clips at 16 kHz
* `inspection`: inspects sources before they are stored: where to cut them, what is silent, what is wrong
* `layouts`: finds recordings of singing in a folder: who sings what, and where annotations lie
* `leaks`: checks that evaluation shares no singer, song or accompaniment with training
* `lists`: reads lists of recordings: CSV files that say who sings in which file
* `measures`: measures a recording: bandwidth, pitch, brightness, and doubts about its sample rate
* `mixtures`: writes the fixed evaluation set: clean, with accompaniment, and the graded set
* `segments`: makes training examples of singing with accompaniment from random segments
* `slices`: cuts recordings at silences into slices that together cover everything
* `sources`: reads recordings of singing and tracks of MUSDB18 as mono waves at 16 kHz
* `splits`: assigns singers to splits, whole, and songs that several singers sing to one split
* `targets`: writes the training targets of voices: F0, energy and voicing
"""
