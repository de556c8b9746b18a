"""The report of the synthesis system: one page that a reviewer can read and listen to."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import pandas as pd

from assets.materialize import OWNERS, materialize
from assets.provenance import provenance
from assets.setup import Setup
from assets.store import Recipe, Store, published
from assets.synthesis import VARIANTS
from data.durable import read_json

if TYPE_CHECKING:
    from eval.synthesis_report import Study

_PLAIN = (
    "nsynth_source",
    "nsynth_shards",
    "synthesis_wavenet",
    "synthesis_baseline_notes",
    "synthesis_baseline_scores",
)
_BY_VARIANT = (
    "synthesis_notes",
    "synthesis_scores",
    "synthesis_instruments",
    "synthesis_sweeps",
    "synthesis_control",
    "synthesis_cost",
    "synthesis_champion",
)
_STAGES = ("synthesis_autoencoder", "synthesis_sequence", "synthesis_model")


@dg.asset(
    deps=[*_PLAIN, *(dg.AssetDep(one, partition_mapping=dg.AllPartitionMapping()) for one in _BY_VARIANT)],
    code_version="1",
    kinds={"html"},
    owners=OWNERS,
)
def synthesis_report(context: dg.AssetExecutionContext, store: Store, setup: Setup) -> dg.MaterializeResult:
    """One page with tables, intervals, players and maps, its twins beside it; the variants made so far are in it."""
    from eval.synthesis_report import write_report

    found = _Published(store)
    study = _study(found, setup)
    return materialize(
        context,
        store,
        Recipe({}, found.everything(), ("report.html",)),
        lambda folder: write_report(folder, study),
        lambda folder: {"report": dg.MetadataValue.url((folder / "report.html").as_uri())},
    )


class _Published:
    """The published folders the report is made of; its main variant is the first at hand."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.variant = next(iter(self.variants("synthesis_scores")), VARIANTS.get_partition_keys()[0])

    def plain(self, name: str) -> Path:
        """Return the folder of an asset without partitions."""
        return self._store.current(name)

    def variants(self, name: str) -> dict[str, Path]:
        """Return the folder of an asset for every variant that has one."""
        homes = {one: self._store.home(name, one) for one in VARIANTS.get_partition_keys()}
        return {one: folder for one, home in homes.items() if (folder := published(home)) is not None}

    def main(self, name: str) -> Path:
        """Return the folder of an asset for the main variant."""
        return self._store.current(name, self.variant)

    def champions(self) -> list[dict[str, Any]]:
        """Return the history of champions of the main variant."""
        folder = published(self._store.home("synthesis_champion", self.variant))
        return read_json(folder / "champion.json")["history"] if folder else []

    def everything(self) -> dict[str, Path]:
        """Return all of it by name."""
        found = {name: self.plain(name) for name in _PLAIN}
        for name in _BY_VARIANT:
            found |= {f"{name} {one}": path for one, path in self.variants(name).items()}
        return found


def _study(found: _Published, setup: Setup) -> "Study":
    """Gather what the report is made of."""
    from eval.synthesis_report import Study

    scores = found.variants("synthesis_scores")
    histories = {name: found.main(name) for name in _STAGES} | {"synthesis_wavenet": found.plain("synthesis_wavenet")}
    return Study(
        notes=found.plain("nsynth_shards"),
        outputs=found.main("synthesis_notes"),
        baseline_outputs=found.plain("synthesis_baseline_notes"),
        scores={name: pd.read_parquet(folder / "scores.parquet") for name, folder in scores.items()},
        baseline_scores=pd.read_parquet(found.plain("synthesis_baseline_scores") / "scores.parquet"),
        instruments=found.main("synthesis_instruments"),
        control=found.main("synthesis_control"),
        sweeps=found.main("synthesis_sweeps"),
        cost=found.main("synthesis_cost"),
        histories={name: pd.read_parquet(folder / "history.parquet") for name, folder in histories.items()},
        bounds=setup.bounds(),
        champions=found.champions(),
        provenance=_provenance(setup, found.plain("nsynth_source"), found.variant),
    )


def _provenance(setup: Setup, source: Path, variant: str) -> dict[str, str]:
    """Return where the numbers come from, for people."""
    made, found = provenance(), read_json(source / "source.json")
    machine = made["machine"]
    return {
        "data": f"NSynth from {found['location']}" if setup.nsynth else "embedded synthetic notes",
        "preset": setup.preset,
        "variant": variant,
        "commit": made["commit"] + (f" with {made['changed_files']} changed files" if made["changed_files"] else ""),
        "machine": f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB",
        "device": str(setup.torch_device()),
        "python": made["python"],
        **made["packages"],
    }
