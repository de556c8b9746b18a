"""The synthesis system (SING) as assets: stages, evaluation, champion, report.

* `champion`: the champion: the SING model in use, replaced when a challenger passes every required criterion
* `evaluation`: evaluation of SING: notes of each system, scores, instrument map, sweeps, cost, quality checks
* `listening`: listening tests of synthesised notes
* `report`: the report of the synthesis system
* `stages`: training of SING in stages (autoencoder, embeddings, sequence generator, fine-tuning), and its baseline
"""
