"""Reading, decoding, checking and storing of audio and its labels. This package holds code only, no audio files.

* `embedded/`: generates demo notes, songs and singing voices, so that everything runs without a download
* `files/`: reads and writes files: audio, archives, downloads and tables, with writes that survive a crash
* `musdb/`: MUSDB18: its tracks and splits, decoding and storing of its stems, and training examples from its songs
* `nsynth/`: NSynth: its notes, labels and splits, ingestion into shards, and checks for leaks between splits
* `pitch/`: pitch trackers by name, on one grid of frames
* `shards/`: recordings stored in TAR shards: writing, random access, quality checks and training batches
* `voices/`: folders of singing: layouts, clips, splits by singer, targets, training examples, evaluation mixtures
* `configuration`: tells which fields of a configuration affect a result, and overrides fields by path
* `decoding`: decodes files of strangers so that a decoder that crashes costs one recording, not the ingest
* `errors`: exceptions for errors that a retry cannot fix, such as invalid input
* `execution`: settings of one piece of work: output folder, listener, device, code version, threads and processes
* `licences`: tells the licence of the data that a model learnt from, for reports
* `processes`: does the same to many items in several processes, in order; they end with the one that started them
* `progress`: measures and reports the progress of long work: amount done, rate and estimated time left
* `signal`: computes spectra and windows that losses and metrics share
"""
