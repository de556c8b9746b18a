"""Files in and out: sound of every format, archives, downloads, tables, writing that survives a crash.

* `archive`: members of a tar.gz, read as a stream and by our own rules: nothing is ever unpacked
* `audio`: audio files in and out. The only module that touches an audio codec (soundfile, soxr)
* `containers`: sound in containers that libsndfile does not read, such as M4A and MP4, a block at a time
* `download`: downloads that survive a cut line: resumed where they stopped, never spliced, checked at the end
* `durable`: files that are whole or absent: written beside, forced to disk, renamed over
* `names`: names that are safe to store under: what comes from metadata never becomes a path as it is
* `tables`: parquet tables: written whole, with plain metadata beside the rows; read with their checksums
"""
