"""Quality checks warn, whatever has been made."""

import dagster as dg
import pytest
from tiny_graph import Home

from pipelines.definitions import QUALITY


@pytest.mark.parametrize("quality", QUALITY, ids=lambda one: one.scores[0].split("_")[0])
def test_a_check_of_what_was_not_made_warns_and_stops_nothing(tmp_path, quality):
    home = Home(tmp_path)
    checks = quality.checks(home.graph)[:1]
    result = dg.materialize(
        [*home.graph.definitions(), *checks], selection=dg.AssetSelection.checks(*checks), raise_on_error=True
    )
    (found,) = result.get_asset_check_evaluations()
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert found.description == f"not measured: {', '.join(quality.scores)} has not been made; make it and check again"
