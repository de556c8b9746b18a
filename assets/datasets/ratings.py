"""Results of listening tests as assets: the folder with the listeners' files, and checked ratings."""

from pathlib import Path

from assets.declaration import Shown, Source, Summary, Work, stored_asset
from assets.display import table
from assets.environment import Environment
from data.progress import Listener


def _version(environment: Environment) -> str:
    """Return a hash over names, sizes and modification times of the files of results and keys."""
    import hashlib

    from data.errors import InputError
    from data.files.listing import files_below
    from data.files.regular import printable, state

    folder = Path(environment.ratings).expanduser()
    if not folder.is_dir():
        raise InputError(f"TESSITURA_RATINGS={printable(folder)}: no such folder; name an exported listening test")
    told = [
        f"{printable(path.relative_to(folder))} {state(path)}"
        for path in files_below(folder)
        if path.suffix.lower() in (".json", ".csv")
    ]
    return hashlib.sha256("\n".join(sorted(told)).encode()).hexdigest()


def _locate(environment: Environment, listener: Listener) -> Path:
    """Return the folder of results."""
    del listener
    return Path(environment.ratings).expanduser()


FILES = ("ratings.parquet", "quarantine.parquet", "tests.json")  # each is told in the reports
RESULTS = Source(
    "listening_results",
    "Files of results of listening tests as they come: a folder of exported tests with what listeners sent back.",
    "ratings",
    _version,
    _locate,
)


def _tables(folder: Path) -> Shown:
    """Return tables of the ratings and of the sessions in quarantine, for the web UI."""
    from data.files.tables import read_frame

    ratings, left_out = (read_frame(folder / f"{name}.parquet") for name in ("ratings", "quarantine"))
    counts = ratings.groupby(["subject", "kind", "test"], sort=False).agg(
        listeners=("listener", "nunique"), ratings=("rating", "count")
    )
    return {"tests": table(counts.reset_index()), "quarantine": table(left_out)}


@stored_asset(
    files=FILES,
    kinds={"parquet"},
    source=RESULTS,
    belongs=lambda run: bool(run.environment.ratings),
    experiments=False,
    show=_tables,
)
def listening_ratings(work: Work, listening_results: Path) -> Summary:
    """What listeners said, checked: spoofed, doubled, partial, impossible or inattentive sessions are in quarantine."""
    from eval.listening.ratings import collected, write_ratings

    return write_ratings(work.execution.folder, collected(listening_results))
