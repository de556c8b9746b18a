"""MUSDB18: from where it lies to checked tracks in shards, and songs at the rate the separation system works at."""

from pathlib import Path

import dagster as dg

from assets.checks import quarantine_share, readable
from assets.materialize import OWNERS, RETRY, Shown, input_is_final, materialize, table
from assets.progress import progress_listener
from assets.setup import Run, Setup
from assets.store import Recipe, Store
from data.files.durable import read_json, write_json
from data.musdb import dataset as musdb

GROUPS = dg.StaticPartitionsDefinition(list(musdb.GROUPS))
_INDEX = ("index.parquet",)


@dg.asset(kinds={"python", "file"}, owners=OWNERS, code_version="1", retry_policy=RETRY)
def musdb_source(context: dg.AssetExecutionContext, store: Store, setup: Setup) -> dg.MaterializeResult:
    """MUSDB18 as it came: embedded songs made here, a folder, an official zip, or a download."""
    from data.embedded.songs import make_songs

    downloads = Path(setup.downloads)
    location = setup.musdb or str(make_songs(downloads, listener=progress_listener(context)))
    with input_is_final():
        tracks = musdb.locate(location, downloads, progress_listener(context))
    splits = {track.name: track.split for track in tracks}
    recipe = Recipe(
        {"location": location, "source_version": musdb.source_version(tracks), "splits": splits}, {}, ("source.json",)
    )

    def work(folder: Path) -> dict[str, object]:
        named = [
            {"name": one.name, "subset": one.subset, "place": str(one.place), "member": one.member, "split": one.split}
            for one in tracks
        ]
        write_json(folder / "source.json", {**recipe.config, "tracks": named})
        counts = {name: list(splits.values()).count(name) for name in ("train", "valid", "test")}
        return {"location": location, "embedded": not setup.musdb, **counts}

    return materialize(context, store, recipe, work)


@dg.asset(partitions_def=GROUPS, kinds={"parquet"}, owners=OWNERS, code_version="1", retry_policy=RETRY)
def musdb_tracks(context: dg.AssetExecutionContext, store: Store, musdb_source: Path) -> dg.MaterializeResult:
    """A quarter of the tracks in TAR shards, all sources aligned to the sample; a bad track stops no other."""
    from data.musdb.tracks import ingest_tracks

    told = read_json(musdb_source / "source.json")["tracks"]
    tracks = [musdb.Track(**{**one, "place": Path(one["place"])}) for one in told]
    tracks = [one for one in tracks if musdb.group_of(one.name) == context.partition_key]
    # What lies at these tracks decides, not what lies at the others: a song more leaves the other groups alone.
    splits = {track.name: track.split for track in tracks}
    recipe = Recipe({"source_version": musdb.source_version(tracks), "splits": splits}, {}, _INDEX)

    def work(folder: Path) -> dict[str, object]:
        ingest_tracks(folder, tracks, listener=progress_listener(context))
        return {"tracks": len(tracks)}

    return materialize(context, store, recipe, work, _tracks)


def _tracks(folder: Path) -> Shown:
    """Return what is in the shards of a group and what is not."""
    from data.files.tables import read_table

    index = read_table(folder / "index.parquet").to_pandas()
    mixtures = index[index["source"] == "mixture"]
    tracks = mixtures.assign(
        seconds=mixtures["frames"] / mixtures["sample_rate"], marks=mixtures["flags"].map(", ".join)
    )
    quarantine = read_table(folder / "quarantine.parquet").to_pandas()
    return {
        "tracks at hand": table(tracks[["track", "split", "seconds", "marks", "errata"]]),
        "quarantine": table(quarantine[["id", "reason"]]),
        "dagster/row_count": dg.MetadataValue.int(len(index)),
    }


@dg.asset(
    deps=[dg.AssetDep(musdb_tracks, partition_mapping=dg.AllPartitionMapping())],
    kinds={"parquet"},
    owners=OWNERS,
    code_version="1",
    retry_policy=RETRY,
)
def separation_songs(
    context: dg.AssetExecutionContext, store: Store, setup: Setup, config: Run
) -> dg.MaterializeResult:
    """Vocals and accompaniment of every song at the rate and channels the system works at; where there is singing."""
    from data.musdb.vocals import resample_songs

    audio = setup.separation(config).audio
    groups = groups_of(store)

    def work(folder: Path) -> dict[str, object]:
        resample_songs(folder, list(groups.values()), audio.sample_rate, audio.channels, progress_listener(context))
        return {}

    return materialize(context, store, Recipe(audio, groups, _INDEX), work, _songs)


def groups_of(store: Store) -> dict[str, Path]:
    """Return the published folder of every group of tracks.

    Raises:
        InputError: one has not been materialised.
    """
    return {f"musdb_tracks {one}": store.current("musdb_tracks", one) for one in GROUPS.get_partition_keys()}


def _songs(folder: Path) -> Shown:
    """Return how many songs and minutes each split has, and how much of them is sung."""
    from data.files.tables import read_table

    index = read_table(folder / "index.parquet").to_pandas()
    vocals = index[index["source"] == "vocals"]
    vocals = vocals.assign(minutes=vocals["frames"] / vocals["sample_rate"] / 60, sung=vocals["singing"].map(sum) / 60)
    counts = vocals.groupby("split").agg(songs=("track", "count"), minutes=("minutes", "sum"), sung=("sung", "sum"))
    return {"songs": table(counts.reset_index()), "dagster/row_count": dg.MetadataValue.int(len(index))}


@dg.asset_check(asset=separation_songs, blocking=True)
def no_song_in_two_splits(separation_songs: Path) -> dg.AssetCheckResult:
    """No song, by name or by sound, is in two splits; and there are songs to train on and to judge."""
    from data.musdb.leaks import songs_in_two_splits
    from data.shards.reader import Shards

    rows = Shards(separation_songs).table
    found = songs_in_two_splits(separation_songs, rows)
    missing = sorted({"train", "test"} - set(rows["split"].to_pylist()))
    found += [f"no song of the split {split!r}" for split in missing]
    return dg.AssetCheckResult(
        passed=not found,
        metadata={"faults": len(found), "first": "; ".join(found[:5]) or "none"},
        description="Training and judging songs are apart." if not found else "Remove the copies from the data.",
    )


@dg.asset_check(asset=separation_songs, blocking=True)
def few_tracks_quarantined(store: Store, setup: Setup, separation_songs: Path) -> dg.AssetCheckResult:
    """Most tracks could be used."""
    from data.files.tables import read_table

    bad = sum(len(read_table(folder / "quarantine.parquet")) for folder in groups_of(store).values())
    songs = len(read_table(separation_songs / "index.parquet")) // 2
    return quarantine_share(bad, songs, setup.most_bad_tracks, "TESSITURA_MOST_BAD_TRACKS")


songs_readable = readable(separation_songs, 100)
