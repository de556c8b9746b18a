"""MUSDB18: what it is, how its stems are decoded and stored, and how training examples are made of its songs.

* `dataset`: MUSDB18 and MUSDB18-HQ declared: where they are, their tracks, sources and splits
* `errata`: known defects of MUSDB18's songs: the official list, and what listeners have reported since
* `leaks`: what two splits of the songs must not share: a song, or a sound
* `segments`: random stretches of songs to train separation on, each batch a pure function of (seed, step)
* `stems`: the sources of a MUSDB18 track, decoded: from AAC streams or WAV files, from a folder or a zip
* `tracks`: MUSDB18 tracks into shards: a recording per source, all sources of a track sample-aligned
* `vocals`: songs at the rate a system works at: vocals and accompaniment, and the seconds with singing
"""
