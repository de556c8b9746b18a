"""Synthesised notes judged: scores, controls, tables, and the synthesis report.

* `acceptance`: is a model good enough? Facts from the scores against declared bounds
* `disentanglement`: whether pitch moves only the pitch, and the instrument only the timbre
* `disentanglement_report`: the chapters of the report on the map of instruments and on disentanglement
* `instruments`: the map of learnt instruments: their rows of the embedding table in two dimensions
* `note_metrics`: every metric of one synthesised note against the recording it stands for
* `paper_results`: numbers from papers, typed in once, with where they stand. Never measured here
* `report`: the synthesis report: what SING plays, next to recordings and other systems, as numbers and as sound
* `score`: whole collections of notes, judged note by note into one tidy frame
* `sweeps`: sweeps of the controls, judged: a row a note of the grid, a row a step between two instruments
* `tables`: the tables of the synthesis chapter, from score frames to cells of text
"""
