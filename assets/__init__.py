"""What exists, and from what: every asset as it is declared, and how it becomes a version in the store.

* `datasets/`: the data sets as assets: where they come from, and their shards
* `separation/`: the separation system as assets: its stages, its evaluation, its studies, its report
* `store/`: the store: every version of every asset as a folder, named by what it was made from
* `synthesis/`: the synthesis system as assets: its stages, its evaluation, its report
* `audits`: audits that several assets share: bytes that are what was written, few rejections, finite weights
* `champion`: promotion: a challenger becomes the champion if it passes every required criterion
* `code`: versions of code: a hash of everything that a function can reach inside the project
* `declaration`: how an asset is declared: a function, the folders it takes, its slice of the configuration, its audits
* `display`: what the web UI shows of an asset: small tables, pictures, loss curves
* `environment`: what the environment decides for every asset, and the configuration of one run
* `experiments`: a system made with some of its configuration overridden, under a name of its own
* `graph`: the declared assets as Dagster knows them: definitions, materialisations, checks, observations
* `names_in_code`: Python source taken apart: what a module defines and imports, and the names in a definition
* `production`: from a declared asset to a version of it: inputs found, work done, audits passed, and only then current
* `progress`: progress of long work, told to Dagster: a log line and, for the plots, an observation
* `provenance`: by what code and on what machine results are made, as it was when this process started
* `quality`: quality checks: whether the scores of a system show what its preset asks for
* `registry`: every asset that is declared, by name
"""
