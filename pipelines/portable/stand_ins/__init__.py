"""What stands in, in an exported model, for code that needs more than torch and soundfile.

Each file replaces a module of the project, or a package, in the code that is exported (`pipelines.portable.bundle`).

* `checkpoint`: reads checkpoints without the package safetensors; for `models.training.checkpoint`
* `published_codec`: says that there is no published codec; for `models.separation.published.hub`
* `sound`: resamples whole recordings with torch alone
* `torchaudio`: the mel filters of torchaudio; for this package
"""
