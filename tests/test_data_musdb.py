"""MUSDB18 in both forms, as folders and as zips; what is wrong with a track is told."""

import io
import os
import shutil
import time
import tracemalloc
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from data.errors import InputError
from data.execution import Execution
from data.files.audio import encode
from data.files.tables import read_table
from data.musdb import stems as decoding
from data.musdb.dataset import SOURCES, VALIDATION, locate, source_version
from data.musdb.errata import errata
from data.musdb.stems import BadTrack, flags, read_track
from data.musdb.tracks import ingest_tracks
from data.shards.reader import Shards

AWKWARD = [
    "M.E.R.C. Music - Knockout",
    "Triviul feat. The Fiend - Widow",
    "James May - On The Line",
    "A & B's - (Live)",
]


def sources(seconds: float = 0.5, seed: int = 0) -> dict[str, np.ndarray]:
    """Four short stems and their exact sum, int16 (T, 2)."""
    time = np.arange(int(seconds * 44_100)) / 44_100
    stems = {
        name: (3000 * np.sin(2 * np.pi * (220 + 110 * number + seed) * time)[:, None] * [1, 0.5]).astype(np.int16)
        for number, name in enumerate(SOURCES[1:])
    }
    return {"mixture": sum(stems.values()), **stems}


def write_folder(track: Path, pcm: dict[str, np.ndarray], rate: int = 44_100) -> None:
    track.mkdir(parents=True)
    for name, samples in pcm.items():
        (track / f"{name}.wav").write_bytes(encode(samples, rate, "WAV"))


def stem_file(pcm: dict[str, np.ndarray], codec: str = "aac") -> bytes:
    """Return the five sources as streams of an MP4."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        streams = [container.add_stream(codec, rate=44_100, layout="stereo", bit_rate=256_000) for _ in pcm]
        for stream, samples in zip(streams, pcm.values(), strict=True):
            if codec == "alac":
                values, form = np.ascontiguousarray(samples.T), "s16p"
            else:
                values, form = (samples.T / 32767).astype(np.float32, order="C"), "fltp"
            frame = av.AudioFrame.from_ndarray(values, format=form, layout="stereo")
            frame.sample_rate, frame.pts = 44_100, 0
            container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


@pytest.fixture
def hq(tmp_path) -> Path:
    root = tmp_path / "hq"
    for number, name in enumerate(AWKWARD):
        write_folder(root / ("test" if number == 1 else "train") / name, sources(seed=number))
    return root


def test_folders_of_any_name_become_tracks_of_their_split(hq, tmp_path):
    tracks = {track.name: track for track in locate(str(hq), tmp_path)}
    assert set(tracks) == set(AWKWARD)
    assert tracks["James May - On The Line"].split == "valid"
    assert tracks["Triviul feat. The Fiend - Widow"].split == "test"
    assert tracks["M.E.R.C. Music - Knockout"].split == "train"
    assert len(VALIDATION) == 14
    found = read_track(tracks["A & B's - (Live)"]).sources
    assert list(found) == list(SOURCES)
    for name, expected in sources(seed=3).items():
        np.testing.assert_array_equal(found[name], expected)
    assert flags(found) == []


def test_stems_come_out_aligned_with_what_went_in(tmp_path):
    pcm = sources(1.0)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "A.B. - C & D's.stem.mp4").write_bytes(stem_file(pcm))
    (track,) = locate(str(tmp_path), tmp_path)
    assert track.name == "A.B. - C & D's"
    found = read_track(track).sources
    for name, expected in pcm.items():
        length = min(len(expected), len(found[name]))
        middle = slice(4000, length - 4000)
        error = np.square(found[name][middle].astype(float) - expected[middle]).sum()
        assert error < 0.01 * np.square(expected[middle].astype(float)).sum(), name


def test_lossless_streams_come_out_as_they_went_in(tmp_path):
    pcm = sources(0.3)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "A - B.stem.mp4").write_bytes(stem_file(pcm, "alac"))
    (track,) = locate(str(tmp_path), tmp_path)
    for name, samples in read_track(track).sources.items():
        np.testing.assert_array_equal(samples[: len(pcm[name])], pcm[name])


def test_a_track_that_is_damaged_in_its_zip_does_not_stop_the_others(hq, tmp_path):
    archive = tmp_path / "musdb18.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(hq.rglob("*.wav")):
            file.write(path, f"musdb18hq/{path.relative_to(hq)}")
        place = file.getinfo(f"musdb18hq/train/{AWKWARD[0]}/bass.wav").header_offset + 3000
    content = bytearray(archive.read_bytes())
    content[place] ^= 0xFF
    archive.write_bytes(content)
    good, bad = [], []
    for track in locate(str(archive), tmp_path):
        try:
            read_track(track)
            good.append(track.name)
        except BadTrack as error:
            bad.append(str(error))
    assert len(good) == 3
    (said,) = bad
    assert said.startswith(f"{AWKWARD[0]}: bass.wav: damaged in musdb18.zip: Bad CRC-32")


@pytest.mark.parametrize("form", ["hq", "stem"])
def test_zips_are_read_without_unpacking(hq, tmp_path, form):
    archive = tmp_path / "musdb18.zip"
    with zipfile.ZipFile(archive, "w") as file:
        if form == "hq":
            for path in sorted(hq.rglob("*.wav")):
                file.write(path, f"musdb18hq/{path.relative_to(hq)}")
        else:
            file.writestr("train/A - B.stem.mp4", stem_file(sources()))
        file.writestr("train/README.md", "no track")
    tracks = locate(str(archive), tmp_path)
    assert len(tracks) == (4 if form == "hq" else 1)
    assert set(read_track(tracks[0]).sources) == set(SOURCES)


def test_a_wrong_root_is_told_with_what_was_looked_for(tmp_path):
    with pytest.raises(InputError, match=r"no MUSDB18 here; expected train/ and test/"):
        locate(str(tmp_path), tmp_path)
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="no zip archive"):
        locate(str(tmp_path / "x.zip"), tmp_path)


def test_a_track_in_both_subsets_is_refused(hq, tmp_path):
    write_folder(hq / "test" / AWKWARD[0], sources())
    with pytest.raises(InputError, match=r"Knockout is in two subsets \(t.*/M.* and t.*/M.*\) and would leak"):
        locate(str(hq), tmp_path)


def test_what_is_wrong_with_a_track_is_told(tmp_path):
    root = tmp_path / "root"
    pcm = sources()
    (root / "train" / "phantom").mkdir(parents=True)
    write_folder(root / "train" / "short", {**pcm, "vocals": pcm["vocals"][:-442]})
    write_folder(root / "train" / "slow", pcm, rate=22_050)
    write_folder(root / "train" / "cut", pcm)
    cut = root / "train" / "cut" / "bass.wav"
    cut.write_bytes(cut.read_bytes()[:5000])
    (root / "train" / "noise.stem.mp4").write_bytes(b"\0" * 1000)
    (root / "train" / "four.stem.mp4").write_bytes(stem_file({name: pcm[name] for name in SOURCES[:4]}))
    said = {}
    for track in locate(str(root), tmp_path):
        with pytest.raises(BadTrack) as told:
            read_track(track)
        said[track.name] = str(told.value)
    assert "no mixture.wav" in said["phantom"]
    assert "different lengths" in said["short"]
    assert "22050 Hz" in said["slow"]
    assert "bass.wav: truncated" in said["cut"]
    assert "not readable as MP4" in said["noise"]
    assert "4 streams of sound; 5 are expected" in said["four"]


def test_silence_and_sums_that_do_not_fit_are_flagged():
    pcm = sources()
    assert flags({**pcm, "mixture": pcm["mixture"] // 2, "other": pcm["other"] * 0}) == [
        "not the sum of its sources",
        "silent other",
    ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("BKS - Bulldozer", "cowbell in other"),
        ("Zeno - Signs", "reported: other sources bleed into vocals"),
        ("Jokers, Jacks & Kings - Sea Of Leaves", "reported: other sources bleed into vocals"),  # by artist
        ("PR - Oh No", "the left channels do not sum to the mixture; reported: other sources bleed into other"),
        ("PR - Happy Daze", ""),
    ],
)
def test_known_defects_are_official_or_reported(name, said):
    assert errata(name) == said


def zipped(archive: Path, folder: Path, *, twins: bool = False) -> Path:
    """Pack a folder of tracks, deflated, with the twins that Finder adds."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*.wav")):
            inside = path.relative_to(folder)
            file.write(path, f"musdb18hq/{inside}")
            if twins:
                file.writestr(f"__MACOSX/musdb18hq/{inside.parent}/._{inside.name}", b"\0\5\x16\7" + bytes(400))
    return archive


def test_twins_of_finder_are_ignored(hq, tmp_path):
    tracks = locate(str(zipped(tmp_path / "a.zip", hq, twins=True)), tmp_path)
    assert len(tracks) == 4
    (hq / "train" / "._A - B.stem.mp4").write_bytes(b"\0\5\x16\7" + bytes(400))
    (hq / "train" / AWKWARD[0] / "._bass.wav").write_bytes(b"\0\5\x16\7")
    assert len(locate(str(hq), tmp_path)) == 4
    assert set(read_track(tracks[0]).sources) == set(SOURCES)


def test_sources_a_few_samples_short_are_padded_and_told(tmp_path):
    pcm = sources()
    write_folder(tmp_path / "train" / "A - B", {**pcm, "bass": pcm["bass"][:-3]})
    stems = read_track(*locate(str(tmp_path), tmp_path))
    assert {len(one) for one in stems.sources.values()} == {len(pcm["mixture"])}
    np.testing.assert_array_equal(stems.sources["bass"][:-3], pcm["bass"][:-3])
    assert not stems.sources["bass"][-3:].any()
    assert stems.marks == ["padded by up to 3 samples"]


def test_floats_beyond_full_scale_get_one_gain_for_the_track(tmp_path):
    pcm = {name: samples / 32767 * (4 if name == "mixture" else 1) for name, samples in sources().items()}
    (tmp_path / "train" / "A - B").mkdir(parents=True)
    for name, wave in pcm.items():
        soundfile.write(tmp_path / "train" / "A - B" / f"{name}.wav", wave, 44_100, subtype="FLOAT")
    stems = read_track(*locate(str(tmp_path), tmp_path))
    gain = 1 / np.abs(pcm["mixture"]).max()
    assert gain < 1
    assert stems.marks == [f"scaled by {20 * np.log10(gain):.1f} dB"]
    for name, wave in pcm.items():
        np.testing.assert_allclose(stems.sources[name], wave * gain * 32767, atol=1.01)


def test_of_both_forms_of_a_song_one_is_taken_and_told(hq, tmp_path):
    name = "M.E.R.C. Music - Knockout"
    (hq / "train" / f"{name}.stem.mp4").write_bytes(stem_file(sources(seed=9)))
    track = next(one for one in locate(str(hq), tmp_path) if one.name == name)
    stems = read_track(track)
    np.testing.assert_array_equal(stems.sources["bass"], sources(seed=0)["bass"])
    assert stems.marks == [f"left out: train/{name}.stem.mp4"]
    (hq / "train" / name / "bass.wav").unlink()
    track = next(one for one in locate(str(hq), tmp_path) if one.name == name)
    assert track.is_stem
    assert track.left_out == f"train/{name}"


def test_names_in_two_unicode_forms_are_one_song(tmp_path):
    write_folder(tmp_path / "train" / "Zoe\u0308 - A", sources())
    write_folder(tmp_path / "test" / "Zo\u00eb - A", sources())
    with pytest.raises(InputError, match="is in two subsets"):
        locate(str(tmp_path), tmp_path)
    shutil.rmtree(tmp_path / "test")
    assert [track.name for track in locate(str(tmp_path), tmp_path)] == ["Zo\u00eb - A"]


def test_what_is_no_regular_file_is_quarantined_and_stops_no_other(hq, tmp_path):
    train = hq / "train"
    (train / "dangling - a").symlink_to(tmp_path / "gone")
    (train / "dangling - b.stem.mp4").symlink_to(tmp_path / "gone")
    (train / "folder - a.stem.mp4").mkdir()
    os.mkfifo(train / "pipe - a.stem.mp4")
    (train / os.fsdecode(b"no\xff - a")).mkdir()
    write_folder(train / "pipe - b", sources())
    (train / "pipe - b" / "vocals.wav").unlink()
    os.mkfifo(train / "pipe - b" / "vocals.wav")
    tracks = locate(str(hq), tmp_path)
    assert len(source_version(tracks)) == 64
    ingest_tracks(Execution(tmp_path / "out"), tracks)
    reasons = [one["reason"] for one in read_table(tmp_path / "out" / "quarantine.parquet").to_pylist()]
    found = sorted(one.partition(": ")[::2] for one in reasons)
    assert [name for name, _ in found] == [
        "dangling - a", "dangling - b", "folder - a", r"no\xff - a", "pipe - a", "pipe - b",
    ]  # fmt: skip
    said = dict(found)
    assert "no mixture.wav" in said["dangling - a"]
    assert said["dangling - b"] == "a link to a file that is not there"
    assert "is a folder" in said["folder - a"]
    assert said["pipe - a"] == "is a pipe, not a regular file"
    assert said["pipe - b"] == "vocals.wav: is a pipe, not a regular file"
    assert len(Shards(tmp_path / "out")) == 4 * len(SOURCES)


def test_members_of_a_zip_that_cannot_be_read_cost_their_track_only(hq, tmp_path):
    archive = zipped(tmp_path / "a.zip", hq)
    with zipfile.ZipFile(archive) as file:
        place = file.getinfo(f"musdb18hq/train/{AWKWARD[0]}/bass.wav").header_offset + 200
    content = bytearray(archive.read_bytes())
    content[place : place + 64] = b"\xff" * 64
    archive.write_bytes(content)
    ingest_tracks(Execution(tmp_path / "out"), locate(str(archive), tmp_path))
    (row,) = read_table(tmp_path / "out" / "quarantine.parquet").to_pylist()
    assert "bass.wav: damaged in a.zip" in row["reason"]
    assert len(Shards(tmp_path / "out")) == 3 * len(SOURCES)


def test_twenty_thousand_tracks_are_found_in_seconds(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for number in range(20_000):
            file.writestr(f"train/{number} - A/vocals.wav", b"")
    begun = time.process_time()
    tracks = locate(str(tmp_path / "a.zip"), tmp_path)
    for track in tracks[:2000]:
        with pytest.raises(BadTrack, match=r"no mixture\.wav"):
            read_track(track)
    assert len(tracks) == 20_000
    assert time.process_time() - begun < 20  # reading the list anew for each track takes minutes


def test_a_stem_takes_hardly_more_memory_than_its_sound(tmp_path):
    """What NumPy and Python allocate at the most, beside the five sources themselves, hardly grows with the length."""
    more = []
    for seconds in (4, 16):
        draw = np.random.default_rng(0)
        pcm = {one: draw.integers(-300, 300, (seconds * 44_100, 2), np.int16) for one in SOURCES}
        path = tmp_path / str(seconds) / "train" / "A - B.stem.mp4"
        path.parent.mkdir(parents=True)
        path.write_bytes(stem_file(pcm))
        (track,) = locate(str(tmp_path / str(seconds)), tmp_path)
        tracemalloc.start()
        found = read_track(track).sources
        flags(found)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        more.append(peak - sum(one.nbytes for one in found.values()) - path.stat().st_size)
    per_minute = (more[1] - more[0]) / 12 * 60
    assert per_minute < 20e6, f"{per_minute / 1e6:.0f} MB a minute"  # the sources have 53


def test_a_stem_longer_than_the_limit_is_refused_before_it_is_decoded_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding, "_LONGEST", 10_000)
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "A - B.stem.mp4").write_bytes(stem_file(sources()))
    with pytest.raises(BadTrack, match="longer than 0 minutes; cut it into songs"):
        read_track(*locate(str(tmp_path), tmp_path))


def test_quality_flags_are_the_same_in_blocks(monkeypatch):
    """The energies are sums of integers, so blocks change nothing."""
    pcm = sources()
    wrong = {**pcm, "mixture": pcm["mixture"] // 2}
    assert flags(pcm) == []
    assert flags(wrong) == ["not the sum of its sources"]
    monkeypatch.setattr(decoding, "_BLOCK", 1000)
    assert flags(pcm) == []
    assert flags(wrong) == ["not the sum of its sources"]
