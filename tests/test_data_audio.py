"""What decodes, decodes exactly; what is damaged says so."""

import struct

import numpy as np
import pytest
import soundfile

from data.files.audio import UnreadableAudio, decode, encode, read, read_wave, resample, to_float, to_pcm16

RAMP = np.arange(-500, 500, dtype=np.int16)


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_16_bit_sound_comes_back_exactly(container):
    stereo = np.stack([RAMP, -RAMP], 1)
    pcm = decode(encode(stereo, 44100, container))
    assert pcm.sample_rate == 44100
    assert pcm.channels == 2
    np.testing.assert_array_equal(pcm.samples, stereo)


def test_24_bit_sound_is_rounded(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([0.5, -1.0, 1.0]), 8000, subtype="PCM_24")
    np.testing.assert_array_equal(read(tmp_path / "a.wav").samples[:, 0], [16384, -32767, 32767])


def test_full_scale_is_32767():
    np.testing.assert_array_equal(to_pcm16(np.array([1.0, -1.0, 2.0, 0.5])), [32767, -32767, 32767, 16384])
    assert to_float(np.array([32767], np.int16))[0] == 1.0


def test_every_truncation_of_a_wav_is_noticed():
    content = encode(RAMP, 16000, "WAV")
    for length in (0, 10, 30, 44, 45, len(content) // 2, len(content) - 1):
        with pytest.raises(UnreadableAudio):
            decode(content[:length])


def test_a_header_that_promises_too_much_is_noticed():
    content = bytearray(encode(RAMP, 16000, "WAV"))
    content[40:44] = struct.pack("<I", 5000)
    with pytest.raises(UnreadableAudio, match="5000 bytes of sound promised, 2000 found"):
        decode(bytes(content))


def test_floats_beyond_full_scale_are_scaled_by_one_factor(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([0.5, -2.0]), 8000, subtype="FLOAT")
    pcm = read(tmp_path / "a.wav")
    assert pcm.gain == 0.5
    np.testing.assert_array_equal(pcm.samples[:, 0], [8192, -32767])
    np.testing.assert_array_equal(read_wave(tmp_path / "a.wav").samples[:, 0], [0.5, -2.0])  # as it is


@pytest.mark.parametrize(("value", "message"), [(np.nan, "NaN"), (np.inf, "NaN or infinite")])
def test_floats_that_are_not_finite_are_refused(tmp_path, value, message):
    soundfile.write(tmp_path / "a.wav", np.array([0.0, value]), 8000, subtype="FLOAT")
    with pytest.raises(UnreadableAudio, match=message) as error:
        read(tmp_path / "a.wav")
    assert "a.wav" in str(error.value)


def test_text_is_no_audio():
    with pytest.raises(UnreadableAudio, match="not readable as audio"):
        decode(b"<html>not found</html>")


def test_resampling_by_an_octave_doubles_the_pitch():
    time = np.arange(16000) / 16000
    up = resample(np.sin(2 * np.pi * 300 * time), 16000, 8000)
    spectrum = np.abs(np.fft.rfft(up * np.hanning(len(up))))
    assert len(up) == 8000
    assert spectrum.argmax() == 300
