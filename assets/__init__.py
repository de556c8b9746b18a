"""What exists, and from what: every asset and its checks."""

import warnings

# Checks of partitions are in preview in Dagster; we test that they get the one partition judged.
warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec")
