"""The conversion system (singing voice conversion with accompaniment) as assets.

* `stages`: targets, mixtures, encoder, melody extractor, content, features, acoustic models, vocoder
* `evaluation`: melodies, converted voices and copies that every system makes of the evaluation set
* `scores`: their scores, quality checks
* `judging`: identifies the networks that judge
* `studies`: layer weights and cost
* `champion`: the conversion system in use
* `report`: the report
"""
