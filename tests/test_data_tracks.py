"""Songs into shards: aligned, labelled, quarantined where they are bad, and the same after a kill."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from data import processes
from data.execution import Execution
from data.files.audio import encode
from data.files.durable import read_json
from data.files.tables import read_table
from data.musdb import vocals
from data.musdb.dataset import SOURCES, group_of, locate
from data.musdb.tracks import group_folders, ingest_groups, ingest_tracks
from data.musdb.vocals import resample_songs, singing
from data.shards.reader import Shards
from data.shards.writer import INDEX, ShardWriter

NAMES = ("A - One", "B & C's - Two. (Live)", "Leaf - Summerghost", "Al James - Schoolboy Facination")


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("musdb")
    for number, name in enumerate(NAMES):
        draw = np.random.default_rng(number)
        stems = {one: draw.integers(-3000, 3000, (50_000, 2), np.int16) for one in SOURCES[1:]}
        stems["mixture"] = np.asarray(sum(one.astype(np.int32) for one in stems.values()), np.int16)
        place = folder / ("test" if number == 1 else "train") / name
        place.mkdir(parents=True)
        for source, pcm in stems.items():
            (place / f"{source}.wav").write_bytes(encode(pcm, 44_100, "WAV"))
    (folder / "train" / "phantom").mkdir()
    return folder


def test_sources_are_aligned_and_labelled(root, tmp_path):
    ingest_tracks(Execution(tmp_path), locate(str(root), tmp_path))
    found = Shards(tmp_path)
    assert len(found) == 5 * len(NAMES)
    table = found.table.select(["track", "source", "split", "errata", "frames", "channels"]).to_pandas()
    assert set(table["frames"]) == {50_000}
    assert table.groupby("track")["source"].apply(set).map(lambda one: one == set(SOURCES)).all()
    split = table.drop_duplicates("track").set_index("track")["split"].to_dict()
    assert split == {NAMES[0]: "train", NAMES[1]: "test", NAMES[2]: "valid", NAMES[3]: "train"}
    errata = table.drop_duplicates("track").set_index("track")["errata"].to_dict()
    assert errata[NAMES[3]] == "synthetic vocals in other; reported: other sources bleed into vocals"
    assert not errata[NAMES[0]]
    (bad,) = read_table(tmp_path / "quarantine.parquet").to_pylist()
    assert "phantom: no mixture.wav" in bad["reason"]
    draw = np.random.default_rng(1)
    expected = {one: draw.integers(-3000, 3000, (50_000, 2), np.int16) for one in SOURCES[1:]}
    for source, pcm in expected.items():
        (row,) = found.rows(track=NAMES[1], source=source)
        np.testing.assert_array_equal(found.segment(int(row), 12_345, 678), pcm[12_345 : 12_345 + 678])


@pytest.mark.parametrize("killed_after", [1, 3, 7, 13])
def test_a_killed_ingest_goes_on_to_the_same_bytes(root, tmp_path, monkeypatch, killed_after):
    tracks = locate(str(root), tmp_path)
    ingest_tracks(Execution(tmp_path / "whole"), tracks, shard_bytes=300_000)

    class Killed(Exception):
        pass

    added = 0
    add = ShardWriter.add

    def add_then_die(self, item):
        nonlocal added
        if added == killed_after:
            raise Killed
        added += 1
        add(self, item)

    monkeypatch.setattr(ShardWriter, "add", add_then_die)
    with pytest.raises(Killed):
        ingest_tracks(Execution(tmp_path / "cut"), tracks, shard_bytes=300_000)
    monkeypatch.setattr(ShardWriter, "add", add)
    ingest_tracks(Execution(tmp_path / "cut"), tracks, shard_bytes=300_000)
    for path in sorted((tmp_path / "whole").iterdir()):
        assert (tmp_path / "cut" / path.name).read_bytes() == path.read_bytes(), path.name
    assert INDEX in {path.name for path in (tmp_path / "cut").iterdir()}


def test_any_number_of_processes_writes_the_same_bytes(root, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_WORTHWHILE", 0.0)
    tracks = locate(str(root), tmp_path)
    for workers in (1, 3):
        ingest_groups(Execution(tmp_path / str(workers), workers=workers), tracks)
    one, three = (sorted(one for one in (tmp_path / name).rglob("*") if one.is_file()) for name in "13")
    assert [path.relative_to(tmp_path / "1") for path in one] == [path.relative_to(tmp_path / "3") for path in three]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in three]
    folders = group_folders(tmp_path / "3")
    assert {folder.name for folder in folders} == {group_of(track.name) for track in tracks}
    assert sum(len(Shards(folder)) for folder in folders) == 5 * len(NAMES)


def test_the_hash_of_a_group_is_of_its_sound_not_of_the_times_of_its_files(root, tmp_path):
    """So a copy without its times, on another machine, leaves everything that is made of the songs as it is."""
    copied = shutil.copytree(root, tmp_path / "copied", copy_function=shutil.copyfile)

    def ingested(source: Path, name: str) -> tuple[dict, dict]:
        ingest_groups(Execution(tmp_path / name), locate(str(source), tmp_path))
        return read_json(tmp_path / name / "groups.json"), read_json(tmp_path / name / "sources.json")

    first, second = ingested(root, "first"), ingested(copied, "second")
    assert first[0] == second[0]
    assert first[1] != second[1]
    (copied / "train" / NAMES[0] / "vocals.wav").write_bytes((copied / "train" / NAMES[0] / "bass.wav").read_bytes())
    changed, _ = ingested(copied, "third")
    assert {group for group in changed if changed[group] != first[0][group]} == {group_of(NAMES[0])}


def test_no_recording_of_a_song_is_read_twice(root, tmp_path, monkeypatch):
    """Not even for the seconds with singing, which the index needs."""
    ingest_tracks(Execution(tmp_path / "tracks"), locate(str(root), tmp_path))
    read = Counter()

    class Counting(Shards):
        def read(self, row: int) -> np.ndarray:
            read[str(self.column("id")[row])] += 1
            return super().read(row)

    monkeypatch.setattr(vocals, "Shards", Counting)
    resample_songs(Execution(tmp_path / "songs"), [tmp_path / "tracks"], 22_050, 2)
    songs = Shards(tmp_path / "songs")
    assert len(songs) == 2 * len(set(songs.column("track")))
    assert set(read.values()) == {1}
    assert len(read) == len(songs)  # mixture and vocals of each


def test_songs_are_resampled_and_the_parts_add_up_to_the_mixture(root, tmp_path):
    ingest_tracks(Execution(tmp_path / "tracks"), locate(str(root), tmp_path))
    resample_songs(Execution(tmp_path / "songs"), [tmp_path / "tracks"], 22_050, 2)
    tracks, found = Shards(tmp_path / "tracks"), Shards(tmp_path / "songs")
    assert len(found) == 2 * len(NAMES)
    assert set(found.column("frames").tolist()) == {25_000}
    assert set(found.column("sample_rate").tolist()) == {22_050}
    (mixture,) = tracks.rows(track=NAMES[0], source="mixture")
    parts = [found.read(int(found.rows(track=NAMES[0], source=one)[0])) for one in ("vocals", "accompaniment")]
    together = sum(one.astype(float) for one in parts)
    # Half the rate holds half the spectrum of white noise, and no more.
    assert np.square(together).mean() == pytest.approx(
        np.square(tracks.read(int(mixture)).astype(float)).mean() / 2, rel=0.1
    )


def test_seconds_with_singing_are_told():
    pcm = np.zeros((4 * 1000 + 500, 2), np.int16)
    pcm[1000:2000] = 3000
    pcm[2000:3000] = 20
    assert singing(pcm, 1000) == [False, True, False, False]
