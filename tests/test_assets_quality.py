"""Quality checks warn, whatever has been made."""

import dagster as dg
import pytest
from tiny_assets import Known, reset, up
from tiny_graph import Home

from assets.declaration import Registry
from assets.environment import Environment
from assets.graph import Graph
from assets.quality import Quality
from eval.acceptance import TITLES, Criterion
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


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (True, "Share in tune: 0.4. Asked: 0.9."),
        (False, "Share in tune: 0.4. Asked: 0.9. What to do: train longer."),
    ],
)
def test_a_check_tells_what_was_found_and_asked_and_what_to_do(tmp_path, passed, said):
    reset()
    graph = Graph(Registry({"up": up}), Environment(tmp_path), Known())
    found = {"in_tune": Criterion(passed, 0.4, 0.9, "share in tune", "train longer")}
    quality = Quality(("up",), lambda folders, environment: found, {"in_tune": "Is it in tune?"})
    result = dg.materialize(
        [*graph.definitions(), *quality.checks(graph)], selection=dg.AssetSelection.assets(graph.key("up"))
    )
    (evaluation,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "in_tune"]
    assert (evaluation.passed, evaluation.description) == (passed, said)


def test_every_check_has_a_title_for_reports():
    assert not {name for one in QUALITY for name in one.questions} - TITLES.keys()
