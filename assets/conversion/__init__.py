"""The conversion system (singing voice conversion with accompaniment) as assets.

* `stages`: targets, mixtures, encoder, melody extractor, content, features, acoustic models, vocoder
* `evaluation`: melodies, converted voices and copies that every system makes of the evaluation set
* `scores`: their scores, quality checks
* `studies`: layer weights, length of fine-tuning, several target singers, cost
* `champion`: the conversion system in use
* `variants`: tables of the variants that were made so far, for the report
* `listening`: listening tests of converted voices
* `report`: the report
"""
