"""Data sets as assets: location and version of the raw data, and the shards made from them.

* `musdb`: MUSDB18: locates the raw data and makes shards of checked tracks
* `nsynth`: NSynth: locates the raw data and makes checked, labelled and split shards of notes
* `ratings`: results of listening tests: locates the files and makes checked ratings
* `voices`: singing: locates the raw recordings and makes shards of checked clips
"""
