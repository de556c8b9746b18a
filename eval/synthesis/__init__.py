"""Evaluation of synthesised notes: scores, control sweeps, tables and the report.

* `acceptance`: acceptance checks that decide whether a SING model is good enough to be promoted
* `disentanglement`: measures of how independently pitch and instrument control a synthesised note
* `disentanglement_report`: section of the synthesis report on disentanglement
* `front`: the front of the report: numbers, verdict, a sound
* `instrument_map`: section of the synthesis report on the map of instruments, which is played like an instrument
* `instruments`: t-SNE map of the learnt instrument embeddings
* `listening`: listening tests of synthesised notes: their items, and what the tables say beside the ratings
* `note_metrics`: all metrics of one synthesised note against its recording
* `paper_results`: results published in the SING paper, for comparison; nothing here is measured by this project
* `players`: sound players of the report: the worst, typical and best test notes
* `report`: the synthesis report: HTML page, metrics as JSON, LaTeX table, model card and scores
* `report_input`: what the report is written from: folders, tables of scores, requirements
* `score`: scores of collections of notes, from shards or from folders of sound files
* `sweeps`: scores of notes in which pitch or instrument is varied, and of interpolations between instruments
* `tables`: tables of the synthesis report, made from data frames of scores
"""
