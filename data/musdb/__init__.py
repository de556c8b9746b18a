"""MUSDB18: its tracks and splits, decoding and storing of its stems, and training examples from its songs.

* `dataset`: describes MUSDB18 and MUSDB18-HQ: where to find them, their tracks, sources and splits
* `errata`: lists known defects of MUSDB18's songs: the official list, and later reports by listeners
* `leaks`: checks that no two splits share a song or identical audio
* `segments`: makes training examples for separation from random segments of songs; pure function of (seed, step)
* `stems`: decodes the sources of a MUSDB18 track, from AAC streams or WAV files, in a folder or a zip
* `tracks`: writes MUSDB18 tracks as shards: one recording per source, all sources of a track sample-aligned
* `vocals`: writes resampled songs as shards: vocals and accompaniment, and which seconds contain singing
"""
