"""The embedded songs: exact sums, the pitch that is promised, the layout of MUSDB18-HQ, the same every time."""

from itertools import pairwise

import numpy as np
import pytest

from data.embedded import songs
from data.embedded.singer import CONSONANTS, CONTROL_RATE, VOWELS, Sung, make_singer, sing
from data.embedded.songs import make_song, make_songs, melody
from data.files.audio import resample
from data.musdb.dataset import SOURCES, locate
from data.musdb.stems import flags, read_track
from eval.metrics.pitch import cents, track

RATE = 44_100


@pytest.fixture(scope="module")
def song() -> songs.Song:
    return make_song(1)


def test_the_mixture_is_the_exact_sum(song):
    assert list(song.sources) == list(SOURCES)
    total = sum(song.sources[name].astype(np.int32) for name in SOURCES[1:])
    np.testing.assert_array_equal(song.sources["mixture"], total)
    assert flags(song.sources) == []
    assert 0.9 < np.abs(total).max() / 32767 < 0.96
    for name, pcm in song.sources.items():
        assert pcm.dtype == np.int16
        assert np.square(pcm.astype(float)).mean() ** 0.5 > 300, name


def test_a_song_is_the_same_every_time_and_no_other(song):
    again = make_song(1)
    for name, pcm in song.sources.items():
        np.testing.assert_array_equal(pcm, again.sources[name])
    other = make_song(2)
    assert len(other.sources["mixture"]) != len(song.sources["mixture"])


def strongest_series(wave: np.ndarray, near: float) -> float:
    """Return the frequency within a semitone of `near` whose first eight multiples hold most, in Hz."""
    time = np.arange(len(wave)) / 16_000
    windowed = wave * np.hanning(len(wave))
    tried = near * 2 ** (np.linspace(-1, 1, 201) / 12)
    multiples = tried[:, None] * np.arange(1, 9)
    held = np.abs(np.exp(-2j * np.pi * multiples[..., None] * time) @ windowed).sum(1)
    return float(tried[held.argmax()])


@pytest.mark.parametrize("seed", range(4))
def test_a_singer_sings_the_pitch_that_is_told(seed):
    singer = make_singer(seed)
    middle = (singer.lowest + singer.highest) // 2
    notes = [Sung(0.7 * number, 0.65, middle + number, "m", vowel) for number, vowel in enumerate(VOWELS)]
    voice = sing(notes, singer, 16_000, seed)
    for note in notes:
        start = note.start + 0.35
        frames = slice(int(start * CONTROL_RATE), int((start + 0.1) * CONTROL_RATE))
        told = float(voice.hertz[frames].mean())
        heard = strongest_series(voice.wave[int(start * 16_000) : int((start + 0.1) * 16_000)], told)
        assert abs(1200 * np.log2(heard / told)) < 25, note
        assert abs(69 + 12 * np.log2(told / 440) - note.pitch) < 0.8
        assert voice.voiced[frames].all()


def test_consonants_are_noise_and_not_voiced():
    voice = sing([Sung(0.2, 0.8, 60, "s", "a")], make_singer(0), RATE, 0)
    hiss = voice.wave[int(0.22 * RATE) : int(0.3 * RATE)]
    vowel = voice.wave[int(0.6 * RATE) : int(0.68 * RATE)]
    share = [np.square(np.abs(np.fft.rfft(one))[len(one) // 9 :]).sum() / np.square(one).sum() for one in (hiss, vowel)]
    assert share[0] > 20 * share[1]
    assert not voice.voiced[int(0.23 * CONTROL_RATE) : int(0.28 * CONTROL_RATE)].any()


def test_melodies_stay_in_range_and_do_not_overlap():
    for seed in range(6):
        singer = make_singer(seed)
        notes = melody(seed, 0.5, seed, singer)
        assert len(notes) > 15
        assert all(singer.lowest <= note.pitch <= singer.highest for note in notes)
        assert all(note.consonant in CONSONANTS for note in notes)
        for before, after in pairwise(notes):
            assert before.start + before.seconds <= after.start


def test_songs_are_written_in_the_layout_of_musdb18hq(tmp_path, monkeypatch):
    monkeypatch.setattr(songs, "SONGS", 4)
    monkeypatch.setattr(songs, "_BARS", 1)
    root = make_songs(tmp_path)
    tracks = locate(str(root), tmp_path)
    assert sorted(track.subset for track in tracks) == ["test", "train", "train", "train"]
    assert set(read_track(tracks[0]).sources) == set(SOURCES)
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*.wav")}
    assert make_songs(tmp_path) == root
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*.wav")} == before


def test_resampling_a_note_keeps_its_pitch():
    wave = songs._note(0, 60, 0.5)
    assert abs(cents(60, track(resample(wave, RATE, 16_000), 16_000).note())) < 10
