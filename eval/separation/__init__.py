"""Evaluation of music source separation: scores, studies, acceptance criteria and the separation report.

* `acceptance`: check the scores of the separation systems against minimum requirements
* `champions`: which system is in use, and why: the contestants on the validation songs
* `figures`: charts of the report: distribution of scores over songs, and SDR over the seconds of a song
* `folders`: score estimates that lie in folders: one folder per track, one audio file per source
* `front`: the front of the report: numbers, verdict, a sound
* `layouts`: finds the sources of tracks in a folder, in the layouts that separation programs write
* `listening`: listening tests of separated vocals: their items, and what the tables say beside the ratings
* `methods`: fixed texts of the report: how it was measured, its files, its model card
* `paper_results`: results of singing voice separation copied from papers, with their source and metric definition
* `paper_tables`: tables that show published results next to the results measured here
* `players`: audio players of the report: excerpts with the most singing, at equal loudness, worst songs first
* `promotion`: decide which separation system is in use, by the validation songs only
* `report`: write the separation report (HTML page) and its machine-readable files
* `report_input`: what the report is written from: folders, tables of scores, requirements
* `score`: score the estimates of systems, stored in shards, against the true sources; medians over tracks
* `song_map`: map of excerpts of the test songs by their sound, which plays what the systems found
* `sounds`: sounds of tracks that are read in parts: from audio files, from shards, or computed from others
* `studies`: score the excerpts of a study, which separates the same songs under several settings
* `study_report`: report sections on the studies: DDIM steps, noise on the latent, weights, variants, cost
* `tables`: tables of the report on systems and songs, and the frames and text formats that they need
"""
