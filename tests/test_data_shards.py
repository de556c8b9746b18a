"""Shards round trip, are readable by others, notice damage, and survive kills."""

import io
import os
import resource
import signal
import tarfile
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from tiny_forked import Forked

from data.errors import InputError
from data.files.audio import decode
from data.files.tables import read_table
from data.shards.reader import CorruptShard, Shards
from data.shards.writer import CRC_BLOCK, Record, Rejection, ShardWriter, is_committed, shard_name


def items(count: int = 20, frames: int = 500):
    generator = np.random.default_rng(0)
    for number in range(count):
        values = generator.integers(-30000, 30000, (frames, 1), dtype=np.int16)
        yield Rejection(f"n{number:03d}", "broken") if number % 7 == 3 else Record(f"n{number:03d}", values, 16000)


def write(folder: Path, shard_bytes: int = 6000, stop: int | None = None) -> None:
    if is_committed(folder):
        return
    writer = ShardWriter(folder, shard_bytes)
    for item in islice(items(), writer.consumed, stop):
        writer.add(item)
    if stop is None:
        writer.commit(source="test")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_records_come_back_exactly_in_order(tmp_path):
    write(tmp_path)
    shards = Shards(tmp_path)
    stored = [item for item in items() if isinstance(item, Record)]
    assert shards.column("id").tolist() == [one.id for one in stored]
    for row, one in enumerate(stored):
        np.testing.assert_array_equal(shards.read(row), one.values)
    assert len(shards.metadata["shards"]) > 2
    assert shards.metadata["source"] == "test"


def test_rejections_become_the_quarantine(tmp_path):
    write(tmp_path)
    table = read_table(tmp_path / "quarantine.parquet").to_pydict()
    assert table == {"id": ["n003", "n010", "n017"], "part": [""] * 3, "reason": ["broken"] * 3}


def test_any_tool_can_open_a_shard(tmp_path):
    write(tmp_path)
    with tarfile.open(tmp_path / shard_name(0)) as archive:
        member = archive.getmembers()[0]
        assert member.name == "n000.wav"
        pcm = decode(archive.extractfile(member).read())
    np.testing.assert_array_equal(pcm.samples, next(items()).values)


def test_float_frames_are_stored_as_npy(tmp_path):
    values = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float16)
    writer = ShardWriter(tmp_path)
    writer.add(Record("a", values, 62.5))
    writer.commit()
    np.testing.assert_array_equal(Shards(tmp_path).read(0), values)
    with tarfile.open(tmp_path / shard_name(0)) as archive:
        np.testing.assert_array_equal(np.load(io.BytesIO(archive.extractfile("a.npy").read())), values)


def test_a_segment_of_a_long_recording(tmp_path):
    values = np.random.default_rng(0).integers(-9, 9, (CRC_BLOCK, 2), dtype=np.int16)
    writer = ShardWriter(tmp_path)
    writer.add(Record("song", values, 44100))
    writer.commit()
    shards = Shards(tmp_path)
    for start, length in ((0, 10), (262_140, 10), (500_000, 300_000), (len(values) - 5, 5), (100, 0)):
        np.testing.assert_array_equal(shards.segment(0, start, length), values[start : start + length])
    with pytest.raises(ValueError, match="of a recording of"):
        shards.segment(0, len(values), 1)


def test_reading_a_batch_into_a_buffer(tmp_path):
    write(tmp_path)
    shards = Shards(tmp_path)
    out = np.empty((3, 500, 1), np.int16)
    shards.read_into([5, 0, 9], out)
    for one, row in zip(out, (5, 0, 9), strict=True):
        np.testing.assert_array_equal(one, shards.read(row))
    with pytest.raises(ValueError, match="bytes asked"):
        shards.read_into([0], np.empty((1, 400, 1), np.int16))


@pytest.mark.parametrize("position", [0, 1, 499, 999])
def test_one_flipped_bit_is_noticed_and_named(tmp_path, position):
    write(tmp_path)
    shards = Shards(tmp_path)
    path = tmp_path / shard_name(int(shards.column("shard")[4]))
    content = bytearray(path.read_bytes())
    content[int(shards.column("offset")[4]) + position] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptShard, match=f"{path.name}: recording n005 does not match"):
        Shards(tmp_path).read(4)
    assert any("n005" in message for message in shards.damaged())


def test_a_cut_or_missing_shard_is_refused_at_opening(tmp_path):
    write(tmp_path)
    path = tmp_path / shard_name(1)
    content = path.read_bytes()
    path.write_bytes(content[:-512])
    with pytest.raises(CorruptShard, match=r"shard-00001.tar: \d+ bytes where \d+ were written"):
        Shards(tmp_path)
    path.unlink()
    with pytest.raises(CorruptShard, match="0 bytes where"):
        Shards(tmp_path)


@pytest.mark.parametrize("position", [2, 40, 200, 900, -300, -10])
def test_a_flipped_bit_in_the_index_is_noticed_or_harmless(tmp_path, position):
    write(tmp_path)
    whole = Shards(tmp_path).table
    path = tmp_path / "index.parquet"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    try:
        table = Shards(tmp_path).table
    except InputError as error:
        assert "index.parquet" in str(error)  # noqa: PT017
    else:
        assert table == whole


def test_an_unfinished_folder_is_refused(tmp_path):
    write(tmp_path, stop=12)
    with pytest.raises(InputError, match="never finished"):
        Shards(tmp_path)


@pytest.mark.parametrize("stop", [0, 1, 4, 9, 19])
def test_a_stopped_writer_goes_on_to_the_same_bytes(tmp_path, stop):
    write(tmp_path / "whole")
    write(tmp_path / "twice", stop=stop)
    write(tmp_path / "twice")
    assert contents(tmp_path / "twice") == contents(tmp_path / "whole")


def test_every_failing_call_can_be_resumed_to_the_same_bytes(tmp_path, monkeypatch):
    write(tmp_path / "whole")
    expected = contents(tmp_path / "whole")
    for call in ("fsync", "replace"):
        real, failing, outcome = getattr(os, call), 0, False
        while not outcome:
            failing += 1
            count = 0

            def fail(*args, _real=real):
                nonlocal count
                count += 1
                if count == failing:  # noqa: B023 (read while this round lasts)
                    raise OSError(28, "No space left on device")
                return _real(*args)

            folder = tmp_path / f"{call}-{failing}"
            with monkeypatch.context() as patch:
                patch.setattr(os, call, fail)
                try:
                    write(folder)
                    outcome = True
                except OSError:
                    pass
            write(folder)
            assert contents(folder) == expected
        assert failing > 8


def test_kill_9_at_any_moment_can_be_resumed_to_the_same_bytes(tmp_path):
    write(tmp_path / "whole")
    script = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "import data.shards.writer, test_data_shards as t\n"
        "left = int(sys.argv[2])\n"
        "def hook(event, args):\n"
        "    global left\n"
        "    if event in ('open', 'os.rename') and 'killed' in str(args[0]):\n"
        "        left -= 1\n"
        "        if left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(hook)\n"
        "t.write(Path(sys.argv[1]))\n"
    )
    killed = 0
    for moment in (2, 5, 9, 14, 20):
        folder = tmp_path / f"killed-{moment}"
        done = Forked(script, [folder, moment], {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}).wait()
        killed += done.returncode == -signal.SIGKILL
        write(folder)
        assert contents(folder) == contents(tmp_path / "whole")
    assert killed >= 4


def test_finished_shards_cannot_be_written_to(tmp_path):
    write(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="these shards are finished"):
        ShardWriter(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_unsafe_id_is_refused(tmp_path):
    writer = ShardWriter(tmp_path)
    with pytest.raises(ValueError, match="is no id"):
        writer.add(Record("../../etc/passwd", np.zeros((1, 1), np.int16), 16000))


def descriptors() -> int:
    """Return the number of files that this process has open."""
    return len(os.listdir("/proc/self/fd"))


def test_a_reader_of_many_shards_lives_with_few_descriptors(tmp_path):
    """100 shards, read by four threads at once in random order, in a process that may open 45 files more."""
    writer = ShardWriter(tmp_path, shard_bytes=1)
    for number in range(100):
        writer.add(Record(f"n{number:03d}", np.full((50, 1), number, np.int16), 16000))
    writer.commit()
    shards = Shards(tmp_path)
    assert len(shards.metadata["shards"]) == 100

    def read_all() -> None:
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        before = descriptors()
        resource.setrlimit(resource.RLIMIT_NOFILE, (before + 45, limits[1]))
        orders = [np.random.default_rng(seed).permutation(100).tolist() for seed in range(4)]
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda order: [int(shards.read(row)[0, 0]) for row in order], orders))
        assert found == orders
        assert descriptors() <= before + 32
        shards.close()
        assert descriptors() == before

    child = os.fork()
    if child == 0:
        try:
            read_all()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_reader_that_is_forgotten_closes_its_files(tmp_path):
    write(tmp_path)
    shards, before = Shards(tmp_path), descriptors()
    for row in range(len(shards)):
        shards.read(row)
    assert descriptors() > before
    del shards
    assert descriptors() == before
