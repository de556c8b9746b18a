"""The separation system as assets: stages, evaluation, studies, champion, report.

* `champion`: the separation system in use, chosen on the validation songs
* `evaluation`: evaluation of the separation systems: their estimates for the test songs, scores, quality checks
* `listening`: listening tests of separated vocals
* `report`: the report of the separation system
* `stages`: the separation system in stages (songs, codec, latents, denoiser), and the discriminative network
* `studies`: studies of the separation system: sampler steps, moving average, noise in the latents, cost
"""
