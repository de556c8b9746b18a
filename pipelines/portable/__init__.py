"""Exports trained models as folders that need nothing of this project: weights, configuration, card and code.

* `stand_ins/`: what stands in, in an exported model, for code that needs more than torch and soundfile
* `bundle`: writes the code that functions reach as a package of its own
* `card`: the model card of an exported model
* `chosen`: finds the model to export and what it consists of
* `export`: writes the folder of an exported model, whole or not at all
* `onnx`: exports the networks that can be traced as ONNX, and compares them with the originals
"""
