"""From a recipe to a Dagster result: the one way every asset is made and shown."""

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from assets.store import Recipe, Store
from data.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

OWNERS = ["team:tessitura"]
RETRY = dg.RetryPolicy(max_retries=1, delay=5)
TRAINING = "training"
STAGE: dict[str, Any] = {"kinds": {"pytorch"}, "owners": OWNERS, "retry_policy": RETRY, "pool": TRAINING}
_LARGEST_PICTURE = 100_000

Shown = Mapping[str, dg.MetadataValue]


@contextmanager
def input_is_final() -> Iterator[None]:
    """Turn an input error or a signal to stop into a failure that is not retried: both are meant to last.

    Raises:
        dagster.Failure: with the error's message.
    """
    try:
        yield
    except InputError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as error:
        raise dg.Failure("stopped by a signal", allow_retries=False) from error


def materialize(
    context: dg.AssetExecutionContext,
    store: Store,
    recipe: Recipe,
    work: Callable[[Path], Mapping[str, Any]],
    show: Callable[[Path], Shown] = lambda folder: {},
) -> dg.MaterializeResult:
    """Make the asset of `context` by its recipe, or find it made, and describe it.

    Args:
        context: of the asset.
        store: where it goes.
        recipe: what it is made of.
        work: makes the files in a folder and returns a summary of plain values.
        show: returns tables and pictures of a finished folder.

    Raises:
        dagster.Failure: the input is at fault; the message says which and what to do.

    Returns:
        The result, its data version the fingerprint of the content: an asset that comes out
        the same leaves what is downstream fresh.
    """
    name = context.asset_key.to_user_string()
    partition = context.partition_key if context.has_partition_key and context.assets_def.partitions_def else None
    # What follows the dash tells of the preset; the recipe says what of it matters.
    code_version = (context.assets_def.specs_by_key[context.asset_key].code_version or "").split("-")[0]
    with input_is_final():
        version = store.make(name, partition, code_version, recipe, work)
    if version.reused:
        context.log.info(f"{name}: nothing it is made of has changed; {version.folder} is still good")
    made = version.facts["provenance"]
    return dg.MaterializeResult(
        metadata={
            **{label: value for label, value in version.facts["summary"].items() if value is not None},
            **show(version.folder),
            "folder": dg.MetadataValue.path(version.folder),
            "reused": version.reused,
            "seconds to make": version.facts["seconds"],
            "commit": made["commit"] + ("+changes" if made["changed_files"] else ""),
            "configuration": dg.MetadataValue.json({"config": version.facts["config"]}),
        },
        data_version=dg.DataVersion(version.fingerprint[:16]),
    )


def picture(png: bytes, title: str) -> dg.MetadataValue:
    """Return a PNG as metadata the UI shows.

    Raises:
        ValueError: it would bloat the event log; draw it smaller.
    """
    if len(png) > _LARGEST_PICTURE:
        raise ValueError(f"{title}: a picture of {len(png)} bytes; at most {_LARGEST_PICTURE} belong in the event log")
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{base64.b64encode(png).decode()})")


def table(frame: "pd.DataFrame") -> dg.MetadataValue:
    """Return a small frame as a Markdown table, numbers to four digits."""
    cells = frame.map(lambda value: f"{value:.4g}" if isinstance(value, float) else str(value).replace("|", "\\|"))
    lines = [" | ".join(map(str, frame.columns)), " | ".join("---" for _ in frame.columns)]
    lines += [" | ".join(row) for row in cells.itertuples(index=False)]
    return dg.MetadataValue.md("\n".join(f"| {line} |" for line in lines))


def curves(folder: Path) -> Shown:
    """Return the loss curves of a finished stage."""
    import pandas as pd

    from eval.report.figures import loss_curves, png

    history = pd.read_parquet(folder / "history.parquet")
    return {"curves": picture(png(loss_curves(history, "training")), "training")}
