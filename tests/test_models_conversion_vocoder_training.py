"""The vocoder's training on four tiny voices: examples, resuming, fine-tuning, copy synthesis, choice of an arm."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from tiny_vocoder import TINY, melody, sung, write_targets, write_voices

from data.errors import InputError
from data.execution import Execution
from data.files.audio import FULL_SCALE
from data.pitch.tracks import count_in_tune
from data.shards.loader import BatchPlan
from data.shards.reader import Shards
from data.shards.writer import Record, ShardWriter
from models.conversion.mel import log_mel
from models.conversion.vocoder.config import ARMS, Examples, LossWeights
from models.conversion.vocoder.copy_synthesis import (
    choose_clips,
    summarise,
)
from models.conversion.vocoder.load import load_vocoder
from models.conversion.vocoder.segments import CONTEXT, Clip, VoiceExamples, find_clips, read_f0, track_f0
from models.conversion.vocoder.train_vocoder import train_vocoder, tune_vocoder

CPU = torch.device("cpu")
PLAIN = Examples(frames=16)


@pytest.fixture(scope="module")
def voices(tmp_path_factory) -> Path:
    return write_voices(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def predicted(tmp_path_factory) -> Path:
    return write_voices(tmp_path_factory.mktemp("predicted"), predicted=True)


@pytest.fixture(scope="module")
def targets(tmp_path_factory) -> Path:
    return write_targets(tmp_path_factory.mktemp("targets"))


@pytest.fixture(scope="module")
def trained(voices, targets, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("trained")
    for arm in ARMS:
        figures = train_vocoder(Execution(folder / arm), voices, replace(TINY, arm=arm), targets)
        assert set(figures) >= {"loss", "valid_within_50_cents", "valid_mr_stft", "seconds"}
    return {arm: folder / arm for arm in ARMS}


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_clips_are_the_voices_of_a_split(voices, predicted):
    found = find_clips(Shards(voices), "train")
    assert [(one.name, one.singer, one.frames, one.mel_row) for one in found] == [
        ("a1", "ann", 70, -1),
        ("a2", "ann", 70, -1),
    ]
    assert all(one.mel_row >= 0 for one in find_clips(Shards(predicted), "train"))


def test_a_voice_at_another_rate_is_refused(tmp_path):
    writer = ShardWriter(tmp_path)
    writer.add(Record("x", np.zeros((4800, 1), np.int16), 48_000, "voice"))
    writer.commit(_labelled)
    with pytest.raises(InputError, match="48000 Hz"):
        find_clips(Shards(tmp_path), "train")


def _labelled(rows: pa.Table) -> pa.Table:
    return rows.append_column("clip", rows["id"]).append_column("split", pa.array(["train"] * len(rows)))


def test_examples_are_pieces_of_the_voices_with_their_f0(voices, targets):
    shards = Shards(voices)
    clips = find_clips(shards, "train")
    examples = VoiceExamples(shards, clips, BatchPlan(4, seed=1), PLAIN, read_f0(targets))
    batch = examples.load(step=3)
    assert batch.values.shape == (4, (16 + 2 * CONTEXT) * 160, 1)
    whole = [shards.read(one.row)[:, 0].astype(np.float32) / FULL_SCALE for one in clips]
    silence = np.zeros(CONTEXT * 160, np.float32)
    for wave, f0 in zip(batch.values[..., 0], batch.labels["f0"], strict=True):
        places = [
            (number, frame)
            for number, one in enumerate(np.concatenate([silence, one, silence]) for one in whole)
            for frame in range(70 - 16 + 1)
            if np.allclose(one[frame * 160 : frame * 160 + len(wave)], wave, atol=1e-6)
        ]
        assert len(places) == 1
        number, frame = places[0]
        assert np.allclose(f0, melody(number)[frame : frame + 16], rtol=1e-6)


def test_examples_are_a_function_of_seed_and_step(voices):
    shards = Shards(voices)
    clips = find_clips(shards, "train")

    def load(seed: int, step: int, share: tuple[int, int] = (0, 1)) -> np.ndarray:
        return VoiceExamples(shards, clips, BatchPlan(4, seed, share), TINY.examples).load(step).values

    assert np.array_equal(load(1, 5), load(1, 5))
    assert not np.array_equal(load(1, 5), load(2, 5))
    assert not np.array_equal(load(1, 5), load(1, 6))
    assert np.array_equal(load(1, 5), np.concatenate([load(1, 5, (0, 2)), load(1, 5, (1, 2))]))


def test_faster_playback_shifts_pitch_and_f0_alike(tmp_path):
    writer = ShardWriter(tmp_path)
    f0 = np.full(300, 200.0)
    writer.add(Record("x", (sung(f0)[:, None] * 20_000).astype(np.int16), 16_000, "voice"))
    writer.commit(_labelled)
    shards = Shards(tmp_path)
    examples = VoiceExamples(
        shards, find_clips(shards, "train"), BatchPlan(3, 0), Examples(frames=100, shift=4.0), {"x": f0}
    )
    batch = examples.load(0)
    for wave, found in zip(batch.values[..., 0], batch.labels["f0"], strict=True):
        voiced = found[found > 0]
        assert np.ptp(voiced) < 1e-3
        assert 200 * 2 ** (-4 / 12) <= voiced[0] <= 200 * 2 ** (4 / 12)
        assert voiced[0] != pytest.approx(200, abs=0.5)
        inner = wave[2000:14_000] * np.hanning(12_000)
        assert np.abs(np.fft.rfft(inner, 160_000)).argmax() / 10 == pytest.approx(voiced[0], abs=0.5)


def test_a_voice_shorter_than_an_example_is_followed_by_silence(tmp_path):
    writer = ShardWriter(tmp_path)
    writer.add(Record("x", np.full((900, 1), 3000, np.int16), 16_000, "voice"))
    writer.commit(_labelled)
    shards = Shards(tmp_path)
    batch = VoiceExamples(shards, find_clips(shards, "train"), BatchPlan(1, 0), PLAIN, {"x": np.full(6, 99.0)}).load(0)
    start = CONTEXT * 160
    assert (batch.values[0, start : start + 900] > 0.09).all()
    assert (batch.values[0, start + 900 :] == 0).all()
    assert batch.labels["f0"][0].tolist() == [99.0] * 6 + [0.0] * 10


def test_predicted_mel_spectrograms_are_those_of_their_segment(predicted):
    shards = Shards(predicted)
    examples = VoiceExamples(shards, find_clips(shards, "train"), BatchPlan(4, 0), TINY.examples)
    batch = examples.load(0)
    true = log_mel(torch.from_numpy(batch.values[..., 0]))[:, CONTEXT : CONTEXT + 16].numpy()
    difference = batch.labels["mel"] - true  # the tiny predictions are 0.1 too loud; no gain, no shift
    assert np.abs(np.median(difference, (1, 2)) - 0.1).max() < 0.01


def test_missing_data_is_named(voices, predicted, tmp_path, targets):
    shards = Shards(voices)
    with pytest.raises(InputError, match="no voice to train"):
        VoiceExamples(shards, [], BatchPlan(1, 0), PLAIN)
    with pytest.raises(InputError, match=r"no F0 of 2 voices \(a1"):
        VoiceExamples(shards, find_clips(shards, "train"), BatchPlan(1, 0), PLAIN, {})
    with pytest.raises(InputError, match="no such checkpoint"):
        tune_vocoder(Execution(tmp_path / "t"), tmp_path / "nothing", predicted, TINY)


def test_the_tracker_finds_the_f0_of_the_voices(voices, targets):
    shards = Shards(voices)
    clips = find_clips(shards, "train")
    found, true = track_f0(shards, clips, "autocorrelation"), read_f0(targets)
    for clip in clips:
        near, voiced = count_in_tune(true[clip.name], found[clip.name])
        assert near > 0.9 * voiced


def test_training_resumes_to_the_same_weights(trained, voices, targets, tmp_path):
    for arm in ("pulses", "hifigan"):  # without and with discriminators
        folder, config = tmp_path / arm, replace(TINY, arm=arm)
        shutil.copytree(trained[arm], folder)
        for path in [*folder.glob("step-000000003*"), *folder.glob("model*")]:
            path.unlink()  # as if it had been killed after step 2
        train_vocoder(Execution(folder), voices, config, targets)
        assert sha256(folder / "model.safetensors") == sha256(trained[arm] / "model.safetensors")


@pytest.mark.parametrize("arm", ARMS)
def test_a_trained_vocoder_loads_and_sings(trained, arm):
    vocoder = load_vocoder(trained[arm], CPU)
    assert vocoder.arm == arm
    mel = log_mel(torch.from_numpy(sung(melody(2, 40)))[None])[0, :40].numpy()
    wave = vocoder.wave(mel, melody(2, 40))
    assert wave.shape == (6400,)
    assert np.isfinite(wave).all()
    if arm == "pulses":
        assert vocoder.f0(mel).shape == (40,)
    else:
        with pytest.raises(InputError, match="no pitch network"):
            vocoder.f0(mel)


def test_tuning_begins_with_the_trained_weights(trained, predicted, tmp_path):
    config = replace(TINY, arm="vocos", weights=LossWeights(stft=1.0))
    still = replace(config, tune=replace(config.tune, learning_rate=0.0))
    figures = tune_vocoder(Execution(tmp_path / "still"), trained["vocos"], predicted, still)
    assert np.isfinite(figures["valid_mr_stft"])
    before, after = load_vocoder(trained["vocos"], CPU), load_vocoder(tmp_path / "still", CPU)
    mel = np.full((10, 80), -5.0, np.float32)
    assert np.array_equal(before.wave(mel), after.wave(mel))
    tune_vocoder(Execution(tmp_path / "tuned"), trained["vocos"], predicted, config)
    assert not np.array_equal(before.wave(mel), load_vocoder(tmp_path / "tuned", CPU).wave(mel))
    with pytest.raises(InputError, match="other sizes"):
        tune_vocoder(Execution(tmp_path / "x"), trained["vocos"], predicted, replace(config, arm="pulses"))


def test_tuning_needs_predictions(trained, voices, tmp_path):
    with pytest.raises(InputError, match="part 'mel'"):
        tune_vocoder(Execution(tmp_path), trained["vocos"], voices, replace(TINY, arm="vocos"))


def test_figures_are_over_all_voiced_frames():
    rows = [
        {"frames": 10, "within_50_cents": 1.0, "mr_stft": 1.0},
        {"frames": 30, "within_50_cents": 0.5, "mr_stft": 2.0},
        {"frames": 0, "within_50_cents": float("nan"), "mr_stft": float("nan")},
    ]
    assert summarise(rows) == {"within_50_cents": 0.625, "mr_stft": 1.5}
    assert summarise(rows[2:]) == {}
    assert summarise([]) == {}


def test_clips_are_chosen_in_turn_and_too_short_ones_left_out():
    clips = [
        Clip(name, name[0], row, frames)
        for row, (name, frames) in enumerate([("a1", 9), ("a2", 9), ("b1", 9), ("c1", 6)])
    ]
    assert [one.name for one in choose_clips(clips, 2)] == ["a1", "b1"]
    assert [one.name for one in choose_clips(clips, 0)] == ["a1", "b1", "a2"]
