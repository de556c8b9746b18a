"""Recordings stored in TAR shards: writing, random access, quality checks and training batches.

* `augment`: augments training examples; the randomness depends only on (seed, step)
* `curriculum`: sources of batches one after the other
* `duplicates`: finds recordings with identical audio, and decides which copies to remove from which split
* `loader`: loads training batches of recordings; each batch is a pure function of (seed, step)
* `quality`: detects defects of a recording from its samples
* `reader`: reads shards: any recording or segment of one, located by the index and checked by its checksum
* `units`: writes shards unit by unit; after a stop, units that are stored already are not made again
* `writer`: writes recordings into TAR files (shards) with a Parquet index that locates each recording
"""
