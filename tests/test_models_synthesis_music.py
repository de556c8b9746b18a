"""Notes, chords and MIDI files, played by a network of which every sample is known."""

import io
from contextlib import suppress

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import InputError
from models.synthesis import music
from models.synthesis.music import Event, parse_pitches, read_midi, render


@pytest.fixture
def known(monkeypatch):
    """Every note is a constant: its pitch over a thousand, and the velocity in the next digits."""

    def synthesize(network, labels, listener=None):
        for one in labels:
            yield np.full(64_000, one.pitch / 1000 + one.velocity / 1e6, np.float32)

    monkeypatch.setattr(music, "synthesize", synthesize)


def test_a_single_note_is_the_note_itself(known):
    wave, gain = render(None, 0, parse_pitches("60", 100), [100])  # type: ignore[arg-type]
    assert gain == 0
    assert wave.shape == (64_000,)
    assert (wave == np.float32(0.0601)).all()


def test_notes_begin_in_time_take_the_nearest_velocity_and_fade_out(known):
    events = [Event(0.0, 0.5, 60, 20), Event(1.0, 9.0, 70, 90)]
    wave, _ = render(None, 0, events, [25, 100])  # type: ignore[arg-type]
    assert len(wave) == 5 * 16_000  # a note ends after 4 s
    assert (wave[:8000] == np.float32(0.060025)).all()
    assert (np.diff(wave[8000 : 8000 + 1280]) < 0).all()
    assert not wave[9281:16_000].any()
    assert (wave[16_000:] == np.float32(0.0701)).all()


def test_chords_stay_within_full_scale_and_the_gain_is_told(known):
    events = [Event(0.0, 1.0, 120, 100) for _ in range(20)]
    wave, gain = render(None, 0, events, [100])  # type: ignore[arg-type]
    assert np.abs(wave).max() == pytest.approx(1, abs=1e-6)
    assert gain == pytest.approx(-20 * np.log10(20 * 0.1201), abs=1e-4)


@pytest.mark.parametrize(
    ("text", "pitches", "onsets"),
    [
        ("60", [60], [0]),
        ("60-62", [60, 61, 62], [0, 1, 2]),
        ("62-60", [62, 61, 60], [0, 1, 2]),
        ("60,67,60", [60, 67], [0, 0]),
    ],
)
def test_pitches_by_text(text, pitches, onsets):
    found = parse_pitches(text, 75)
    assert [one.pitch for one in found] == pitches
    assert [one.onset for one in found] == onsets
    assert found[-1].seconds == 4


def midi(*messages: mido.Message, tempo: int = 500_000) -> bytes:
    """Return a MIDI file of one track."""
    file, content = mido.MidiFile(ticks_per_beat=100), io.BytesIO()
    file.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo), *messages]))
    file.save(file=content)
    return content.getvalue()


def test_a_midi_file_is_played_by_its_tempo_without_percussion(tmp_path):
    path = tmp_path / "song.mid"
    path.write_bytes(
        midi(
            mido.Message("note_on", note=60, velocity=90, time=100),
            mido.Message("note_on", note=36, velocity=90, channel=9),
            mido.Message("note_on", note=60, velocity=50, time=100),  # again before it ended
            mido.Message("note_on", note=60, velocity=0, time=100),  # ends it
            mido.Message("note_on", note=64, velocity=70, time=0),
            mido.Message("note_on", note=36, velocity=0, channel=9, time=100),  # 64 is never ended
            tempo=1_000_000,
        )
    )
    assert read_midi(path) == [Event(1, 1, 60, 90), Event(2, 1, 60, 50), Event(3, 1, 64, 70)]


@pytest.mark.parametrize(
    "content", [b"", b"MThd", b"RIFF" * 100, midi(mido.Message("note_on", note=36, velocity=9, channel=9))]
)
def test_what_is_no_midi_file_is_told(tmp_path, content):
    path = tmp_path / "x.mid"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.mid: no (MIDI file|note)"):
        read_midi(path)


WHOLE = midi(
    *(mido.Message(kind, note=60 + one, velocity=64, time=50) for one in range(8) for kind in ("note_on", "note_off"))
)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.integers(0, len(WHOLE)))
def test_a_damaged_midi_file_is_read_or_told(tmp_path_factory, place, value, length):
    path = tmp_path_factory.getbasetemp() / "damaged.mid"
    path.write_bytes((WHOLE[:place] + bytes([value]) + WHOLE[place + 1 :])[:length])
    found: list[Event] = []
    with suppress(InputError):
        found = read_midi(path)
    assert all(one.seconds > 0 and 0 <= one.pitch < 128 for one in found)
