"""Pitch trackers that run on clean voices and on mixtures: training targets, the judge of conversions, and baselines.

* `autocorrelation`: our own tracker after Boersma (1993): normalised autocorrelation, octave cost and a Viterbi path
* `compiled`: librosa with its compiled functions, loaded by one process at a time
* `neural`: trackers that run a small trained network: CREPE, SwiftF0 and PESTO
* `octaves`: checks tracks for octave errors above 1 kHz, and corrects them
* `trackers`: all trackers by name, on one grid of frames
* `tracks`: compares two pitch tracks
"""
