"""Content of a recording: what is sung, without who sings it and on which notes.

Content features have 256 values at 25 Hz, on the frame law of `models.conversion.frames.content_frames`. They come from
a speech recogniser: a published one (Whisper's encoder), or the project's own, trained without transcripts.

* `bank`: log mel filter bank without padding, the input of the project's own recogniser
* `centre`: takes the local mean of the features away
* `config`: sizes of the recogniser and settings of both roads
* `load`: loads a content network and computes the content of recordings of any length
* `recogniser`: the project's own recogniser: subsampling by four, FFT blocks, a bottleneck
* `train_recogniser`: trains it, on voices with accompaniment mixed in
* `units`: units of sound, found without transcripts, that it learns to recognise
* `whisper`: content features of a published encoder: one of its layers, projected to whitened components
"""
