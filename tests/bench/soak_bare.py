"""Definitions of Dagster alone, as many assets as the soak materialises in a run: what grows here is not ours."""

import dagster as dg

NAMES = ("a", "b", "c", "d", "e", "f")


def _asset(name: str) -> dg.AssetsDefinition:
    @dg.asset(name=name)
    def made() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"rows": 1})

    return made


defs = dg.Definitions([_asset(name) for name in NAMES], executor=dg.in_process_executor)
