"""Audio as people have it: lengths that headers only estimate, files from pipes, containers."""

import io
import struct

import av
import numpy as np
import pytest
import soundfile

from data.files.audio import UnreadableAudio, decode, read_mono, read_wave
from data.files.readers import open_sound

RATE, FRAMES = 44_100, 66_150
TIME = np.arange(FRAMES) / RATE
TONE = (np.sin(2 * np.pi * 440 * TIME) * np.linspace(0, 0.5, FRAMES))[:, None] * [1, 0.5]  # (T, 2)
NOISY = TONE + np.where(TIME > 0.75, 0.2, 0)[:, None] * np.random.default_rng(0).normal(size=TONE.shape)


def encoded(form: str, subtype: str | None = "PCM_16", **options: object) -> bytearray:
    file = io.BytesIO()
    soundfile.write(file, np.clip(NOISY, -1, 1), RATE, format=form, subtype=subtype, **options)
    return bytearray(file.getvalue())


def mp3(mode: str, *, stated: bool) -> bytes:
    """An MP3, with the frame that states its length or without."""
    content = bytes(encoded("MP3", None, bitrate_mode=mode, compression_level=0.5))
    return content if stated else content.replace(b"Xing", bytes(4)).replace(b"Info", bytes(4))


def packed(form: str, codec: str) -> bytes:
    """The tone in a container, or as a raw stream."""
    file = io.BytesIO()
    with av.open(file, "w", format=form) as container:
        stream = container.add_stream(codec, rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(TONE.T, np.float32), format="fltp", layout="stereo")
        frame.sample_rate = RATE
        format_ = av.codec.Codec(codec, "w").audio_formats[0]
        resampler = av.AudioResampler(format=format_, layout="stereo", rate=RATE)
        for one in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(one))
        container.mux(stream.encode(None))
    return file.getvalue()


def length(content: bytes) -> int:
    """The number of samples that a reader says and delivers."""
    with open_sound(content) as file:
        assert len(file.read(10 * FRAMES)) == file.frames
        return file.frames


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("tag", [b"", b"APETAGEX" + bytes(6000)])
def test_an_mp3_is_as_long_as_what_it_decodes_to(mode, tag):
    assert length(mp3(mode, stated=True) + tag) == FRAMES
    assert FRAMES <= length(mp3(mode, stated=False) + tag) <= FRAMES + 3 * 1152  # with the coder's padding


def test_an_mp3_that_states_its_length_and_is_cut_off_is_told():
    with pytest.raises(UnreadableAudio, match=rf"truncated: {FRAMES} samples promised, \d+ found"):
        decode(mp3("VARIABLE", stated=True)[:-4000])


def test_a_flac_from_a_pipe_is_read_to_its_end():
    whole = bytes(encoded("FLAC"))
    content = bytearray(whole)
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    np.testing.assert_array_equal(decode(bytes(content)).samples, decode(whole).samples)
    with pytest.raises(UnreadableAudio, match="damaged"):
        decode(bytes(content[: len(content) // 2]))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFF000])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_wav_from_a_pipe_is_read_to_its_end(size, subtype):
    whole = encoded("WAV", subtype)
    place = whole.index(b"data") + 4
    content = whole[:place] + struct.pack("<I", size) + whole[place + 4 :]
    np.testing.assert_array_equal(decode(bytes(content)).samples, decode(bytes(whole)).samples)


@pytest.mark.parametrize("behind", [b"", b"LIST\4\0\0\0abcd"])
def test_a_wav_without_samples_is_an_error(behind):
    head = encoded("WAV")[:40]
    with pytest.raises(UnreadableAudio, match="holds no samples"):
        decode(bytes(head + bytes(4)) + behind)


@pytest.mark.parametrize("form", ["AIFF", "AU", "W64", "RF64"])
def test_other_forms_that_are_cut_off_are_told(form):
    content = bytes(encoded(form))
    assert length(content) == FRAMES
    with pytest.raises(UnreadableAudio, match="truncated: "):
        decode(content[: len(content) // 2])


@pytest.mark.parametrize(
    ("form", "codec"),
    [
        ("adts", "aac"), ("mpegts", "aac"), ("avi", "mp3"), ("ac3", "ac3"), ("wv", "wavpack"), ("mov", "aac"),
        ("wav", "mp3"), ("mp4", "alac"), ("matroska", "aac"),
    ],
)  # fmt: skip
def test_containers_and_raw_streams_are_decoded(form, codec):
    pcm = decode(packed(form, codec))
    assert pcm.sample_rate == RATE
    assert FRAMES <= len(pcm.samples) <= FRAMES + 4096  # whole frames of the coder
    spectrum = np.abs(np.fft.rfft(pcm.samples[:RATE, 0]))
    assert spectrum.argmax() == 440


@pytest.mark.parametrize(
    "content",
    [
        b"<html>not found</html>",
        b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n/etc/passwd\n",  # FFmpeg would open the file it names
        np.random.default_rng(1).bytes(20_000),
        bytes(20_000),
    ],
)
def test_what_is_no_audio_is_told_in_one_line(content):
    with pytest.raises(UnreadableAudio, match=r"^not readable as audio \([^<>\n]+\)$"):
        decode(content)


def test_a_silent_channel_is_not_averaged_in_silence(tmp_path):
    soundfile.write(tmp_path / "a.wav", NOISY * [1, 0], RATE, subtype="FLOAT")
    with pytest.raises(UnreadableAudio, match=r"a\.wav: channel 2 of 2 is silent"):
        read_mono(tmp_path / "a.wav")
    assert read_wave(tmp_path / "a.wav").samples.shape == (FRAMES, 2)
