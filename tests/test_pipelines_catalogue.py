"""What a newcomer reads in the web UI: every asset, check, job and sensor says what it is, needs and costs."""

import dagster as dg
import pytest

from assets.graph import OWNERS
from pipelines.definitions import QUALITY, build_defs, make_graph


@pytest.fixture
def definitions(settings) -> dg.Definitions:
    return build_defs(settings)


def sentence(text: str | None) -> bool:
    """Return whether a text begins with a plain sentence on one line."""
    first = (text or "").split("\n")[0]
    return 20 <= len(first) <= 160 and first[0].isupper() and first.rstrip().endswith((".", "?"))


def test_every_asset_has_one_plain_sentence_an_owner_a_group_and_kinds(definitions):
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert sentence(node.description), (key, node.description)
        assert node.group_name != "default", key
        assert node.kinds, key
        if node.is_executable and not node.is_observable:
            assert node.owners == OWNERS, key


def test_every_check_says_what_must_be_true(definitions):
    graph = definitions.resolve_asset_graph()
    assert len(graph.asset_check_keys) > 40
    for key in graph.asset_check_keys:
        assert sentence(graph.get_check_spec(key).description), key


def test_every_job_says_what_it_makes_needs_and_costs(definitions, settings):
    jobs = [one for one in definitions.jobs or () if not one.name.startswith("__")]
    assert len(jobs) == 11
    for job in jobs:
        assert sentence(job.description.split(". ")[0] + "."), job.description
        assert "Needs: " in job.description, job.name
        assert "Costs: " in job.description, job.name
    (one,) = [job for job in jobs if job.name == "synthesis_ablations"]
    for variant in make_graph(settings).variants("synthesis"):
        assert variant in one.description


def test_every_sensor_says_what_it_does(definitions):
    assert all(sentence(one.description.split(". ")[0].rstrip(".") + ".") for one in definitions.sensors)


@pytest.mark.parametrize("quality", QUALITY, ids=["synthesis", "separation", "conversion"])
def test_a_check_of_something_that_is_missing_says_what_to_make(settings, quality):
    graph = make_graph(settings)
    check = quality.checks(graph)[0]
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [check, *graph.definitions()], selection=dg.AssetSelection.checks(check), instance=instance
        )
        (found,) = result.get_asset_check_evaluations()
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert "has not been made; make it and check again" in found.description
