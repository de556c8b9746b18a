"""Published codecs and separation networks, used alongside the project's own.

* `codec_networks`: adapts published codecs to the separation system: EnCodec at 24 and 48 kHz, DAC at 44.1 kHz
* `codecs`: list of the published codecs that can be used, and where to download them
* `hub`: downloads, verifies and loads published codecs
* `openunmix`: Open-Unmix (Stöter et al. 2019): a recurrent network that predicts a mask for the vocals
* `separator_networks`: published separators as systems for songs of any length: Hybrid Demucs and Open-Unmix
* `separators`: list of the published separators, where to find their weights, and the setting that selects them
* `weights`: reads published weights from a file, checks them and loads them into a network
"""
