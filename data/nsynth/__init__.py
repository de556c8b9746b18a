"""NSynth: what it is, how it is ingested, labelled and split, and what must not leak between splits.

* `dataset`: NSynth declared: where it comes from, what its labels mean, and SING's split of it
* `ingest`: NSynth parts into shards: every note checked, stored or quarantined with its reason
* `labels`: labels joined to stored notes: metadata, split, and what shows only when all notes are known
* `leaks`: what two splits of NSynth must not share: an (instrument, pitch) pair, or a sound
"""
