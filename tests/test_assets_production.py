"""Write, audit, publish: what fails its audits is never current, what is damaged is made afresh, inputs are held."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tiny_assets import CONTENT, REGISTRY, Known, down, report, reset, up
from tiny_graph import PROVENANCE

from assets import provenance
from assets.declaration import Audit, Decision, Finding, Registry, StoredAsset, Summary, Work
from assets.environment import Configuration, Environment
from assets.graph import Graph
from assets.production import Order, Workshop
from assets.registry import REGISTRY as REAL
from assets.store.pointers import find, lock_path
from assets.store.retention import collect, garbage
from assets.store.versions import Version
from data.errors import InputError
from data.files.durable import write_bytes
from data.progress import ignore


@pytest.fixture(autouse=True)
def content():
    reset()


@pytest.fixture
def environment(tmp_path) -> Environment:
    return Environment(tmp_path, "demo", device="cpu", nsynth="/somewhere")


@pytest.fixture
def workshop() -> Workshop:
    return Workshop(REGISTRY, Known(), ignore, lambda text: None)


def order(asset: StoredAsset, environment: Environment, *, variant="", experiment="", **overrides) -> Order:
    return Order(asset, Configuration(environment, variant, overrides), experiment)


def test_a_version_becomes_current_after_its_audits(workshop, environment):
    made = workshop.produce(order(up, environment))
    assert made.published
    assert find(order(up, environment).slot) == made.version.folder
    assert made.version.record["summary"] == {"place": "place"}
    assert made.version.record["inputs"] == {"source": "1"}


def test_what_fails_an_audit_is_never_current_and_is_there_when_the_audit_passes(workshop, environment):
    first = workshop.produce(order(up, environment))
    CONTENT.update(up=b"bad", source="2")
    refused = workshop.produce(order(up, environment))
    assert not refused.published
    assert refused.findings["good"].advice == "it is bad"
    assert find(order(up, environment).slot) == first.version.folder
    # A click on the next asset builds on what is current, not on what was refused.
    below = workshop.produce(order(down, environment))
    assert (below.version.folder / "out").read_bytes() == b"madegood"
    lenient = replace(up, audits=())
    again = workshop.produce(order(lenient, environment))
    assert (again.published, again.version.reused) == (True, True)
    assert again.version.folder == refused.version.folder


def test_a_damaged_version_is_set_aside_and_made_afresh_in_the_same_run(environment):
    said: list[str] = []
    workshop = Workshop(REGISTRY, Known(), ignore, said.append)
    made = workshop.produce(order(up, environment))
    write_bytes(made.version.folder / "note", b"")
    again = workshop.produce(order(up, environment))
    assert again.published
    assert not again.version.reused
    assert "set aside in" in said[0]
    (aside,) = (made.version.folder.parent.parent / "damaged").iterdir()
    assert (aside / "note").is_file()


def flip(path: Path) -> None:
    """Change one bit of a file, in silence: its size and its time of modification stay."""
    times, content = path.stat(), path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_damaged_input_is_named_and_mended_by_whoever_makes_it(workshop, environment):
    flip(workshop.produce(order(up, environment)).version.folder / "out")
    with pytest.raises(InputError, match=r"damaged \(out: its content is not what was written\); materialise data/up"):
        workshop.produce(order(down, environment))
    assert not workshop.produce(order(up, environment)).version.reused
    assert (workshop.produce(order(down, environment)).version.folder / "out").read_bytes() == b"madegood"


def test_a_version_that_an_audit_cannot_read_is_set_aside_if_a_file_of_it_is_damaged(environment, monkeypatch):
    monkeypatch.setattr("assets.store.record._SMALL", 0)  # as if the file were large: its content is not compared

    def look(folder: Path, environment: Environment) -> Finding:
        if (folder / "out").read_bytes() != CONTENT["up"]:
            raise InputError("out: its checksum differs")
        return Finding(True, {}, "fine")

    said: list[str] = []
    workshop = Workshop(REGISTRY, Known(), ignore, said.append)
    asset = replace(up, audits=(Audit("read", "Can it be read?", look),))
    made = workshop.produce(order(asset, environment)).version
    flip(made.folder / "out")
    again = workshop.produce(order(asset, environment))
    assert (again.published, again.version.reused) == (True, False)
    assert "is damaged, set aside in" in said[0]
    CONTENT["up"] = b"else"  # now it is the audit that is wrong, and the version stays
    with pytest.raises(InputError, match="its checksum differs"):
        workshop.produce(order(asset, environment))
    assert (again.version.folder / "out").read_bytes() == b"good"


def test_a_damaged_champion_is_set_aside_and_made_afresh(environment):
    def promote(run: Configuration, inputs: Mapping[str, Any], former: Path | None) -> Decision:
        return Decision(former is None, {})

    def crown(work: Work, up: Path) -> Summary:
        write_bytes(work.execution.folder / "out", (up / "out").read_bytes())
        return {}

    said: list[str] = []
    workshop = Workshop(REGISTRY, Known(), ignore, said.append)
    workshop.produce(order(up, environment))
    asset = replace(down, function=_named(crown, "down"), variants=(), audits=(), decide=promote)
    first = workshop.produce(order(asset, environment)).version
    assert workshop.produce(order(asset, environment)).version.folder == first.folder
    flip(first.folder / "out")
    again = workshop.produce(order(asset, environment))
    assert (again.version.folder / "out").read_bytes() == b"good"
    assert "the champion is damaged (out: its content is not what was written), set aside in" in said[0]
    assert find(order(asset, environment).slot) == again.version.folder


def test_a_source_is_located_by_whom_it_is_needed_and_known_by_its_version(workshop, environment):
    workshop.produce(order(up, environment))
    assert workshop.produce(order(up, environment)).version.reused
    CONTENT["source"] = "2"
    assert not workshop.produce(order(up, environment)).version.reused
    assert CONTENT["located"] == 3


def test_data_live_once_and_everything_else_by_preset(workshop, environment):
    small = replace(environment, preset="small")
    first = workshop.produce(order(up, environment))
    assert workshop.produce(order(up, small)).version.folder == first.version.folder
    models = {workshop.produce(order(down, one)).version.folder.parent.parent for one in (environment, small)}
    assert {one.parent.name for one in models} == {"demo", "small"}
    embedded = replace(environment, nsynth="")
    assert order(up, embedded).slot.space == "embedded"
    with pytest.raises(InputError, match="embedded/up has not been materialised"):
        workshop.produce(order(down, embedded))


def test_an_experiment_shares_what_it_does_not_change_and_is_compared_with_what_is_in_use(workshop, environment):
    workshop.produce(order(up, environment))
    used = workshop.produce(order(down, environment))
    changes = {"experiment": "longer", "fine_tune.steps": 7}
    tried = workshop.produce(order(down, environment, **changes))
    assert tried.version.record["summary"] == {"steps": 7}
    assert tried.version.record["overrides"] == {"fine_tune.steps": 7}
    assert find(order(down, environment).slot) == used.version.folder
    told = workshop.produce(order(report, environment, **changes)).version
    assert told.record["summary"] == {"in use": str(used.version.folder)}
    assert (told.folder / "out").read_bytes() == b"main longer: {'fine_tune.steps': 7}"
    same = workshop.produce(order(down, environment, experiment="same", **{"sequence.hidden": 8}))
    assert same.version.folder == used.version.folder  # what it overrides is no part of this asset


def test_a_report_takes_the_variants_that_are_there(workshop, environment):
    workshop.produce(order(up, environment))
    workshop.produce(order(down, environment))
    first = workshop.produce(order(report, environment)).version
    assert (first.folder / "out").read_bytes() == b"main "
    workshop.produce(order(down, environment, variant="waveform"))
    second = workshop.produce(order(report, environment)).version
    assert (second.folder / "out").read_bytes() == b"main waveform "


def test_inputs_are_held_while_they_are_read(environment):
    """Whatever becomes of the pointers meanwhile, gc takes nothing that a job still reads."""
    workshop = Workshop(REGISTRY, Known(), ignore, lambda text: None)
    old = workshop.produce(order(up, environment)).version
    CONTENT.update(up=b"new", source="2")
    seen = []

    def slowly(work: Work, up: Path) -> Summary:
        Workshop(REGISTRY, Known(), ignore, lambda text: None).produce(order(REGISTRY.assets["up"], environment))
        seen.extend(one for one in garbage(environment.store) if one.folder == old.folder)
        assert seen[0].in_use
        assert not collect(environment.store, seen[0])
        write_bytes(work.execution.folder / "out", (up / "out").read_bytes())
        return {}

    made = workshop.produce(order(replace(down, function=_named(slowly, "down"), variants=()), environment))
    assert (made.version.folder / "out").read_bytes() == b"good"
    assert [one.folder for one in garbage(environment.store)] == []  # the model was made from it


def _named(function, name: str):
    function.__name__, function.__module__ = name, __name__
    return function


def test_an_input_that_is_missing_is_named(workshop, environment):
    with pytest.raises(InputError, match=r"data/up has not been materialised in .*store; materialise it first"):
        workshop.produce(order(down, environment))


def test_sources_that_changed_since_the_process_started_are_not_run(environment, monkeypatch, tmp_path):
    asset = REAL.assets["synthesis_cost"]
    PROVENANCE.load(asset)
    copy = tmp_path / "checkout"
    for path in PROVENANCE.closure(asset).paths:
        write_bytes(copy / path, (provenance.ROOT / path).read_bytes())
    monkeypatch.setattr(provenance, "ROOT", copy)
    PROVENANCE.load(asset)
    changed = copy / "models" / "synthesis" / "cost.py"
    changed.write_text(changed.read_text() + "\n# edited while it trains\n")
    with pytest.raises(InputError, match=r"models/synthesis/cost.py: was changed since this program started"):
        PROVENANCE.load(asset)


def test_uncommitted_and_untracked_sources_are_named(monkeypatch):
    asset = REAL.assets["synthesis_cost"]
    changed = {"models/synthesis/cost.py": "changed", "models/synthesis/x.py": "untracked", "eval/table.py": "changed"}
    monkeypatch.setattr(provenance, "_CHANGED", changed)
    found = PROVENANCE.of(asset)
    assert found["changed"] == {"models/synthesis/cost.py": "changed"}
    assert provenance.commit_of(found).endswith("with models/synthesis/cost.py changed")


# --- as Dagster sees it ---------------------------------------------------------------------------------------------


def run(environment: Environment, *names: str, raise_on_error: bool = False, **options) -> dg.ExecuteInProcessResult:
    graph = Graph(REGISTRY, environment, Known())
    keys = [graph.key(name) for name in names]
    selection = dg.AssetSelection.assets(*keys)
    return dg.materialize(graph.definitions(), selection=selection, raise_on_error=raise_on_error, **options)


def test_dagster_shows_the_audits_as_checks_and_stops_at_one_that_fails(environment):
    CONTENT["up"] = b"bad"
    result = run(environment, "source", "up", "down")
    assert not result.success
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks == {"good": False, "whole": True}
    assert result.get_asset_materialization_events() == []  # Dagster does not take it for materialised
    (failure,) = [one.step_failure_data.error for one in result.all_events if one.is_step_failure]
    assert "up was made but is not current: it did not pass good: it is bad" in failure.message
    assert find(order(down, environment).slot) is None


def test_staleness_is_what_would_be_made_anew(environment):
    with dg.DagsterInstance.ephemeral() as instance:
        first = run(environment, "source", "up", "down", "report", instance=instance, raise_on_error=True)
        versions = {one.asset_key.path[-1]: one.materialization.tags["dagster/data_version"]
                    for one in first.get_asset_materialization_events()}  # fmt: skip
        again = run(environment, "up", "down", "report", instance=instance, raise_on_error=True)
        events = again.get_asset_materialization_events()
        assert all(one.materialization.metadata["reused"].value for one in events)
        assert {one.asset_key.path[-1]: one.materialization.tags["dagster/data_version"] for one in events} == versions
        assert versions["up"] == Version(find(order(up, environment).slot)).fingerprint[:16]


def test_an_error_that_lasts_is_not_retried(environment):
    run(environment, "source", "up")
    CONTENT["down"] = b"diverged"
    result = run(environment, "down")
    retries = [one for one in result.all_events if one.event_type_value == "STEP_UP_FOR_RETRY"]
    assert not result.success
    assert retries == []
    missing = run(replace(environment, nsynth=""), "down")
    assert [one for one in missing.all_events if one.event_type_value == "STEP_UP_FOR_RETRY"] == []


def test_an_error_that_may_pass_is_retried_once(environment, monkeypatch):
    calls = []

    def flaky(folder: Path, environment: Environment) -> Finding:
        calls.append(folder)
        if len(calls) == 1:
            raise OSError("the disk was away for a moment")
        return Finding(True, {}, "fine")

    asset = replace(up, audits=(Audit("good", "Is it good?", flaky),))
    monkeypatch.setattr("assets.graph.RETRY", dg.RetryPolicy(max_retries=1, delay=0))
    graph = Graph(Registry({"up": asset}), environment, Known())
    assert dg.materialize(graph.definitions(), selection=dg.AssetSelection.assets(graph.key("up"))).success
    assert len(calls) == 2


def test_the_code_version_holds_exactly_the_slice_of_the_configuration(environment):
    graph = Graph(REGISTRY, environment, Known())
    other = Graph(REGISTRY, replace(environment, preset="small"), Known())
    assert graph.code_version(up) == other.code_version(up)
    assert graph.code_version(down) != other.code_version(down)
    assert graph.code_version(report) == other.code_version(report)
    assert graph.code_version(down).startswith("c0de.")


def test_lock_files_lie_beside_versions(environment, workshop):
    made = workshop.produce(order(up, environment)).version
    assert lock_path(made.folder).parent == made.folder.parent
