"""Separated songs judged: scores, studies, tables, players, and the separation report.

* `acceptance`: is a separation system good enough? Facts from the scores of the test songs against declared bounds
* `figures`: the pictures of the separation chapter: how scores lie over songs, and how they go over the seconds of a
  song
* `folders`: anybody's separation judged: a folder a track, a sound file a source, paired by name
* `paper_tables`: the tables that put what papers say beside what was measured here, each number with its definition
* `players`: separated songs to listen to: excerpts with the most singing, equally loud, the worst songs first
* `paper_results`: numbers of singing voice separation from papers, typed in once, with where they stand. Never measured
  here
* `report`: the separation report: the vocals that each system finds, between bounds and beside papers, as numbers and
  as sound
* `score`: separation judged: estimates in shards or in folders against their references
* `studies`: studies judged: excerpts of songs under many settings, each against what it should have been
* `study_report`: the chapters of the separation report on its studies: steps of DDIM, noise on the latent, variants,
  cost
* `tables`: the tables of the separation chapter, from score frames to cells of text
"""
