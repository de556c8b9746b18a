"""The report of the synthesis system: one page that a reviewer can read and listen to."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.materialize import OWNERS, materialize
from assets.provenance import described, provenance, source_hash
from assets.setup import Setup
from assets.store import RUN, Recipe, Store, fingerprint, published
from assets.synthesis.stages import VARIANTS
from data.files.durable import read_json

if TYPE_CHECKING:
    from eval.synthesis.report import Study

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
    "synthesis_instrument_map",
    "synthesis_sweeps",
    "synthesis_disentanglement",
    "synthesis_cost",
    "synthesis_champion",
)
_STAGES = ("synthesis_autoencoder", "synthesis_sequence", "synthesis_model")


@dg.asset(
    deps=[*_PLAIN, *(dg.AssetDep(one, partition_mapping=dg.AllPartitionMapping()) for one in _BY_VARIANT)],
    code_version="2",
    kinds={"html"},
    owners=OWNERS,
)
def synthesis_report(context: dg.AssetExecutionContext, store: Store, setup: Setup) -> dg.MaterializeResult:
    """One page with tables, intervals, players and maps, its twins beside it; the variants made so far are in it."""
    from eval.synthesis.report import write_report

    found = _Published(store)
    study = _study(found, setup)
    return materialize(
        context,
        store,
        # The page is cheap and its words are code: it is written anew whenever they change.
        Recipe({"code": source_hash("eval"), "bounds": setup.bounds()}, found.everything(), ("report.html",)),
        lambda folder: write_report(folder, study),
        lambda folder: {"report": dg.MetadataValue.url((folder / "report.html").as_uri())},
    )


class _Published:
    """The published folders the report is made of; its main variant is the first at hand."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # Another variant's run may be half way: the first that is whole is shown.
        needed = [one for one in (*_BY_VARIANT, *_STAGES) if one != "synthesis_champion"]
        whole = [one for one in VARIANTS.get_partition_keys() if all(one in self.variants(name) for name in needed)]
        self.variant = whole[0] if whole else VARIANTS.get_partition_keys()[0]

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
    import pandas as pd

    from eval.synthesis.report import Study

    scores = found.variants("synthesis_scores")
    histories = {name: found.main(name) for name in _STAGES} | {"synthesis_wavenet": found.plain("synthesis_wavenet")}
    return Study(
        notes=found.plain("nsynth_shards"),
        outputs=found.main("synthesis_notes"),
        baseline_outputs=found.plain("synthesis_baseline_notes"),
        scores={name: pd.read_parquet(folder / "scores.parquet") for name, folder in scores.items()},
        baseline_scores=pd.read_parquet(found.plain("synthesis_baseline_scores") / "scores.parquet"),
        instruments=found.main("synthesis_instrument_map"),
        control=found.main("synthesis_disentanglement"),
        sweeps=found.main("synthesis_sweeps"),
        cost=found.main("synthesis_cost"),
        histories={name: pd.read_parquet(folder / "history.parquet") for name, folder in histories.items()},
        bounds=setup.bounds(),
        champions=found.champions(),
        provenance=_provenance(setup, found),
    )


def _provenance(setup: Setup, found: _Published) -> dict[str, str]:
    """Return where the numbers come from, for people: what was trained, by what, and what wrote this page."""
    import pandas as pd

    source = read_json(found.plain("nsynth_source") / "source.json")
    shards, model, scores = found.plain("nsynth_shards"), found.main("synthesis_model"), found.main("synthesis_scores")
    splits = pd.read_parquet(shards / "index.parquet", columns=["split"])["split"].value_counts()
    # Presets have a store each, so this preset made everything found here.
    return {
        "data": f"NSynth from {source['location']}" if setup.nsynth else "embedded synthetic notes",
        "notes": ", ".join(f"{splits.get(one, 0):,} {one}" for one in ("train", "valid", "test")),
        "data fingerprint": fingerprint(shards)[:16],
        "preset": setup.preset,
        "variant": found.variant,
        "model fingerprint": fingerprint(model)[:16],
        **{f"model: {name}": value for name, value in described(read_json(model / RUN)["provenance"]).items()},
        "scores: commit": described(read_json(scores / RUN)["provenance"])["commit"],
        **{f"page: {name}": value for name, value in described(provenance()).items()},
    }
