"""Published encoders, used alongside the project's own: HuBERT, WavLM and Whisper.

* `ctranslate`: reads CTranslate2's format, in which Whisper's weights are published
* `encoders`: list of the published encoders that can be used, and where to download them
* `hub`: copies published encoders from the hub and verifies them
* `networks`: adapts published encoders to the interface of the project's own
"""
