"""Published codecs and separation networks, used alongside the project's own.

* `codec_networks`: adapts published codecs to the separation system: EnCodec at 24 and 48 kHz, DAC at 44.1 kHz
* `codecs`: list of the published codecs that can be used, and where to download them
* `hub`: copies published codecs from the hub, verifies and loads them
* `openunmix`: Open-Unmix (Stöter et al. 2019): a recurrent network that predicts a mask for the vocals
* `separator_networks`: published separators as systems for songs of any length: Hybrid Demucs, Open-Unmix, Spleeter
* `separators`: list of the published separators, where to find their weights, and the setting that selects them
* `spleeter`: Spleeter with 2 stems (Hennequin et al. 2020): two U-Nets on the spectrogram of a stereo mixture
* `tensorflow_bundle`: reads TensorFlow's checkpoint format without TensorFlow
* `weights`: reads published weights from a file, checks them and loads them into a network
"""
