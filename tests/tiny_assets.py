"""Three declared assets that take no time: data from a source, a model with a row of an ablation, a report."""

from pathlib import Path

from assets.code import Closure
from assets.declaration import Audit, Finding, Registry, Source, StoredAsset, Summary, Work, stored_asset
from assets.environment import Environment
from assets.provenance import Provenance
from data.errors import NotFiniteError
from data.files.durable import write_bytes


class Known(Provenance):
    """The provenance of code that lies in this file: one version, no sources to compare."""

    def closure(self, asset: StoredAsset) -> Closure:
        return Closure("c0de", [], [])


__name__ = "assets.tiny.stages"  # the functions below stand in a room of their own, the group "tiny"
CONTENT: dict = {}


def reset() -> None:
    """Make the source and the work what they are at first."""
    CONTENT.update({"up": b"good", "down": b"made", "source": "1", "located": 0})


reset()


def _look(folder: Path, environment: Environment) -> Finding:
    content = (folder / "out").read_bytes()
    return Finding(content != b"bad", {"found": content.decode()}, f"it is {content.decode()}")


def _whole(folder: Path, environment: Environment) -> Finding:
    broken = (folder / "note").is_file()
    return Finding(not broken, {}, "a bit flipped" if broken else "whole")


def _locate(environment: Environment, listener) -> str:
    CONTENT["located"] += 1
    return "place"


SOURCE = Source("source", "From outside.", "nsynth", lambda environment: CONTENT["source"], _locate)


@stored_asset(
    files=["out"],
    kinds={"python"},
    source=SOURCE,
    audits=(Audit("good", "Is it good?", _look), Audit("whole", "Is it whole?", _whole, damage=True)),
)
def up(work: Work, source: str) -> Summary:
    """Data."""
    write_bytes(work.execution.folder / "out", CONTENT["up"])
    return {"place": source}


@stored_asset(
    config=lambda run: run.synthesis.fine_tuning,
    files=["out"],
    kinds={"python"},
    trains=True,
    variants=("waveform",),
    audits=(Audit("good", "Is it good?", _look),),
)
def down(work: Work, up: Path) -> Summary:
    """A model."""
    if CONTENT["down"] == b"diverged":
        raise NotFiniteError("the loss is NaN")
    write_bytes(work.execution.folder / "out", CONTENT["down"] + (up / "out").read_bytes())
    return {"steps": work.config.fit.steps}


@stored_asset(files=["out"], kinds={"python"}, lineage=("down",), all_variants=("down",), compared=("down",))
def report(work: Work) -> Summary:
    """A report."""
    names = sorted(f"{name or 'main'}" for name in work.inputs["down"])
    write_bytes(work.execution.folder / "out", " ".join([*names, work.experiment]).encode())
    return {"in use": str(work.inputs.get("down in use"))}


REGISTRY = Registry({"up": up, "down": down, "report": report})
