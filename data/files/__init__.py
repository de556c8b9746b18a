"""Reads and writes files: audio, archives, downloads and tables, with writes that survive a crash.

* `archive`: reads the members of a .tar.gz as a stream; nothing is unpacked to disk
* `audio`: reads, writes and resamples audio; the only module that uses the audio libraries soundfile and soxr
* `containers`: reads audio from containers that libsndfile does not support (M4A, MP4, WebM, WMA), in blocks
* `download`: downloads files: resumes after a broken connection and checks the finished file
* `durable`: writes files atomically: a file is complete or absent, also after a crash
* `hub`: downloads published networks from the Hugging Face hub: config.json and the weights, of one revision
* `names`: makes and checks ids that are safe as file names, for text that comes from metadata
* `tables`: reads and writes Parquet tables, with page checksums and with JSON metadata in the file
* `weights`: reads the tensors of weights files that others published, and nothing else of them
"""
