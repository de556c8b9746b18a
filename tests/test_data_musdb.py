"""MUSDB18 in both forms, as folders and as zips; what is wrong with a track is told."""

import io
import zipfile
from pathlib import Path

import av
import numpy as np
import pytest

from data.errors import InputError
from data.files.audio import encode
from data.musdb.dataset import SOURCES, VALIDATION, locate
from data.musdb.errata import errata
from data.musdb.stems import BadTrack, flags, read_track

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
    found = read_track(tracks["A & B's - (Live)"])
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
    found = read_track(track)
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
    for name, samples in read_track(track).items():
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
    assert set(read_track(tracks[0])) == set(SOURCES)


def test_a_wrong_root_is_told_with_what_was_looked_for(tmp_path):
    with pytest.raises(InputError, match=r"no MUSDB18 here; expected train/ and test/"):
        locate(str(tmp_path), tmp_path)
    (tmp_path / "x.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match="no zip archive"):
        locate(str(tmp_path / "x.zip"), tmp_path)


def test_a_track_in_both_subsets_is_refused(hq, tmp_path):
    write_folder(hq / "test" / AWKWARD[0], sources())
    with pytest.raises(InputError, match=r"in two places: M\.E\.R\.C\. Music - Knockout"):
        locate(str(hq), tmp_path)


def test_what_is_wrong_with_a_track_is_told(tmp_path):
    root = tmp_path / "root"
    pcm = sources()
    (root / "train" / "phantom").mkdir(parents=True)
    write_folder(root / "train" / "short", {**pcm, "vocals": pcm["vocals"][:-100]})
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
