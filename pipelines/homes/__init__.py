"""Where the graph runs: a laptop, a server, a Ray cluster, Kubernetes; with a `dagster.yaml` for each.

* `executors`: chooses what executes the steps of a run, by the setting TESSITURA_EXECUTOR
* `needs`: what each asset needs of a machine, as tags that Ray and Kubernetes place its step by
"""
