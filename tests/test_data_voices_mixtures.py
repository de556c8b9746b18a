"""The evaluation set: fixed, at the stated ratios, and disjoint from training; and the demo singers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tiny_voices import Paths, make

from data.embedded import voices as embedded
from data.errors import InputError
from data.execution import Execution
from data.files.audio import read
from data.files.tables import read_table, read_table_metadata, write_table
from data.shards.reader import Shards
from data.shards.writer import INDEX
from data.voices.conditions import crowd, harmony, reverb
from data.voices.index import HOP, Voices
from data.voices.ingest import ingest_voices
from data.voices.layouts import find_recordings
from data.voices.leaks import leaks_into_training, voices_in_two_splits
from data.voices.mixtures import MixtureConfig, conditions, is_mixed, mix, repeated, write_mixtures


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> Paths:
    return make(tmp_path_factory.mktemp("voices"), singers=4, clips=2, seconds=1.6)


def halved(wave: np.ndarray) -> np.ndarray:
    return wave / 2


@pytest.fixture(scope="module")
def mixtures(paths, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("mixtures")
    told = write_mixtures(Execution(folder), paths.voices, paths.targets, MixtureConfig(own=0.0), halved)
    assert told == {"clips": 4, "mixtures": 36, "accompaniments": 4, "singers": 2}
    return folder


def with_column(folder: Path, copy: Path, name: str, change: Callable[[int, str], str]) -> Path:
    """Copy shards and change a text column of their index, by a function of row and value; return the copy."""
    copy.mkdir(exist_ok=True)
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    table, metadata = read_table(copy / INDEX), read_table_metadata(copy / INDEX)
    values = [change(row, value) for row, value in enumerate(table[name].to_pylist())]
    table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    write_table(copy / INDEX, [table], metadata)
    return copy


def waves(mixtures: Path) -> dict[str, dict[str, np.ndarray]]:
    """Return the waves of every clip by condition."""
    shards, found = Shards(mixtures), {}
    for row, (clip, condition) in enumerate(zip(shards.column("clip"), shards.column("condition"), strict=True)):
        found.setdefault(clip, {})[condition] = shards.read(row)[:, 0] / 32767
    return found


def test_every_clip_has_all_conditions_and_labels(mixtures, paths):
    shards = Shards(mixtures)
    names = ["clean", "snr15", "snr10", "snr5", "snr0", "harmony", "reverb", "crowd", "separated"]
    assert list(waves(mixtures)["singer3-0"]) == names == conditions(MixtureConfig(), halved)
    assert shards.column("id")[0] == "singer2-0-clean"
    assert set(shards.column("split")) == {"valid", "test"}
    for row in range(len(shards)):
        one = {name: shards.column(name)[row] for name in ("condition", "accompaniment", "genre", "split", "clip")}
        assert bool(one["accompaniment"]) == is_mixed(one["condition"]) == bool(one["genre"])
        if one["accompaniment"]:
            other = Voices(paths.voices).clips[one["accompaniment"]]
            assert other.split == one["split"]
    assert "separated" not in conditions(MixtureConfig())
    assert conditions(MixtureConfig(graded=False, snrs=(2.5,)), halved) == ["clean", "snr2.5"]


def test_ratios_hold_on_sung_frames_and_the_voice_is_the_same(mixtures, paths):
    targets = Shards(paths.targets)
    for clip, found in waves(mixtures).items():
        (row,) = targets.rows(id=clip)
        sung = np.repeat(targets.read(row)[:, 2] > 0, HOP)[: len(found["clean"])]
        clean = found["clean"]
        assert 20 * np.log10(np.sqrt(np.square(clean[sung]).mean())) == pytest.approx(-23, abs=0.01)
        for ratio in (15, 10, 5, 0):
            other = found[f"snr{ratio}"] - clean
            power = 10 * np.log10(np.square(clean[sung]).sum() / np.square(other[sung]).sum())
            assert power == pytest.approx(ratio, abs=0.1)
        np.testing.assert_allclose(found["separated"], found["snr5"] / 2, atol=1e-4)


def test_the_set_is_fixed(mixtures, paths, tmp_path):
    write_mixtures(Execution(tmp_path / "again"), paths.voices, paths.targets, MixtureConfig(own=0.0), halved)
    assert (tmp_path / "again" / "shard-00000.tar").read_bytes() == (mixtures / "shard-00000.tar").read_bytes()
    few = MixtureConfig(own=0.0, clips_per_singer=1)
    write_mixtures(Execution(tmp_path / "few"), paths.voices, paths.targets, few)
    some, every = waves(tmp_path / "few"), waves(mixtures)
    assert len(some) == 2
    for clip, found in some.items():
        for condition, wave in found.items():
            np.testing.assert_array_equal(wave, every[clip][condition])


def test_clips_keep_their_own_accompaniment_if_asked(paths, tmp_path):
    write_mixtures(Execution(tmp_path), paths.voices, paths.targets, MixtureConfig(own=1.0, graded=False))
    shards = Shards(tmp_path)
    mixed = shards.column("accompaniment") != ""
    assert mixed.sum() == 16
    np.testing.assert_array_equal(shards.column("accompaniment")[mixed], shards.column("clip")[mixed])


def test_a_clip_gets_an_accompaniment_of_another_song_of_its_split(paths, tmp_path):
    copied = with_column(paths.voices, tmp_path / "voices", "song", lambda row, _: f"song-{row // 3}")
    write_mixtures(Execution(tmp_path / "out"), copied, paths.targets, MixtureConfig(own=0.0, graded=False))
    shards = Shards(tmp_path / "out")
    pairs = set(zip(shards.column("clip"), shards.column("accompaniment"), strict=True))
    others = {(f"singer{one}-{clip}", f"singer{one}-{1 - clip}") for one in (2, 3) for clip in (0, 1)}
    assert {pair for pair in pairs if pair[1]} == others


def test_a_set_without_singing_is_refused(paths, tmp_path):
    with pytest.raises(InputError, match=r"no clip of the splits valid, test has 9\.0 s of singing"):
        write_mixtures(Execution(tmp_path), paths.voices, paths.targets, MixtureConfig(least_sung=9.0))


def test_nothing_leaks_from_these_shards(paths, mixtures):
    assert leaks_into_training(paths.voices, mixtures) == []
    assert leaks_into_training(paths.voices, paths.mixtures) == []
    assert voices_in_two_splits(paths.voices) == []


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("singer", "singer0", "singer 'singer0' is in test and train"),
        ("song", "song1", "song 'song1' is in test and train"),
        ("accompaniment", "singer0-1", "accompaniment 'singer0-1' is in test and train"),
        ("accompaniment", "singer2-0", "accompaniment 'singer2-0' is in test and valid"),
        ("split", "valid", "singer3-1-snr0: of the split 'valid', its clip of 'test'"),
        ("split", "train", "singer3-1-snr0: of the split 'train', its clip of 'test'"),
        ("accompaniment", "gone", "singer3-1-snr0: made from a clip that the voices do not have"),
    ],
)
def test_every_leak_is_found(paths, tmp_path, column, value, message):
    changed = Shards(paths.mixtures).column("id").tolist().index("singer3-1-snr0")
    copied = with_column(paths.mixtures, tmp_path / "m", column, lambda row, old: value if row == changed else old)
    assert any(one.startswith(message) for one in leaks_into_training(paths.voices, copied))


def test_a_singer_in_two_splits_is_found(paths, tmp_path):
    copied = with_column(paths.voices, tmp_path / "v", "split", lambda row, old: "test" if row < 3 else old)
    assert voices_in_two_splits(copied) == [
        "singer 'singer0' is in test and train",
        "song 'song0' is in test and train",
    ]


def test_mix_and_repeat_by_hand():
    voice, other = np.full(4, 0.2, np.float32), np.array([0.4, 0.4, 0.4, 9.0], np.float32)
    sung = np.array([True, True, True, False])
    np.testing.assert_allclose(mix(voice, other, sung, 20.0)[:3], 0.2 + 0.02, rtol=1e-6)
    np.testing.assert_allclose(mix(voice, np.zeros(4, np.float32), sung, 0.0), voice)
    long = repeated(np.ones(1_000, np.float32), 3_500)
    np.testing.assert_allclose(long, np.ones(3_500), rtol=1e-6)
    np.testing.assert_array_equal(repeated(np.arange(10, dtype=np.float32), 4), [0, 1, 2, 3])


def test_the_graded_conditions_do_what_they_say():
    time = np.arange(16_000) / 16_000
    wave = (0.1 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    wave[12_000:] = 0
    spectrum = np.abs(np.fft.rfft((harmony(wave, 1) - wave)[4_000:11_000] * np.hanning(7_000)))
    peaks = [220 * 2 ** (semitones / 12) for semitones in (4, -5)]
    frequency = np.arange(len(spectrum)) * 16_000 / 7_000
    for peak in peaks:
        near = np.abs(frequency - peak) < 8
        assert spectrum[near].max() > 20 * np.median(spectrum)
    wet = reverb(wave, 1)
    np.testing.assert_allclose(wet[:320], wave[:320], atol=1e-6)  # the room answers after 20 ms
    tail = [np.square(wet[start : start + 1_000]).mean() for start in (12_500, 14_500)]
    assert tail[0] > 2 * tail[1] > 0
    noise = crowd(wave, 1, [wave]) - wet
    assert 10 * np.log10(np.square(wave).mean() / np.square(noise).mean()) == pytest.approx(10, abs=0.1)
    for effect in (harmony, reverb, crowd):
        np.testing.assert_array_equal(effect(wave, 2), effect(wave, 2))
    assert not np.array_equal(crowd(wave, 1), crowd(wave, 2))


def test_demo_singers_are_ingested_with_exact_f0(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "SECONDS", 1.5)
    monkeypatch.setattr(embedded, "SONGS", 1)
    monkeypatch.setattr(embedded, "TARGET_SONGS", 2)
    monkeypatch.setattr(embedded, "CLIPS", 1)
    root = embedded.make_voices(tmp_path)
    assert len(list(root.glob("*.wav"))) == 9
    before = (root / "complete.json").stat().st_mtime_ns
    assert embedded.make_voices(tmp_path) == root
    assert (root / "complete.json").stat().st_mtime_ns == before
    told = ingest_voices(Execution(tmp_path / "shards"), find_recordings(root))
    assert (told["clips"], told["singers"], told["annotated"], told["quarantined"]) == (9, 8, 9, 0)
    voices = Voices(tmp_path / "shards")
    assert voices.target == "mira"
    assert set(voices.singers("train")) | set(voices.singers("valid")) | set(voices.singers("test")) == set(
        embedded.NAMES
    )
    clip = voices.sung(singer="anton")[0]
    assert (clip.layout, clip.f0_source) == ("embedded", "exact")
    take = embedded.make_take(1, 0, 0)
    exact = voices.shards.read(clip.f0)[:, 0]
    np.testing.assert_allclose(exact[:150], np.where(take.hertz[::2] > 0, take.hertz[::2], 0), rtol=1e-3)
    np.testing.assert_allclose(voices.wave(clip.voice), take.voice - take.voice.mean(), atol=1e-4)
    assert read(root / "anton_1_01.wav").channels == 2


def test_demo_singers_differ_in_range_and_tract():
    singers = [embedded.find_singer(number) for number in range(8)]
    assert len(set(singers)) == 8
    assert len({one.lowest for one in singers}) >= 6
    assert {one.tract > 1.08 for one in singers[::2]} == {True}
    assert {one.tract > 1.08 for one in singers[1::2]} == {False}
    np.testing.assert_array_equal(embedded.make_take(2, 1, 0).voice, embedded.make_take(2, 1, 0).voice)
    assert not np.array_equal(embedded.make_take(2, 1, 0).voice, embedded.make_take(2, 1, 1).voice)
