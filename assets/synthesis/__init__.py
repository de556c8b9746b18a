"""The synthesis system as assets: its stages, its evaluation, its report.

* `champion`: the champion among the models of SING: the one in use
* `evaluation`: SING judged: what every system makes of the test notes, the scores, the maps, the costs
* `report`: the report of the synthesis system: one page that a reviewer can read and listen to
* `stages`: SING, stage by stage: autoencoder, embeddings, sequence generator, fine-tuned model; and its competitor
"""
