"""Networks that others have published, as codecs and separators beside our own.

* `codec_networks`: published codecs in the place of our own: EnCodec at 24 kHz and 48 kHz, DAC at 44.1 kHz
* `codecs`: published codecs: which there are and where they lie on the hub
* `hub`: published codecs fetched, verified and loaded
* `openunmix`: Open-Unmix (Stöter et al. 2019): vocals by a mask on the mixture's magnitudes, out of a recurrent
  network
* `separator_networks`: published separators, ready for any length: Hybrid Demucs and Open-Unmix
* `separators`: published separators to be judged beside ours: which there are, where their weights lie
* `weights`: weights that others published: read from a file, checked, and put into a network
"""
