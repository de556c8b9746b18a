"""Evaluation of singing voice conversion: scores, studies, acceptance criteria, promotion and the conversion report.

* `acceptance`: check the scores of melody extractor, conversion and vocoder against minimum requirements
* `chapters`: sections of the report, and its limits in words
* `comparisons`: paired comparisons of systems on the same clips
* `figures`: plots of the report: curves over conditions, layer weights, F0 curves over each other
* `folders`: score converted voices and melodies that lie in folders, paired by name
* `front`: the front of the report: numbers, verdict, a sound
* `inputs`: the shards that are judged: clean voices, targets, mixtures, and what was made of them
* `judges`: the F0 family, distortion, and the networks that judge, under the names of the score tables
* `listening`: listening tests of converted voices: their items, and what the tables say beside the ratings
* `measures`: name, heading, direction and definition of every measure
* `melody_score`: score the melodies of mixtures, stored in shards
* `paper_results`: results copied from papers and measured on published examples, with their definitions
* `paper_tables`: tables that show published results next to the results measured here
* `players`: audio players of the report at equal loudness, worst clips first, with remix
* `promotion`: decide on validation clips whether a system becomes the champion
* `report`: write the conversion report (HTML page) and its machine-readable files
* `report_input`: what the report is written from: folders, tables of scores, requirements
* `score`: score converted voices, stored in shards
* `singer_map`: map of the speaker embeddings of clean and converted voices
* `studies`: tables and plots of the studies
* `systems`: names of systems and conditions, and what all score tables have in common
* `tables`: tables of the report on systems, conditions and clips
* `variants`: tables of variants of a system and of their paired differences
* `vocoder_score`: score copy synthesis by vocoders, stored in shards
* `voices`: judge converted voices one by one
"""
