"""Declares every asset and the function that makes it; makes, audits and publishes versions of assets.

* `conversion/`: the conversion system as assets: stages, evaluation, studies, champion, report
* `datasets/`: data sets as assets: location and version of the raw data, and the shards made from them
* `separation/`: the separation system as assets: stages, evaluation, studies, champion, report
* `store/`: stores each version of an asset as a folder, named by a hash of what it was made from
* `synthesis/`: the synthesis system as assets: stages, evaluation, champion, report
* `audits`: audits that several assets share: damaged shards, rejected recordings, splits, weights
* `champion`: promotion: a challenger becomes the champion if it passes every required criterion
* `code`: computes code versions: hashes of all code of the project that a function can reach
* `declaration`: declares assets: function, inputs, part of the configuration, audits
* `display`: metadata for the web UI: small tables, pictures, loss curves
* `environment`: settings that all assets share, and the configuration of one run
* `experiments`: runs a system with an overridden configuration, and stores the results under a name
* `graph`: converts the declared assets into Dagster definitions
* `judging`: the networks that judge voices, which the user names by file
* `listening`: listening tests: their size in each preset, how they are written, what a report tells of their results
* `names_in_code`: parses Python source: definitions and imports of a module, names that a definition uses
* `origin`: what a report tells of its origin: date, command, hours of training and of data
* `production`: makes a version of a declared asset, audits it, and publishes it if all audits pass
* `progress`: reports the progress of long work to Dagster, as log lines and observations
* `provenance`: records the code, the commit and the machine that results are made with
* `quality`: quality checks: warn if the scores of a system miss the requirements of its preset
* `registry`: registers all declared assets by name
* `steps`: the work of a step of Dagster: an error becomes one line, and a stop signal ends the run
"""
