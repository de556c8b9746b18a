"""Reads and writes files: audio, archives, downloads and tables, with writes that survive a crash.

* `archive`: reads the members of a .tar.gz as a stream; nothing is unpacked to disk
* `audio`: reads whole audio files, writes them, and resamples
* `checked_json`: reads and writes JSON objects that hold their own checksum
* `containers`: decodes audio with FFmpeg, in blocks: containers (M4A, MP4, WebM, AVI), raw streams (MP3, AAC)
* `download`: downloads files: resumes after a broken connection and checks the finished file
* `durable`: writes files atomically: a file is complete or absent, also after a crash
* `headers`: what the headers of WAV and MP3 files say about their length, and how far that can be believed
* `hub`: downloads published networks from the Hugging Face hub: config.json and the weights, of one revision
* `listing`: lists the files below a folder, following links, and pairs files by their names
* `names`: makes and checks ids that are safe as file names, for text that comes from metadata
* `readers`: opens audio files of every supported format for reading in blocks
* `regular`: opens files that come from anywhere: regular files only, without waiting, and no larger than a limit
* `tables`: reads and writes Parquet tables, with a checksum of the file and JSON metadata in it
* `targets`: checks before the work whether a result can be written where it is wanted
* `weights`: reads the tensors of weights files that others published, and nothing else of them
* `zips`: reads the files of a zip archive; what is wrong with one member is an error of that member alone
"""
