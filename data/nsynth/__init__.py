"""NSynth: its notes, labels and splits, ingestion into shards, and checks for leaks between splits.

* `dataset`: describes NSynth: where to find it, the ranges of its labels, and the split used by SING
* `ingest`: reads NSynth parts into shards: every note is checked, then stored or quarantined with a reason
* `labels`: joins labels to the stored notes: metadata, split, and duplicates found by comparing all notes
* `leaks`: checks that no two splits of NSynth share an (instrument, pitch) pair or identical audio
* `metadata`: reads examples.json of any size, one note at a time, and checks every field
"""
