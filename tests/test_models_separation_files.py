"""Song files of any rate, channels and length: as long as they were, in place, and in bounded memory."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
import torch

from data.errors import InputError
from data.files.audio import UnreadableAudio
from models.separation.files import separate_file, separate_wave
from models.separation.separate import Separator


def nothing(sample_rate: int = 16_000, chunk: int = 4000, overlap: int = 800) -> Separator:
    """A system that takes the mixture for vocals."""
    return Separator(lambda mixture, numbers: mixture.clone(), sample_rate, chunk, overlap)


def write_song(path: Path, rate: int, channels: int, frames: int) -> np.ndarray:
    """Low tones, one a channel, that every rate can hold."""
    time = np.arange(frames) / rate
    wave = np.stack([0.4 * np.sin(2 * np.pi * (200 + 90 * number) * time) for number in range(channels)], 1)
    soundfile.write(path, wave, rate, subtype="PCM_16" if path.suffix == ".wav" else None)
    return wave


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_channels_come_back_in_place(tmp_path, rate, channels):
    wave = write_song(tmp_path / "song.wav", rate, channels, rate + 37)
    told = separate_file(tmp_path / "song.wav", tmp_path / "vocals.wav", nothing())
    found, found_rate = soundfile.read(tmp_path / "vocals.wav", always_2d=True)
    assert found_rate == rate
    assert found.shape == wave.shape
    assert told["channels"] == channels
    middle = slice(rate // 10, -rate // 10)
    assert np.abs(found[middle] - wave[middle]).max() < 2e-3


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_arrays_are_separated_as_files_are(tmp_path, rate, channels):
    write_song(tmp_path / "song.wav", rate, channels, rate + 37)
    separate_file(tmp_path / "song.wav", tmp_path / "vocals.wav", nothing())
    song, _ = soundfile.read(tmp_path / "song.wav", always_2d=True)
    vocals = separate_wave(song, rate, nothing())
    assert (vocals.shape, vocals.dtype) == (song.shape, np.float32)
    assert np.abs(vocals - soundfile.read(tmp_path / "vocals.wav", always_2d=True)[0]).max() < 1e-4
    np.testing.assert_array_equal(
        separate_wave(song[:, 0], rate, nothing()), separate_wave(song[:, :1], rate, nothing())[:, 0]
    )


@pytest.mark.parametrize("frames", [1, 2, 100, 44_099, 44_100, 44_101])
def test_an_array_of_any_length_keeps_it(frames):
    assert separate_wave(np.full(frames, 0.1), 44_100, nothing()).shape == (frames,)


@pytest.mark.parametrize(
    ("song", "rate"),
    [(np.zeros(0), 44_100), (np.zeros((9, 2, 2)), 44_100), (np.full(9, np.nan), 44_100), (np.zeros(9), 0)],
)
def test_what_is_no_song_is_told(song, rate):
    with pytest.raises(InputError, match=f"at {rate} Hz: give finite samples"):
        separate_wave(song, rate, nothing())


@pytest.mark.parametrize("frames", [1, 2, 100, 44_099, 44_100, 44_101])
def test_any_length_is_kept_to_the_sample(tmp_path, frames):
    write_song(tmp_path / "song.wav", 44_100, 2, frames)
    separate_file(tmp_path / "song.wav", tmp_path / "vocals.wav", nothing())
    assert soundfile.info(tmp_path / "vocals.wav").frames == frames


def test_other_containers_are_read(tmp_path):
    wave = write_song(tmp_path / "song.flac", 22_050, 1, 30_000)
    separate_file(tmp_path / "song.flac", tmp_path / "vocals.wav", nothing())
    assert soundfile.info(tmp_path / "vocals.wav").frames == len(wave)


def write_m4a(path: Path, rate: int, frames: int) -> np.ndarray:
    """Write stereo AAC in an MP4 and return what went in."""
    time = np.arange(frames) / rate
    wave = np.stack([0.4 * np.sin(2 * np.pi * hertz * time) for hertz in (220, 330)]).astype(np.float32)
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=rate, layout="stereo", bit_rate=192_000)
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo")
        frame.sample_rate, frame.pts = rate, 0
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return wave.T


def test_containers_are_read_too(tmp_path):
    wave = write_m4a(tmp_path / "song.m4a", 44_100, 50_000)
    told = separate_file(tmp_path / "song.m4a", tmp_path / "vocals.wav", nothing())
    assert (told["sample_rate"], told["channels"]) == (44_100, 2)
    found = soundfile.read(tmp_path / "vocals.wav")[0]
    assert 50_000 <= len(found) <= 50_000 + 2048  # AAC comes in whole frames
    error = np.square(found[10_000:40_000] - wave[10_000:40_000]).mean() ** 0.5
    assert error < 0.02  # in place: the coder's delay of 1,024 samples would give 0.4


def test_a_damaged_container_is_told(tmp_path):
    write_m4a(tmp_path / "song.m4a", 44_100, 50_000)
    content = (tmp_path / "song.m4a").read_bytes()
    (tmp_path / "song.m4a").write_bytes(content[: len(content) // 2])
    with pytest.raises(UnreadableAudio, match=r"song\.m4a: "):
        separate_file(tmp_path / "song.m4a", tmp_path / "vocals.wav", nothing())
    assert not (tmp_path / "vocals.wav").exists()


def test_long_songs_are_never_held_whole(tmp_path):
    write_song(tmp_path / "song.wav", 16_000, 1, 1_500_000)
    seen = []

    def watched(mixture: torch.Tensor, numbers: list[int]) -> torch.Tensor:
        seen.append(mixture.shape)
        return mixture.clone()

    separate_file(tmp_path / "song.wav", tmp_path / "vocals.wav", Separator(watched, 16_000, 40_000, 4000))
    assert max(shape[0] * shape[1] for shape in seen) <= 4 * 40_000
    assert soundfile.info(tmp_path / "vocals.wav").frames == 1_500_000


def test_a_damaged_song_leaves_nothing_behind(tmp_path):
    write_song(tmp_path / "song.wav", 16_000, 1, 20_000)
    content = (tmp_path / "song.wav").read_bytes()
    (tmp_path / "song.wav").write_bytes(content[:9000])
    with pytest.raises(UnreadableAudio, match=r"song\.wav: .*truncated"):
        separate_file(tmp_path / "song.wav", tmp_path / "vocals.wav", nothing())
    (tmp_path / "text.wav").write_bytes(b"not a sound")
    with pytest.raises(UnreadableAudio, match=r"text\.wav: not readable as audio"):
        separate_file(tmp_path / "text.wav", tmp_path / "vocals.wav", nothing())
    assert not (tmp_path / "vocals.wav").exists()
