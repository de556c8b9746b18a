"""Variants in the graph: partitions once somebody asks for them, made like the main version, refused if unknown."""

import dagster as dg
import pytest
from tiny_assets import REGISTRY, Known, reset

from assets.environment import Configuration, Environment
from assets.graph import Graph
from assets.store.pointers import find


@pytest.fixture
def graph(tmp_path) -> Graph:
    reset()
    return Graph(REGISTRY, Environment(tmp_path, "demo", device="cpu"), Known())


def materialise(graph: Graph, instance: dg.DagsterInstance, *keys: dg.AssetKey, **options):
    selection = dg.AssetSelection.assets(*keys)
    return dg.materialize(graph.definitions(), selection=selection, instance=instance, raise_on_error=False, **options)


def test_the_report_is_made_without_variants_and_with_the_one_that_was_asked_for(graph):
    with dg.DagsterInstance.ephemeral() as instance:
        everything = [graph.key(name) for name in REGISTRY.assets]
        assert materialise(graph, instance, *everything).success, "no partition is there, and none is missed"
        graph.ask(instance, "tiny", ["waveform"])
        graph.ask(instance, "tiny", ["waveform"])  # again
        assert instance.get_dynamic_partitions(graph.asked("tiny")) == ["waveform"]
        assert materialise(graph, instance, graph.key("down", variant=True), partition_key="waveform").success
        assert materialise(graph, instance, graph.key("report")).success
    folder = find(REGISTRY.assets["report"].slot(Configuration(graph.environment)))
    assert folder is not None
    assert (folder / "out").read_text() == "main waveform "


def test_a_name_that_is_no_variant_makes_nothing_and_says_what_there_is(graph):
    with dg.DagsterInstance.ephemeral() as instance:
        assert materialise(graph, instance, graph.key("up"), graph.key("down")).success
        graph.ask(instance, "tiny", ["wave form"])
        result = materialise(graph, instance, graph.key("down", variant=True), partition_key="wave form")
        (failed,) = [one for one in result.all_events if one.is_step_failure]
    assert "'wave form' is no variant of tiny; there are waveform" in str(failed.step_failure_data)
