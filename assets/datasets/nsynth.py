"""NSynth: from where it lies to checked, split shards."""

from pathlib import Path

import dagster as dg

from assets.checks import quarantine_share, readable
from assets.materialize import OWNERS, RETRY, input_is_final, materialize, table
from assets.progress import progress_listener
from assets.setup import Setup
from assets.store import Recipe, Store
from data.files.durable import read_json, write_json


@dg.asset(kinds={"python", "file"}, owners=OWNERS, code_version="1", retry_policy=RETRY)
def nsynth_source(context: dg.AssetExecutionContext, store: Store, setup: Setup) -> dg.MaterializeResult:
    """NSynth as it came: embedded demo notes made here, a folder, archives, or a download."""
    from data.embedded.notes import make_notes
    from data.nsynth.dataset import locate, source_version

    downloads = Path(setup.downloads)
    location = setup.nsynth or str(make_notes(downloads / "demo", listener=progress_listener(context)))
    with input_is_final():
        parts = locate(location, downloads, progress_listener(context))
        seen = source_version(parts)
    recipe = Recipe({"location": location, "source_version": seen}, {}, ("source.json",))

    def work(folder: Path) -> dict[str, object]:
        named = [{"name": part.name, "path": str(part.path.resolve())} for part in parts]
        # The source_version is part of the content: other files at the same place make the shards stale.
        write_json(folder / "source.json", {"location": location, "source_version": seen, "parts": named})
        return {"location": location, "parts": ", ".join(part.name for part in parts), "embedded": not setup.nsynth}

    return materialize(context, store, recipe, work)


@dg.asset(kinds={"parquet"}, owners=OWNERS, code_version="1", retry_policy=RETRY)
def nsynth_shards(context: dg.AssetExecutionContext, store: Store, nsynth_source: Path) -> dg.MaterializeResult:
    """The notes in TAR shards with a Parquet index: checked, labelled and split; the bad ones quarantined."""
    from data.nsynth.dataset import Part
    from data.nsynth.ingest import describe, ingest

    parts = [Part(one["name"], Path(one["path"])) for one in read_json(nsynth_source / "source.json")["parts"]]
    recipe = Recipe({}, {"nsynth_source": nsynth_source}, ("index.parquet",))

    def work(folder: Path) -> dict[str, object]:
        ingest(folder, parts, listener=progress_listener(context))
        return describe(folder)

    return materialize(context, store, recipe, work, _tables)


def _tables(folder: Path) -> dict[str, dg.MetadataValue]:
    """Return what is in the shards and what is not."""
    from data.files.tables import read_table

    index = read_table(folder / "index.parquet").to_pandas()
    counts = index.groupby(["family", "split"]).size().unstack(fill_value=0).reset_index()
    flags = index["flags"].explode().dropna().value_counts().rename_axis("flag").reset_index(name="notes")
    quarantine = read_table(folder / "quarantine.parquet").to_pandas()
    reasons = quarantine["reason"].value_counts().head(20).rename_axis("reason").reset_index(name="notes")
    return {
        "notes by family": table(counts),
        "flags": table(flags),
        "quarantine": table(reasons),
        "dagster/row_count": dg.MetadataValue.int(len(index)),
    }


@dg.asset_check(asset=nsynth_shards, blocking=True)
def no_leak(nsynth_shards: Path) -> dg.AssetCheckResult:
    """No (instrument, pitch) pair and no sound is shared by two splits."""
    from data.nsynth.leaks import leaks
    from data.shards.reader import Shards

    found = leaks(nsynth_shards, Shards(nsynth_shards).table)
    return dg.AssetCheckResult(
        passed=not found,
        metadata={"leaks": len(found), "first": "; ".join(found[:5]) or "none"},
        description="Training and judging notes are apart." if not found else "Ingest again; the split is broken.",
    )


@dg.asset_check(asset=nsynth_shards, blocking=True)
def few_quarantined(setup: Setup, nsynth_shards: Path) -> dg.AssetCheckResult:
    """Most of what came could be used."""
    from data.files.tables import read_table

    bad = len(read_table(nsynth_shards / "quarantine.parquet"))
    good = len(read_table(nsynth_shards / "index.parquet"))
    return quarantine_share(bad, good, setup.most_quarantined, "TESSITURA_MOST_QUARANTINED")


notes_readable = readable(nsynth_shards, 1000)
