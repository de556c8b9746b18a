"""What exists, and from what: every asset and its checks.

* `datasets/`: the data sets as assets: where they come from, and their shards
* `separation/`: the separation system as assets: its stages, its evaluation, its studies, its report
* `synthesis/`: the synthesis system as assets: its stages, its evaluation, its report
* `champion`: promotion: a challenger becomes the champion only if it passes every check, the champion included
* `checks`: checks that every data set in shards, and every system that was judged, is put to
* `materialize`: from a recipe to a Dagster result: the one way every asset is made and shown
* `progress`: progress of long work, told to Dagster: a log line and, for the plots, an observation
* `provenance`: where and by what a result was made
* `setup`: what the environment decides for every asset: preset, data, device; and what one run may change
* `store`: the store: a folder per asset and partition, versioned by what it was made from
"""

import warnings

# Checks of partitions are in preview in Dagster; we test that they get the one partition judged.
warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec")
