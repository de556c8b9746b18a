"""What is read and written around the conversion system: songs, remixes, melodies, estimates of the mixtures."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
import tiny_voices

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_pcm16, write_sound
from data.files.tables import read_table
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from data.voices.index import Voices
from eval.conversion.inputs import Mixtures
from models.conversion.acoustic.discriminators import Discriminators
from models.conversion.baselines import copy_source, tracked
from models.conversion.describe import describe
from models.conversion.estimates import Selection, Voice, write_converted, write_melodies
from models.conversion.files import read_song, write_melody, write_remix
from models.conversion.frames import RATE
from models.conversion.melody.load import Melody
from models.conversion.presets import DISCRIMINATORS, FREEZING, MAIN, PRESETS, VARIANTS, variant
from models.conversion.several import chosen_clips, chosen_singers


def tone(frequency: float, seconds: float, rate: int) -> np.ndarray:
    return 0.2 * np.sin(2 * np.pi * frequency * np.arange(int(seconds * rate)) / rate)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return tiny_voices.make(tmp_path_factory.mktemp("voices"), singers=3, clips=1, seconds=1.5)


def test_a_song_is_read_as_the_mean_of_its_channels_at_16_khz(tmp_path):
    left, right = tone(440, 1.0, 44_100), tone(1000, 1.0, 44_100)
    write_sound(tmp_path / "song.wav", to_pcm16(np.stack([left, right], 1)), 44_100)
    song = read_song(tmp_path / "song.wav")
    assert (song.sample_rate, song.channels, song.seconds) == (44_100, 2, 1.0)
    assert len(song.wave) == pytest.approx(RATE, abs=1)
    expected = (tone(440, 1.0, RATE) + tone(1000, 1.0, RATE)) / 2
    assert np.abs(song.wave[2000:14_000] - expected[2000:14_000]).max() < 1e-3
    with pytest.raises(InputError, match="no such file"):
        read_song(tmp_path / "none.wav")


def test_a_remix_is_the_song_with_the_voice_exchanged_at_the_level_of_the_vocals(tmp_path):
    rate, seconds = 48_000, 1.0
    vocals, band = tone(300, seconds, rate), tone(1200, seconds, rate)
    both = {"song": vocals + band, "vocals": vocals}
    for name, wave in both.items():
        write_sound(tmp_path / f"{name}.wav", to_pcm16(np.stack([wave, wave], 1)), rate)
    voice = 0.25 * tone(300, seconds, RATE).astype(np.float32)  # the same voice, 12 dB too quiet
    gain = write_remix(tmp_path / "song.wav", tmp_path / "vocals.wav", voice, tmp_path / "remix.wav")
    assert gain == pytest.approx(12.04, abs=0.1)
    found, song = read_song(tmp_path / "remix.wav"), read_song(tmp_path / "song.wav")
    assert (found.sample_rate, found.channels, found.seconds) == (rate, 2, 1.0)
    assert np.abs(found.wave - song.wave)[1000:-1000].max() < 5e-3
    write_sound(tmp_path / "other.wav", to_pcm16(vocals[:-1]), rate)
    with pytest.raises(InputError, match="has another format"):
        write_remix(tmp_path / "song.wav", tmp_path / "other.wav", voice, tmp_path / "remix.wav")


def test_a_melody_is_written_with_its_level_in_db(tmp_path):
    pitch, energy = np.array([220.0, 230.0], np.float32), np.log(np.array([0.1, 1e-5], np.float32))
    write_melody(tmp_path / "m.csv", Melody(pitch, energy, np.array([0.9, 0.2], np.float32), np.zeros((2, 0))))
    with open(tmp_path / "m.csv", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["time", "f0_hz", "voicing", "energy_db"],
        ["0.00", "220.000", "0.9000", "-20.00"],
        ["0.01", "0.000", "0.2000", "-100.00"],
    ]


def test_estimates_tell_the_shift_and_quarantine_what_is_not_finite(shards, tmp_path):
    systems = {
        "copy_source": copy_source(shards.voices),
        "octave": lambda mixture: Voice(0.5 * mixture.wave, 1200.0),
        "free": lambda mixture: Voice(0.5 * mixture.wave, math.nan),
        "broken": lambda mixture: Voice(mixture.wave * np.nan, 0.0),
    }
    chosen = Selection(("test",), ("clean", "snr0"))
    made = write_converted(Execution(tmp_path / "made"), shards.mixtures, systems, chosen)
    assert made == {"mixtures": 2, "systems": 4}
    found = Shards(tmp_path / "made")
    table = found.table.select(["system", "condition", "split", "shift_cents"]).to_pandas()
    assert set(table["system"]) == {"copy_source", "octave", "free"}
    assert set(table["split"]) == {"test"}
    assert table.set_index("system")["shift_cents"].to_dict()["octave"] == 1200.0
    assert table[table["system"] == "free"]["shift_cents"].isna().all()
    rejected = read_table(tmp_path / "made" / QUARANTINE).to_pylist()
    assert {one["part"] for one in rejected} == {"broken"}
    assert len(rejected) == 2
    short = {"short": lambda mixture: Voice(mixture.wave[1:], 0.0)}
    with pytest.raises(ValueError, match="made"):
        write_converted(Execution(tmp_path / "short"), shards.mixtures, short, chosen)
    with pytest.raises(InputError, match="no mixture of"):
        write_converted(Execution(tmp_path / "none"), shards.mixtures, systems, Selection(("dev",)))


def test_names_too_long_for_an_id_are_shortened_and_found_again(shards, tmp_path):
    made, broken = "made_" + 88 * "m", "broken_" + 88 * "b"
    systems = {
        made: lambda mixture: Voice(0.5 * mixture.wave, 0.0),
        broken: lambda mixture: Voice(mixture.wave * np.nan, 0.0),
    }
    write_converted(Execution(tmp_path), shards.mixtures, systems, Selection(("test",), ("clean", "snr0")))
    ids = Shards(tmp_path).column("id").tolist()
    assert [len(one) for one in ids] == [96, 96]
    assert len(set(ids)) == 2
    missing = list(Mixtures(shards.mixtures).missing(tmp_path))
    assert {(one["system"], one["condition"]) for one in missing} == {(broken, "clean"), (broken, "snr0")}
    assert {one["reason"] for one in missing} == {"NaN or infinite samples"}


def test_estimates_for_several_singers_tell_whom_they_are_converted_to(shards, tmp_path):
    systems = {name: copy_source(shards.voices) for name in ("to0", "to1")}
    chosen = Selection(("test",), ("clean",), chosen_clips(shards.mixtures, 5))
    write_converted(Execution(tmp_path), shards.mixtures, systems, chosen, {"to0": "ann", "to1": "bob"})
    table = Shards(tmp_path).table.select(["system", "target", "clip"]).to_pandas()
    assert table.set_index("system")["target"].to_dict() == {"to0": "ann", "to1": "bob"}
    with pytest.raises(InputError, match="no mixture of"):
        write_converted(Execution(tmp_path / "none"), shards.mixtures, systems, Selection(clips=("zoe-0",)))


def test_the_singers_with_most_singing_and_clips_far_apart_are_chosen(tmp_path):
    paths = tiny_voices.make(tmp_path, singers=5, clips=4, seconds=1.3)
    voices = Voices(paths.voices)
    clips = list(dict.fromkeys(str(one) for one in Shards(paths.mixtures).column("clip") if one.startswith("singer4")))
    assert chosen_clips(paths.mixtures, 2) == (clips[0], clips[-1])
    assert chosen_clips(paths.mixtures, 9) == tuple(clips)
    known = ("singer0", "singer1", "singer2")
    longer = voices.clips["singer2-0"]
    voices.clips["singer2-0"] = replace(longer, samples=longer.samples + 1)
    assert chosen_singers(voices, "singer1", known, 3) == ["singer1", "singer2", "singer0"]
    assert chosen_singers(voices, "singer1", known, 1) == ["singer1"]


def test_estimates_that_were_stopped_go_on_to_the_same_bytes(shards, tmp_path):
    calls = []

    def track(mixture):
        calls.append(mixture.id)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return np.full(1 + len(mixture.wave) // 160, 200.0), np.ones(1 + len(mixture.wave) // 160)

    with pytest.raises(KeyboardInterrupt):
        write_melodies(Execution(tmp_path / "stopped"), shards.mixtures, {"flat": track})
    write_melodies(Execution(tmp_path / "stopped"), shards.mixtures, {"flat": track})
    write_melodies(Execution(tmp_path / "whole"), shards.mixtures, {"flat": track})
    for name in ("index.parquet", "shard-00000.tar"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_tracked_melody_has_guesses_and_no_features(shards):
    melody = tracked("autocorrelation", tone(220, 1.0, RATE).astype(np.float32))
    assert (melody.pitch >= 0).all()
    assert melody.features.shape == (101, 0)
    assert np.abs(1200 * np.log2(melody.f0[20:80] / 220)).max() < 10


def test_presets_can_be_described():
    for preset in PRESETS.values():
        rows = describe(preset)["modules"]
        assert all(int(row["parameters"]) > 0 for row in rows)


def test_each_variant_changes_the_extractor_or_the_discriminators_alone():
    small = PRESETS["small"]
    changed = {name: variant(small, name) for name in VARIANTS}
    assert changed[MAIN] == small
    assert len({str(config) for config in changed.values()}) == len(VARIANTS)
    for name, config in changed.items():
        assert name == MAIN or (config.melody == small.melody) != (config.acoustic == small.acoustic), name
        assert replace(config, melody=small.melody, acoustic=small.acoustic) == small, name
    judges = {
        name: set(Discriminators(config.acoustic.adversaries, 8).judges)
        for name, config in changed.items()
        if name in DISCRIMINATORS
    }
    assert judges == {
        MAIN: {"real", "conversion", "embedding"},
        "without_real": {"conversion", "embedding"},
        "without_conversion": {"real", "embedding"},
        "without_embedding": {"real", "conversion"},
        "without_adversaries": set(),
    }
    held = {
        name: (changed[name].melody.tuned, changed[name].melody.distance, changed[name].melody.replay)
        for name in FREEZING
    }
    assert held == {
        MAIN: (True, 0, 0), "frozen_encoder": (False, 0, 0), "weight_distance": (True, 0.01, 0), "replay": (True, 0, 1)
    }  # fmt: skip
