"""Training examples and targets: pure functions of (seed, step), at the stated ratios, with targets that fit."""

import numpy as np
import pytest
from tiny_voices import Paths, log_energy, make

from data.errors import InputError
from data.execution import Execution
from data.pitch.autocorrelation import track_frames
from data.shards.loader import BatchPlan
from data.shards.reader import Shards
from data.voices.config import Mixing
from data.voices.index import HOP, Voices
from data.voices.segments import Material, VoiceSegments
from data.voices.targets import log_energy as measured_energy
from data.voices.targets import write_targets

SAMPLES = 16_000


@pytest.fixture(scope="module")
def paths(tmp_path_factory) -> Paths:
    return make(tmp_path_factory.mktemp("voices"), singers=4, clips=2, seconds=1.6)


def segments(paths: Paths, size: int = 6, targets: bool = True, **changes) -> VoiceSegments:
    material = {name: changes.pop(name) for name in ("split", "singers", "other") if name in changes}
    share = changes.pop("share", (0, 1))
    mixing = Mixing(**{"samples": SAMPLES, **changes})
    found = Material(paths.voices, paths.targets if targets else None, **material)
    return VoiceSegments(found, BatchPlan(size, 3, share), mixing)


def test_a_batch_has_the_promised_arrays(paths):
    batch = segments(paths).load(0)
    assert batch.values.shape == (6, SAMPLES, 2)
    assert batch.values.dtype == np.float32
    assert np.abs(batch.values).max() <= 1
    shapes = {name: (one.shape, one.dtype) for name, one in batch.labels.items()}
    assert shapes == {
        "singer": ((6,), np.int64),
        "target": ((6, 101, 3), np.float32),
        "inside": ((6, 101), np.float32),
        "snr": ((6,), np.float32),
    }
    assert [one.values.shape for one in batch.split(3)] == [(2, SAMPLES, 2)] * 3


def test_a_batch_depends_on_seed_and_step_alone(paths):
    wanted = segments(paths, shift=2.0).load(5)
    again = segments(paths, shift=2.0)
    with again.stream(3, 6) as stream:
        last = [(one.values.copy(), one.labels["target"].copy()) for one in stream][-1]
    np.testing.assert_array_equal(last[0], wanted.values)
    np.testing.assert_array_equal(last[1], wanted.labels["target"])
    halves = [segments(paths, shift=2.0, share=(rank, 2)).load(5) for rank in (0, 1)]
    np.testing.assert_array_equal(np.concatenate([one.values for one in halves]), wanted.values)
    assert not np.array_equal(segments(paths, shift=2.0).load(6).values, wanted.values)


def test_an_epoch_draws_every_clip_equally_often(paths):
    source = segments(paths, size=2, samples=25_600)  # as long as a clip, so each counts once
    assert source.per_epoch == 2
    rows = np.concatenate([source.load(step).rows for step in range(4)])
    voices = Voices(paths.voices)
    wanted = sorted(one.voice for one in voices.sung("train"))
    assert sorted(rows[:4]) == wanted
    assert sorted(rows[4:]) == wanted


def test_only_singers_and_accompaniments_of_the_split_are_drawn(paths):
    source = segments(paths, split="valid", probability=1.0)
    assert {source.singers[one] for one in source.load(0).labels["singer"]} == {"singer2"}
    assert source.singers == ["singer0", "singer1", "singer2", "singer3"]
    assert {one.split for one in source._others} == {"valid"}
    chosen = segments(paths, singers=("singer1",)).load(0)
    assert {segments(paths).singers[one] for one in chosen.labels["singer"]} == {"singer1"}
    others = segments(paths, singers=("singer1",), other=True).load(0)
    assert {segments(paths).singers[one] for one in others.labels["singer"]} == {"singer0"}


def test_the_ratio_holds_on_sung_frames(paths):
    batch = segments(paths, size=8, probability=1.0, snr=(-5.0, 10.0)).load(1)
    assert np.ptp(batch.labels["snr"]) > 3
    for values, target, snr in zip(batch.values, batch.labels["target"], batch.labels["snr"], strict=True):
        sung = np.repeat(target[:, 2] > 0, HOP)[:SAMPLES]
        voice, other = values[sung, 0].astype(float), (values[sung, 1] - values[sung, 0]).astype(float)
        found = 10 * np.log10(np.square(voice).sum() / np.square(other).sum())
        assert found == pytest.approx(snr, abs=0.01)


def test_without_accompaniment_the_mixture_is_the_voice(paths):
    batch = segments(paths, probability=0.0).load(0)
    np.testing.assert_array_equal(batch.values[..., 0], batch.values[..., 1])
    assert np.isinf(batch.labels["snr"]).all()
    shares = [
        np.isfinite(segments(paths, size=8, probability=0.5).load(step).labels["snr"]).mean() for step in range(8)
    ]
    assert 0.3 < np.mean(shares) < 0.7


def test_the_own_accompaniment_is_taken_from_the_same_place(paths):
    voices = Voices(paths.voices)
    batch = segments(paths, probability=1.0, own=1.0).load(0)
    for row, values in zip(batch.rows, batch.values, strict=True):
        clip = next(one for one in voices.sung() if one.voice == row)
        voice, own = voices.wave(clip.voice), voices.wave(clip.accompaniment)
        starts = range(0, len(voice) - SAMPLES + 1, HOP)
        alike = [abs(np.corrcoef(values[:, 0], voice[one : one + SAMPLES])[0, 1]) for one in starts]
        start = starts[int(np.argmax(alike))]
        assert max(alike) > 0.9999
        other = (values[:, 1] - values[:, 0]).astype(float)
        assert abs(np.corrcoef(other, own[start : start + SAMPLES])[0, 1]) > 0.999


def test_energy_follows_the_gain(paths):
    batch = segments(paths, probability=0.0, gain=(-12.0, 6.0)).load(2)
    for values, target in zip(batch.values, batch.labels["target"], strict=True):
        measured = log_energy(values[:, 0])[2:-2]  # at its ends a segment lacks the samples around it
        loud = measured > -6
        np.testing.assert_allclose(target[2:-2, 1][loud], measured[loud], atol=0.02)


def test_a_shifted_voice_has_a_shifted_target(paths):
    source = segments(paths, size=8, probability=0.0, shift=4.0)
    voices, heard = Voices(paths.voices), []
    batch = source.load(1)
    for values, target, row in zip(batch.values, batch.labels["target"], batch.rows, strict=True):
        found, _ = track_frames(values[:, 0], 16_000, HOP, 65.0, 1400.0)
        both = (found > 0) & (target[:, 0] > 0)
        assert both.sum() > 20
        cents = 1200 * np.log2(found[both] / target[both, 0])
        assert np.median(np.abs(cents)) < 15
        clip = next(one for one in voices.sung() if one.voice == row)
        known = voices.shards.read(clip.f0)[:, 0]
        heard.append(np.median(target[both, 0]) / np.median(known[known > 0]))
    assert max(heard) > 1.08
    assert min(heard) < 0.93


def test_a_short_clip_ends_in_silence(paths):
    batch = segments(paths, size=2, samples=48_000, probability=0.0).load(0)
    assert batch.labels["inside"][0].sum() == 161
    assert not batch.values[:, 25_600:].any()
    assert not batch.labels["target"][:, 161:, [0, 2]].any()
    np.testing.assert_allclose(batch.labels["target"][:, 161:, 1], np.log(1e-5), rtol=1e-6)


def test_without_targets_loud_frames_count_as_sung(paths):
    batch = segments(paths, targets=False, probability=1.0, snr=(0.0, 0.0)).load(0)
    assert not batch.labels["target"][..., [0, 2]].any()
    assert (batch.labels["snr"] == 0).all()


def test_what_is_missing_is_told(paths, tmp_path):
    with pytest.raises(InputError, match="no singing of nobody in the split 'train'"):
        segments(paths, singers=("nobody",))
    others = make(tmp_path, singers=3, clips=3, seconds=0.8)
    with pytest.raises(InputError, match=r"no target of singer0-2; make the targets"):
        VoiceSegments(Material(others.voices, paths.targets), BatchPlan(2, 0), Mixing(samples=8_000))


def test_energy_of_a_constant_and_of_silence():
    wave = np.concatenate([np.full(8_000, 0.5, np.float32), np.zeros(8_000, np.float32)])
    found = measured_energy(wave)
    assert found.shape == (101,)
    np.testing.assert_allclose(found[[10, 25, 40]], np.log(0.5), rtol=1e-6)
    assert found[50] == pytest.approx(np.log(0.5 * 0.5**0.5), abs=0.01)  # half of the window is silent
    np.testing.assert_allclose(found[60:], np.log(1e-5), rtol=1e-6)


def test_targets_of_voices_are_close_to_the_exact_ones(paths, tmp_path):
    told = write_targets(Execution(tmp_path / "tracked"), paths.voices, "autocorrelation")
    write_targets(Execution(tmp_path / "exact"), paths.voices, "exact")
    tracked, exact, wanted = (Shards(one) for one in (tmp_path / "tracked", tmp_path / "exact", paths.targets))
    assert told["clips"] == 8
    assert tracked.column("id").tolist() == wanted.column("id").tolist() == tracked.column("clip").tolist()
    assert set(tracked.column("tracker")) == {"autocorrelation"}
    assert tracked.column("split").tolist() == wanted.column("split").tolist()
    for row in range(8):
        found, true = tracked.read(row), wanted.read(row)
        np.testing.assert_allclose(exact.read(row), true, atol=1e-3)
        np.testing.assert_allclose(found[:, 1], true[:, 1], atol=1e-3)
        both = (found[:, 0] > 0) & (true[:, 0] > 0)
        assert both.sum() > 0.8 * (true[:, 0] > 0).sum()
        assert np.mean(np.abs(1200 * np.log2(found[both, 0] / true[both, 0])) < 50) > 0.9
    with pytest.raises(InputError, match="tracker"):
        write_targets(Execution(tmp_path / "none"), paths.voices, "nothing")
