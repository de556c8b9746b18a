"""The separation system as assets: its stages, its evaluation, its studies, its report.

* `evaluation`: the separation systems judged: what each makes of the test songs, and the scores
* `report`: the report of the separation system: one page that a reviewer can read and listen to
* `stages`: the separation system, stage by stage: codec, latents, denoiser; and the discriminative network
* `studies`: studies of the separation system: steps of the sampler, moving average, noise in the latents, cost
"""
