"""The report of the separation system: one page that a reviewer can read and listen to."""

from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.checks import gather
from assets.materialize import OWNERS, materialize
from assets.provenance import described, provenance, source_hash
from assets.separation.stages import CONDITIONS
from assets.setup import Setup
from assets.store import RUN, Recipe, Store, fingerprint, published
from data.files.durable import read_json

if TYPE_CHECKING:
    import pandas as pd

    from eval.separation.report import Study

_PLAIN = (
    "musdb_source",
    "separation_songs",
    "separation_codec",
    "separation_mask_network",
    "separation_baseline_vocals",
    "separation_baseline_scores",
    "separation_noise_study",
)
_BY_CONDITION = (
    "separation_denoiser",
    "separation_vocals",
    "separation_scores",
    "separation_steps_study",
    "separation_average_study",
    "separation_cost",
)
_MAIN = CONDITIONS.get_partition_keys()[0]


@dg.asset(
    deps=[*_PLAIN, *(dg.AssetDep(one, partition_mapping=dg.AllPartitionMapping()) for one in _BY_CONDITION)],
    code_version="1",
    kinds={"html"},
    owners=OWNERS,
)
def separation_report(context: dg.AssetExecutionContext, store: Store, setup: Setup) -> dg.MaterializeResult:
    """One page with tables, intervals, studies and players, its twins beside it; the variants made so far are in it."""
    from eval.separation.report import write_report

    plain = {name: store.current(name) for name in _PLAIN}
    made = _made(store)
    inputs = plain | {f"{name} {key}": folder for key, some in made.items() for name, folder in some.items()}
    return materialize(
        context,
        store,
        # The page is cheap and its words are code: it is written anew whenever they change.
        Recipe({"code": source_hash("eval"), "bounds": setup.separation_bounds()}, inputs, ("report.html",)),
        lambda folder: write_report(folder, _study(plain, made, setup)),
        lambda folder: {"report": dg.MetadataValue.url((folder / "report.html").as_uri())},
    )


def _made(store: Store) -> dict[str, dict[str, Path]]:
    """Return the folders of every conditioning that is made as a whole, the main one first."""
    found = {}
    for key in CONDITIONS.get_partition_keys():
        folders = {name: published(store.home(name, key)) for name in _BY_CONDITION}
        if all(folders.values()):
            found[key] = {name: folder for name, folder in folders.items() if folder is not None}
    if not found:
        store.current(_BY_CONDITION[0], _MAIN)  # says what is missing
    return found


def _study(plain: dict[str, Path], made: dict[str, dict[str, Path]], setup: Setup) -> "Study":
    """Gather what the report is made of."""
    import pandas as pd

    from eval.separation.report import Study

    main = next(iter(made.values()))
    judged = [plain["separation_baseline_scores"], main["separation_scores"]]
    stages = {
        name: {**plain, **main}[name] for name in ("separation_codec", "separation_denoiser", "separation_mask_network")
    }
    histories = {name: folder / "history.parquet" for name, folder in stages.items()}
    return Study(
        songs=plain["separation_songs"],
        estimates=[plain["separation_baseline_vocals"], main["separation_vocals"]],
        scores=gather(*judged),
        seconds=gather(*judged, file="seconds.parquet"),
        bounds=setup.separation_bounds(),
        provenance=_provenance(plain, main, setup),
        # A published codec has no history here.
        histories={name: pd.read_parquet(path) for name, path in histories.items() if path.is_file()},
        steps=_steps(main["separation_steps_study"]),
        noise=_noise(plain["separation_noise_study"]),
        weights=_long(main["separation_average_study"]),
        variants={key: pd.read_parquet(some["separation_scores"] / "scores.parquet") for key, some in made.items()},
        cost=read_json(main["separation_cost"] / "cost.json"),
    )


def _long(folder: Path) -> "pd.DataFrame":
    """Return a study with a row a metric."""
    import pandas as pd

    from eval.separation.studies import METRICS

    study = pd.read_parquet(folder / "study.parquet")
    kept = [name for name in study.columns if name not in METRICS]
    return study.melt(kept, list(METRICS), "metric", "value")


def _steps(folder: Path) -> "pd.DataFrame":
    """Return the study of the steps of DDIM with the speed of each."""
    factors, study = read_json(folder / "speed.json"), _long(folder)
    return study.assign(real_time_factor=study["steps"].map(lambda count: factors[str(count)]))


def _noise(folder: Path) -> "pd.DataFrame":
    """Return the study of noise with its strength as a ratio of signal to noise."""
    import numpy as np

    study = _long(folder)
    with np.errstate(divide="ignore"):
        return study.assign(snr_db=-20 * np.log10(study["strength"]))


def _provenance(plain: dict[str, Path], main: dict[str, Path], setup: Setup) -> dict[str, str]:
    """Return where the numbers come from, for people: what was trained, by what, and what wrote this page."""
    import pandas as pd

    source = read_json(plain["musdb_source"] / "source.json")
    splits = pd.Series(source["splits"]).value_counts()
    model, scores = main["separation_denoiser"], main["separation_scores"]
    return {
        "data": f"songs from {source['location']}" if setup.musdb else "embedded synthetic songs",
        "songs": ", ".join(f"{splits.get(one, 0):,} {one}" for one in ("train", "valid", "test")),
        "data fingerprint": fingerprint(plain["separation_songs"])[:16],
        "preset": setup.preset,
        "codec": setup.codec or "trained here",
        "model fingerprint": fingerprint(model)[:16],
        **{f"model: {name}": value for name, value in described(read_json(model / RUN)["provenance"]).items()},
        "scores: commit": described(read_json(scores / RUN)["provenance"])["commit"],
        **{f"page: {name}": value for name, value in described(provenance()).items()},
    }
