"""From recordings to clips: cut at silences, singers whole in a split, faults in a table, and the same after a kill."""

import itertools
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import write_musdb

from data.errors import InputError
from data.execution import Execution
from data.files.audio import encode, to_pcm16
from data.files.tables import read_table
from data.musdb.dataset import find_tracks
from data.musdb.tracks import ingest_tracks
from data.shards.writer import QUARANTINE
from data.voices.index import RATE, Voices
from data.voices.ingest import Ingesting, ingest_voices
from data.voices.layouts import find_recordings, source_version
from data.voices.leaks import voices_in_two_splits
from data.voices.measures import Measures, bandwidth, measure, rate_flags
from data.voices.slices import Slicing, cut
from data.voices.splits import Splitting, choose_target, songs_to_leave_out, split_singers


def tone(hertz: float, seconds: float, rate: int = RATE) -> np.ndarray:
    """Return a buzz, (T,) float."""
    time = np.arange(round(seconds * rate)) / rate
    partials = [np.sin(2 * np.pi * k * hertz * time) / k for k in range(1, 9) if k * hertz < rate / 2]
    return 0.4 * np.sum(partials, 0)


def write(path: Path, *channels: np.ndarray, rate: int = RATE, container: str = "WAV") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(to_pcm16(0.5 * np.stack(channels, 1)), rate, container))
    return path


def test_cuts_fall_into_silences_and_cover_everything():
    pieces = [tone(200, 7.3), np.zeros(16_000), tone(200, 9), np.zeros(8_000), tone(150, 6), 1e-3 * tone(90, 4)]
    wave = np.concatenate(pieces)
    slices = cut(wave)
    assert slices[0][0] == 0
    assert slices[-1][1] == len(wave)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(slices))
    inner = [start for start, _ in slices[1:]]
    assert inner
    assert all(start % 160 == 0 for start in inner)
    for start in inner:
        assert np.abs(wave[start - 800 : start + 800]).max() < 2e-3


@pytest.mark.parametrize("seconds", [0.3, 1.0, 14.0, 14.1, 20.05, 41.0])
def test_slices_keep_their_bounds_where_there_is_no_silence(seconds):
    wave = tone(200, seconds)
    lengths = [(stop - start) / RATE for start, stop in cut(wave)]
    assert sum(lengths) == pytest.approx(len(wave) / RATE)
    assert (len(lengths) == 1) == (seconds <= 20)
    assert max(lengths) <= 20
    assert len(lengths) == 1 or min(lengths) >= 1


def test_slices_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="twice"):
        cut(tone(200, 3), Slicing(least=5, most=8))


SECONDS = {"ada": 90.0, "ben": 60.0, "cy": 30.0, "di": 20.0, "ed": 10.0}


def test_singers_are_split_whole_and_the_one_with_most_is_the_target():
    found = split_singers(SECONDS, Splitting())
    assert set(found) == set(SECONDS)
    assert set(found.values()) == {"train", "valid", "test"}
    assert choose_target(SECONDS, Splitting()) == "ada"
    assert found["ada"] == "train"
    # As few as possible: without the last singer of a held-out split its share would be too small.
    for split, share in (("test", 0.1), ("valid", 0.05)):
        held = [SECONDS[one] for one in found if found[one] == split]
        assert sum(held) - max(held) < share * sum(SECONDS.values())


@pytest.mark.parametrize("name", [f"big{number}" for number in range(8)])
def test_a_singer_with_much_of_the_material_is_not_held_out(name):
    seconds = {"target": 100.0, name: 80.0} | {f"s{number}": 10.0 for number in range(8)}
    assert split_singers(seconds, Splitting())[name] == "train"


def test_the_test_has_enough_songs_for_a_paired_test_unless_that_costs_too_much():
    seconds = {"target": 300.0} | {f"s{number:02d}": 20.0 for number in range(35)}
    songs = dict.fromkeys(seconds, 1)

    def held(splitting, songs):
        split = split_singers(seconds, splitting, songs)
        return [one for one in seconds if split[one] == "test"]

    assert len(held(Splitting(songs=0), songs)) == 5  # 10 % of the singing
    assert len(held(Splitting(), songs)) == 8
    assert len(held(Splitting(), dict.fromkeys(seconds, 2))) == 5, "they have ten songs already"
    assert len(held(Splitting(songs=99), songs)) == 10  # a fifth
    assert set(held(Splitting(songs=0), songs)) < set(held(Splitting(), songs))


def test_the_split_does_not_depend_on_the_order_of_singers():
    assert split_singers(dict(reversed(SECONDS.items())), Splitting()) == split_singers(SECONDS, Splitting())


def test_splits_and_target_can_be_set():
    splitting = Splitting(target="cy", fixed=(("ada", "test"), ("ben", "valid")))
    assert split_singers(SECONDS, splitting) == {
        "ada": "test",
        "ben": "valid",
        "cy": "train",
        "di": "train",
        "ed": "train",
    }


@pytest.mark.parametrize(
    ("seconds", "held"), [({"a": 5.0}, {"train"}), ({"a": 5.0, "b": 4.0}, {"train", "test"}), (SECONDS, None)]
)
def test_few_singers_leave_training_its_target(seconds, held):
    assert set(split_singers(seconds, Splitting()).values()) == (held or {"train", "valid", "test"})


@pytest.mark.parametrize(
    ("splitting", "message"),
    [
        (Splitting(target="zoe"), "target singer 'zoe' is not there.*ada"),
        (Splitting(target="ben", fixed=(("ben", "test"),)), "'ben' is set to be held out"),
        (Splitting(fixed=(("zoe", "test"),)), "'zoe' cannot be set to 'test'"),
        (Splitting(fixed=(("ben", "dev"),)), "'ben' cannot be set to 'dev'"),
        (Splitting(fixed=tuple((one, "test") for one in SECONDS)), "no singer is left"),
    ],
)
def test_a_wrong_split_is_refused(splitting, message):
    with pytest.raises(InputError, match=message):
        split_singers(SECONDS, splitting)


def test_a_song_stays_in_the_strictest_split_that_has_it():
    sung = [("x", "train"), ("x", "test"), ("y", "train"), ("y", "valid"), ("", "test"), ("", "train"), ("z", "train")]
    assert songs_to_leave_out(sung) == {"x": "test", "y": "valid"}


def test_bandwidth_is_where_content_ends():
    draw = np.random.default_rng(0)
    spectrum = np.fft.rfft(draw.standard_normal(48_000))
    spectrum[7_000:] = 0
    assert bandwidth(np.fft.irfft(spectrum), 48_000) == pytest.approx(7_000, abs=400)
    assert bandwidth(np.zeros(100), 48_000) == 0


def test_a_header_that_lies_about_its_rate_is_flagged():
    wave = tone(150, 2.0) + 0.02 * np.random.default_rng(0).standard_normal(2 * RATE)
    true, fast = measure(wave, RATE, wave), measure(wave[::3], RATE, wave[::3])
    assert true.median == pytest.approx(150, rel=0.01)
    assert fast.median == pytest.approx(450, rel=0.01)
    others = {"median": 150.0, "centroid": true.centroid}
    assert rate_flags(true, RATE, others) == []
    assert rate_flags(fast, RATE, others) == ["rate in doubt"]
    assert rate_flags(fast, RATE, {}) == []
    high = measure(tone(1400, 1.0), RATE, tone(1400, 1.0))
    assert "pitch out of range" in rate_flags(high, RATE, {})
    assert rate_flags(Measures(4_000, (200.0,), 1_000), 44_100, {}) == ["narrow band", "upsampled"]


@pytest.fixture(scope="module")
def singers(tmp_path_factory) -> Path:
    """Recordings of every kind, good and bad."""
    root = tmp_path_factory.mktemp("singers")
    draw = np.random.default_rng(1)
    for number in range(3):
        write(root / f"amy_{number + 1}_01.wav", 0.3 * draw.standard_normal(32_000), tone(220, 2.0))
    (root / "amy_1_01.f0.csv").write_text("0,220\n" + "".join(f"{n / 200},220\n" for n in range(1, 300)))
    (root / "amy_2_01.f0.csv").write_text("0,220\nbroken\n")
    long = np.concatenate([tone(110, 8), np.zeros(16_000), tone(100, 9)])
    write(root / "ben" / "June" / "long.flac", long, container="FLAC")
    write(root / "ben" / "July" / "high.wav", tone(120, 1.5, 44_100), tone(120, 1.5, 44_100), rate=44_100)
    write(root / "cy" / "June" / "short.wav", tone(300, 0.5))
    write(root / "cy" / "May" / "offset.wav", 0.3 + tone(300, 1.2))
    write(root / "cy" / "silent.wav", np.zeros(32_000))
    whole = write(root / "cy" / "whole.wav", tone(300, 1.0)).read_bytes()
    (root / "cy" / "cut.wav").write_bytes(whole[:-1_000])
    (root / "cy" / "text.wav").write_bytes(b"no sound at all")
    return root


OPTIONS = Ingesting(Splitting(target="amy", fixed=(("cy", "test"),)))


@pytest.fixture(scope="module")
def ingested(singers, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ingested")
    told = ingest_voices(Execution(folder), find_recordings(singers), OPTIONS)
    assert told == ingest_voices(Execution(folder), [], OPTIONS)  # finished shards are not touched
    assert not (folder / "inspected").exists()
    assert (told["clips"], told["singers"], told["annotated"], told["quarantined"]) == (7, 3, 1, 5)
    return folder


def test_clips_have_the_promised_shape_and_labels(ingested):
    voices = Voices(ingested)
    table = voices.shards.table.to_pandas().set_index("id")
    assert voices.target == "amy"
    np.testing.assert_allclose(voices.target_f0, 220, rtol=0.01)
    assert set(voices.shards.column("split")[voices.shards.rows(singer="cy")]) == {"test"}
    assert {one.layout for one in voices.sung(singer="amy")} == {"mir1k"}
    amy = voices.sung(singer="amy")[0]
    assert (amy.song, amy.f0_source) == ("amy_1", "table")
    assert amy.accompaniment >= 0
    f0 = voices.shards.read(amy.f0)
    assert f0.shape == (201, 2)
    np.testing.assert_allclose(f0[:149], [[220, 1]] * 149, rtol=1e-6)
    assert not f0[160:].any()
    short = next(one for one in voices.sung() if "short" in one.id)
    assert short.samples == RATE
    wave = voices.wave(short.voice)
    assert np.abs(wave[:8_000]).max() > 0.1
    assert not wave[8_000:].any()
    assert list(table["flags"][f"{short.id}-voice"]) == ["narrow band", "padded"]  # of a buzz up to 2400 Hz
    high = next(one for one in voices.sung() if "high" in one.id)
    assert table["source_rate"][f"{high.id}-voice"] == 44_100
    assert high.samples == 24_000
    assert high.accompaniment == -1
    assert voices_in_two_splits(ingested) == []


def test_channels_are_told_apart(ingested, singers):
    voices = Voices(ingested)
    clip = voices.sung(singer="amy")[0]
    np.testing.assert_allclose(voices.wave(clip.voice), 0.5 * tone(220, 2.0), atol=2e-4)
    assert voices.wave(clip.accompaniment).std() == pytest.approx(0.15, rel=0.05)


def test_a_constant_offset_is_taken_off_and_flagged(ingested):
    voices = Voices(ingested)
    (clip,) = [one for one in voices.sung() if "offset" in one.id]
    assert abs(voices.wave(clip.voice).mean()) < 1e-4
    assert "dc" in voices.shards.table["flags"][clip.voice].as_py()


def test_every_fault_is_a_row_with_its_reason(ingested):
    rows = {one["id"]: one["reason"] for one in read_table(ingested / QUARANTINE).to_pylist()}
    reasons = {name.rsplit("-", 1)[0].removesuffix("-wav").removesuffix("-flac"): one for name, one in rows.items()}
    assert "truncated" in reasons["cy-cut"] or "cut off" in reasons["cy-cut"]
    assert "not readable" in reasons["cy-text"]
    assert reasons["cy-silent"] == "silent"
    assert reasons["ben-june-long"] == "song 'June' is also sung in the split 'test'"
    assert any("line 2" in one for one in rows.values())
    assert len(rows) == 5


def test_if_nothing_can_be_used_the_reason_is_told(tmp_path):
    write(tmp_path / "in" / "ada" / "a.wav", np.zeros(16_000))
    with pytest.raises(InputError, match=r"no recording of singing can be used \(ada-a-wav-.*: silent\)"):
        ingest_voices(Execution(tmp_path / "out"), find_recordings(tmp_path / "in"))


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".partial"}


def test_a_killed_ingest_goes_on_to_the_same_bytes(singers, ingested, tmp_path, monkeypatch):
    monkeypatch.setattr("data.voices.inspection._GROUP", 3)
    recordings = find_recordings(singers)
    for moment in (2, 5, 6, 7, 8, 9):
        folder = tmp_path / str(moment)
        child = os.fork()
        if child == 0:
            left = moment

            def hook(event: str, args: tuple) -> None:
                nonlocal left
                if event == "os.rename":
                    left -= 1
                    if left == 0:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.addaudithook(hook)
            ingest_voices(Execution(folder), recordings, OPTIONS)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == (-signal.SIGKILL if moment < 9 else 0)
        ingest_voices(Execution(folder), recordings, OPTIONS)
        assert _contents(folder) == _contents(ingested)


def test_any_number_of_processes_writes_the_same_bytes(singers, ingested, tmp_path, monkeypatch):
    monkeypatch.setattr("data.processes._WORTHWHILE", 0.0)
    ingest_voices(Execution(tmp_path, workers=3), find_recordings(singers), OPTIONS)
    assert _contents(tmp_path) == _contents(ingested)


@pytest.fixture(scope="module")
def tracks(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tracks")
    write_musdb(root / "raw", {"Ann - One": "train", "Ann - Two": "test", "Bob - Three": "train"})
    ingest_tracks(Execution(root / "tracks"), find_tracks(root / "raw"))
    return root / "tracks"


def test_tracks_give_accompaniments_of_their_own_split(singers, tracks, tmp_path):
    options = Ingesting(OPTIONS.splitting, tracks=(tracks,))
    told = ingest_voices(Execution(tmp_path), find_recordings(singers), options)
    voices = Voices(tmp_path)
    found = {one.song: one for one in voices.clips.values() if one.layout == "musdb"}
    assert {song: (one.split, one.singer, one.voice) for song, one in found.items()} == {
        "Ann - One": ("train", "", -1),
        "Ann - Two": ("test", "", -1),
        "Bob - Three": ("train", "", -1),
    }
    assert told["accompaniments"] == 6
    assert voices.sung() == [one for one in voices.clips.values() if one.layout != "musdb"]


def test_vocals_of_tracks_become_voices_with_the_artist_in_one_split(singers, tracks, tmp_path):
    options = Ingesting(OPTIONS.splitting, tracks=(tracks,), vocals=True)
    ingest_voices(Execution(tmp_path), find_recordings(singers), options)
    voices = Voices(tmp_path)
    assert {one.song: one.split for one in voices.sung(singer="Ann")} == {"Ann - One": "test", "Ann - Two": "test"}
    assert voices.sung(singer="Bob")[0].split == "train"
    assert voices_in_two_splits(tmp_path) == []


def test_what_is_no_regular_file_is_quarantined_and_levels_are_kept(tmp_path):
    root = tmp_path / "voices"
    loud = 4 * tone(220, 1.5)
    for singer in ("ada", "ben", "cy"):
        write(root / singer / "whole.wav", tone(220, 1.5))
    soundfile.write(root / "ada" / "float.wav", np.stack([loud, 0 * loud], 1), RATE, subtype="FLOAT")
    os.mkfifo(root / "ada" / "pipe.wav")
    (root / "ada" / "gone.wav").symlink_to(tmp_path / "nowhere")
    (root / "ada" / os.fsdecode(b"no\xff.wav")).write_bytes(b"")
    recordings = find_recordings(root)
    assert len(source_version(recordings)) == 64
    ingest_voices(Execution(tmp_path / "out"), recordings)
    reasons = {one["reason"] for one in read_table(tmp_path / "out" / QUARANTINE).to_pylist()}
    assert {one.partition("/ada/")[2] for one in reasons} == {
        "pipe.wav: is a pipe, not a regular file",
        "gone.wav: a link to a file that is not there",
        r"no\xff.wav: empty file",
    }
    voices = Voices(tmp_path / "out")
    rows = voices.shards.table.to_pylist()
    number = next(number for number, row in enumerate(rows) if "float" in row["id"])
    assert {"silent channel", f"scaled by {-20 * np.log10(np.abs(loud).max()):.1f} dB"} <= set(rows[number]["flags"])
    assert abs(voices.shards.read(number)).max() > 32_000  # neither clipped nor halved
