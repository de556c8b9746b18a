"""The data sets as assets: where they come from, and their shards.

* `musdb`: MUSDB18: from where it lies to checked tracks, and songs at the rate the separation system works at
* `nsynth`: NSynth: from where it lies to checked, split shards
"""
