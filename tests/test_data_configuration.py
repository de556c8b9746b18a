"""What of a configuration decides a result, and how an experiment overrides it."""

from dataclasses import dataclass, field, make_dataclass, replace

import pytest

from assets.environment import Configuration, Environment
from assets.registry import REGISTRY
from data.configuration import OBSERVES, decisive, override
from data.errors import InputError


@dataclass(frozen=True)
class Fit:
    steps: int
    rate: float = 0.1
    report_every: int = field(default=50, metadata=OBSERVES)


@dataclass(frozen=True)
class System:
    fit: Fit = field(default_factory=lambda: Fit(10))
    sizes: tuple[int, ...] = (1, 2)
    name: str = ""


def test_what_only_observes_decides_nothing():
    assert decisive(Fit(10)) == decisive(Fit(10, report_every=1)) == {"steps": 10}


def test_a_new_field_with_the_old_behaviour_as_default_decides_nothing():
    newer = make_dataclass("Newer", [("steps", int), ("rate", float, 0.1), ("momentum", float, 0.9)], frozen=True)
    assert decisive(newer(10)) == decisive(Fit(10))
    assert decisive(newer(10, momentum=0.5)) == {"momentum": 0.5, "steps": 10}


def test_everything_else_decides():
    assert decisive(System(sizes=(3,))) == {"sizes": [3]}
    assert decisive(System(fit=Fit(11))) == {"fit": {"steps": 11}}
    assert decisive({"a": (Fit(2), "x", None)}) == {"a": [{"steps": 2}, "x", None]}
    assert decisive(System()) == {}


def test_fields_are_overridden_by_path():
    found = override(System(), {"fit.steps": 3, "fit.rate": 1, "sizes": [7], "name": "x"})
    assert found == System(Fit(3, 1.0), (7,), "x")
    assert isinstance(found.fit.rate, float)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("fit.stepps", 1, "override 'fit.stepps': no field 'stepps'; there are steps, rate, report_every"),
        ("fitt", 1, "no field 'fitt'; there are fit, sizes, name"),
        ("name.x", 1, "no field 'x'; there are none below it"),
        ("fit.steps", "many", "'many' is no int"),
        ("fit.steps", True, "True is no int"),
        ("fit.steps", 1.5, "1.5 is no int"),
        ("fit", 1, "1 is no Fit"),
    ],
)
def test_what_cannot_be_overridden_is_named(path, value, said):
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        override(System(), {path: value})


def test_every_asset_is_given_exactly_what_it_is_known_by():
    """Whatever of a preset is changed, the assets whose slice changes are those that use it; some always do."""
    environment = Environment(home=None, preset="demo")  # type: ignore[arg-type]
    run = Configuration(environment)
    before = {name: asset.slice(run) for name, asset in REGISTRY.assets.items()}
    for path, users in {
        # Stage 1 is trained on crops of as many frames as the sequence generator makes: its loss depends on it.
        "sequence.frames": {"synthesis_autoencoder", "synthesis_sequence"},
        "fine_tune.steps": {"synthesis_model"},
    }.items():
        value = override_of(run.synthesis, path)
        changed = replace(run, overrides={path: value})
        stale = {n for n, a in REGISTRY.assets.items() if a.group == "synthesis" and a.slice(changed) != before[n]}
        assert users <= stale, path
        assert "synthesis_report" not in stale


def override_of(config, path: str):
    """Another value for the field at a path."""
    for name in path.split("."):
        config = getattr(config, name)
    return config + 1
