"""Recordings in shards: written, found again by offset, checked, and drawn in batches.

* `augment`: changes of training examples whose randomness depends on (seed, step) alone
* `duplicates`: recordings that are the same sound, and which of them must go
* `loader`: batches of recordings, each a pure function of (seed, step)
* `quality`: what is wrong with a recording, told by a look at its samples
* `reader`: reading shards: any recording, or any stretch of one, by its offset, with its checksum
* `units`: shards written unit by unit: after a stop, what is stored already is not made again
* `writer`: shards: recordings in TAR files that any tool can open, found through a Parquet index
"""
