"""Studies of the separation system: the right excerpts, settings that do what they say, scores by hand."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch

from data.execution import Execution
from data.files.tables import read_frame
from data.shards.reader import Shards
from data.shards.writer import Record, ShardWriter
from eval.separation.studies import write_study
from models.separation import studies
from models.separation.codec import Codec
from models.separation.sizes import CodecConfig
from models.separation.studies import MOST_SONGS, SECONDS, excerpts, write_noise

RATE = 1000
CPU = torch.device("cpu")


def write_songs(folder: Path, songs: int, seconds: int, sung: range) -> Path:
    """Write songs whose vocals sound in the seconds `sung` only; vocals 200, accompaniment 100 (square waves)."""
    writer, labels = ShardWriter(folder), {}
    for number in range(songs):
        square = np.where(np.arange(seconds * RATE) % 20 < 10, 1, -1)
        heard = np.repeat([second in sung for second in range(seconds)], RATE)
        for source, pcm in (("vocals", 200 * square * heard), ("accompaniment", 100 * square)):
            identifier = f"song{number}-{source}"
            labels[identifier] = (f"Song {number}", source)
            writer.add(Record(identifier, pcm[:, None].astype(np.int16), RATE))

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[one] for one in rows["id"].to_pylist()]
        rows = rows.append_column("track", pa.array([track for track, _ in found]))
        rows = rows.append_column("source", pa.array([source for _, source in found]))
        rows = rows.append_column("split", pa.array(["test"] * len(found)))
        marks = [[second in sung for second in range(seconds)]] * len(found)
        return rows.append_column("singing", pa.array(marks, pa.list_(pa.bool_())))

    writer.commit(annotate)
    return folder


@pytest.mark.parametrize(
    ("seconds", "sung", "start", "length"),
    [(30, range(14, 22), 12, SECONDS), (30, range(0), 0, SECONDS), (4, range(1, 3), 0, 4)],
)
def test_excerpts_hold_the_most_singing(tmp_path, seconds, sung, start, length):
    (found,) = excerpts(Shards(write_songs(tmp_path, 1, seconds, sung)))
    assert (found.start, len(found.vocals)) == (start * RATE, length * RATE)
    inside = [second in sung for second in range(start, start + length)]
    np.testing.assert_array_equal(np.abs(found.vocals).reshape(length, -1).max(1) > 0, inside)
    assert sum(inside) == len(sung)


def test_many_songs_are_sampled_from_first_to_last(tmp_path):
    found = [one.song.track for one in excerpts(Shards(write_songs(tmp_path, 20, 2, range(2))))]
    assert len(found) == MOST_SONGS
    assert (found[0], found[-1]) == ("Song 0", "Song 9")  # sorted by name


def test_noise_in_latents_costs_what_it_adds(tmp_path):
    songs = write_songs(tmp_path / "songs", 2, 3, range(3))
    torch.manual_seed(0)
    codec = Codec(CodecConfig(sample_rate=RATE, channels=4, strides=(2, 4), dimension=6))
    made = write_noise(Execution(tmp_path / "noise"), songs, codec, strengths=(0.0, 1.0))
    assert made == {"songs": 2, "settings": 4}
    assert write_study(Execution(tmp_path / "noise"), songs) == {"excerpts": 8}
    scores = read_frame(tmp_path / "noise" / "study.parquet")
    assert len(scores) == 8
    assert set(scores["what"]) == {"vocals", "mixture"}
    shards = Shards(tmp_path / "noise")
    first = next(excerpts(Shards(songs)))
    with torch.no_grad():
        expected = codec(torch.from_numpy(first.vocals.T.copy()))[0].numpy()
    row = int(np.flatnonzero((shards.column("what") == "vocals") & (shards.column("strength") == 0))[0])
    np.testing.assert_allclose(shards.read(row)[:, 0] / 32767, expected.clip(-1, 1), atol=1e-4)
    # The same file by hand: uSDR of silence is 0 dB, and the untrained codec gives next to silence.
    by_hand = 10 * np.log10(
        (np.square(first.vocals).sum() + 1e-7)
        / (np.square(first.vocals[:, 0] - shards.read(row)[:, 0] / 32767).sum() + 1e-7)
    )
    assert scores["uSDR"][row] == pytest.approx(by_hand, abs=1e-3)


def test_a_stopped_study_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    songs = write_songs(tmp_path / "songs", 3, 2, range(2))
    torch.manual_seed(0)
    codec = Codec(CodecConfig(sample_rate=RATE, channels=4, strides=(2, 4), dimension=6))
    monkeypatch.setattr(studies, "SMALL_SHARD_BYTES", 1)  # a shard a record
    write_noise(Execution(tmp_path / "whole"), songs, codec, strengths=(0.0, 0.5))
    calls = iter(range(5))
    work = codec.decode

    def failing(*arguments):
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return work(*arguments)

    monkeypatch.setattr(codec, "decode", failing)
    with pytest.raises(KeyboardInterrupt):
        write_noise(Execution(tmp_path / "cut"), songs, codec, strengths=(0.0, 0.5))
    monkeypatch.setattr(codec, "decode", work)
    write_noise(Execution(tmp_path / "cut"), songs, codec, strengths=(0.0, 0.5))
    for path in sorted((tmp_path / "whole").glob("*.tar")):
        assert (tmp_path / "cut" / path.name).read_bytes() == path.read_bytes()
