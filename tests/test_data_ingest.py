"""From NSynth on disk to shards: every shape, every fault, killed and resumed."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from tiny import pack, sine_note, write_nsynth
from tiny_forked import Forked

from data import processes
from data.errors import InputError
from data.execution import Execution
from data.files.audio import encode, write_sound
from data.files.durable import read_json, write_json
from data.files.tables import read_table
from data.nsynth import ingest as ingesting
from data.nsynth.dataset import completion_split, find_parts, locate, source_version
from data.nsynth.ingest import ingest
from data.nsynth.leaks import leaks
from data.nsynth.metadata import read_metadata
from data.progress import ignore
from data.shards.reader import Shards

VALID = {
    "note": 1, "instrument": 0, "instrument_str": "organ", "pitch": 60, "velocity": 75, "instrument_family": 6,
    "instrument_source": 1, "qualities": [0] * 10,
}  # fmt: skip


def run(source: Path, folder: Path, **options) -> Shards:
    ingest(Execution(folder, options.pop("listener", ignore)), locate(str(source), folder / "downloads"), **options)
    return Shards(folder)


def quarantine(folder: Path) -> dict[str, str]:
    table = read_table(folder / "quarantine.parquet")
    return dict(zip(table["id"].to_pylist(), table["reason"].to_pylist(), strict=True))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture
def part(tmp_path, nsynth_part) -> Path:
    return shutil.copytree(nsynth_part, tmp_path / "nsynth-train")


def test_a_folder_becomes_shards_with_labels_and_split(tmp_path, nsynth_part):
    shards = run(nsynth_part, tmp_path)
    described = read_json(nsynth_part / "examples.json")
    assert shards.column("id").tolist() == sorted(described)
    row = shards.table.slice(7, 1).to_pylist()[0]
    one = described[row["id"]]
    assert (row["pitch"], row["velocity"], row["family"]) == (one["pitch"], one["velocity"], "brass")
    np.testing.assert_array_equal(shards.read(7)[:, 0], sine_note(one["instrument"], one["pitch"], one["velocity"]))
    columns = (shards.column(name).tolist() for name in ("id", "instrument", "pitch"))
    assert shards.column("split").tolist() == completion_split(*columns)
    assert set(shards.column("split")) == {"train", "valid", "test"}
    assert quarantine(tmp_path) == {}
    assert leaks(tmp_path, shards.table) == []
    assert list(shards.damaged()) == []


@pytest.mark.parametrize("metadata_last", [False, True])
def test_an_archive_gives_the_same_notes_wherever_its_metadata_lies(tmp_path, part, metadata_last):
    whole = run(part, tmp_path / "a")
    packed = run(pack(part, metadata_last), tmp_path / "b")
    for table in (whole.table, packed.table):
        assert len(table) == 40
    columns = ["id", "crc32", "source_sha256", "pitch", "split", "flags"]
    order = [("id", "ascending")]
    assert packed.table.select(columns).sort_by(order) == whole.table.select(columns).sort_by(order)


def test_every_fault_is_quarantined_with_its_reason(tmp_path, part):
    audio = part / "audio"
    names = sorted(path.stem for path in audio.iterdir())
    sound = sine_note(0, 60, 25)
    (audio / f"{names[0]}.wav").write_bytes(b"")
    (audio / f"{names[1]}.wav").write_bytes((audio / f"{names[1]}.wav").read_bytes()[:64000])
    write_sound(audio / f"{names[2]}.wav", sound, 44100)
    write_sound(audio / f"{names[3]}.wav", np.stack([sound, sound], 1), 16000)
    write_sound(audio / f"{names[4]}.wav", sound[:1000], 16000)
    soundfile.write(audio / f"{names[5]}.wav", np.full(64000, np.nan), 16000, subtype="FLOAT")
    write_sound(audio / f"{names[6]}.wav", sound * 0, 16000)
    (audio / f"{names[7]}.wav").unlink()
    write_sound(audio / "stranger-001-001.wav", sound + 1, 16000)
    write_sound(audio / "e\u0301 <b>.wav", sound, 16000)
    described = read_json(part / "examples.json")
    described[names[8]]["pitch"] = 400
    write_json(part / "examples.json", described)
    shards = run(part, tmp_path / "out")
    reasons = quarantine(tmp_path / "out")
    unsafe = next(name for name in reasons if name.startswith("e-b-wav"))
    assert reasons == {
        names[0]: "empty file",
        names[1]: "truncated: 128000 bytes of sound promised, 63956 found",
        names[2]: "44100 Hz, expected 16000",
        names[3]: "2 channels, expected 1",
        names[4]: "1000 samples, expected 64000",
        names[5]: "64000 samples are NaN or infinite",
        names[6]: "silent",
        names[7]: "metadata without a WAV",
        names[8]: "pitch is 400",
        "stranger-001-001": "no metadata",
        unsafe: "file name 'e\u0301 <b>.wav' holds other characters than letters, digits, '_', '-'",
    }
    assert shards.column("id").tolist() == names[9:]


def test_one_name_twice_in_an_archive_keeps_the_first(tmp_path, part):

    archive = tmp_path / "nsynth-train.tar.gz"
    first = min((part / "audio").iterdir())
    with tarfile.open(archive, "w:gz") as file:
        file.add(part, "nsynth-train")
        file.add(first, f"elsewhere/{first.name}")
    shards = run(archive, tmp_path / "out")
    assert len(shards) == 40
    assert quarantine(tmp_path / "out") == {first.stem: "two files of this name"}


def test_the_training_copy_of_a_test_note_is_quarantined(tmp_path, part):
    split = dict(zip(*[run(part, tmp_path / "a").column(name).tolist() for name in ("id", "split")], strict=True))
    test, valid, train = (next(one for one in split if split[one] == name) for name in ("test", "valid", "train"))
    for copy in (valid, train):
        shutil.copy(part / "audio" / f"{test}.wav", part / "audio" / f"{copy}.wav")
    shards = run(part, tmp_path / "b")
    assert quarantine(tmp_path / "b") == {
        valid: f"same audio as {test} of the test split",
        train: f"same audio as {test} of the test split",
    }
    assert shards.table.to_pylist()[shards.column("id").tolist().index(test)]["flags"] == ["duplicate"]
    assert leaks(tmp_path / "b", shards.table) == []


def test_a_leak_is_found_in_an_index(tmp_path, part):
    shards = run(part, tmp_path / "out")
    splits = shards.column("split").tolist()
    splits[0] = next(one for one in ("train", "test") if one != splits[0])
    number = shards.table.schema.get_field_index("split")

    broken = shards.table.set_column(number, "split", pa.array(splits))
    assert leaks(tmp_path / "out", broken) == ["instrument 0 at pitch 60 is in test and train"]


def test_pitches_beyond_the_keyboard_are_flagged(tmp_path):
    part = write_nsynth(tmp_path / "nsynth-train", 1, range(18, 23), (25,))
    shards = run(part, tmp_path / "out")
    flags = [one["flags"] for one in shards.table.to_pylist()]
    assert ["beyond_keyboard" in one for one in flags] == [True, True, True, False, False]


def test_only_the_training_part_is_split(tmp_path, nsynth_part):
    source = tmp_path / "source"
    shutil.copytree(nsynth_part, source / "nsynth-train")
    write_nsynth(source / "nsynth-valid", 3, range(80, 82), (25,))
    shards = run(source, tmp_path / "out")
    splits = {part: set(shards.column("split")[shards.column("part") == part]) for part in set(shards.column("part"))}
    assert splits["nsynth-train"] == {"train", "valid", "test"}
    assert splits["nsynth-valid"] == {""}


def test_an_archive_without_metadata_says_so(tmp_path, part):
    (part / "examples.json").write_text("{}")
    archive = pack(part)

    bare = tmp_path / "bare.tar.gz"
    with tarfile.open(bare, "w:gz") as file:
        file.add(part / "audio", "nsynth-train/audio")
    with pytest.raises(InputError, match=r"bare.tar.gz: no examples.json inside"):
        run(bare, tmp_path / "out")
    assert set(quarantine_of(archive, tmp_path / "b").values()) == {"no metadata"}


def quarantine_of(source: Path, folder: Path) -> dict[str, str]:
    run(source, folder)
    return quarantine(folder)


def test_a_damaged_archive_is_refused_and_resumed_once_whole(tmp_path, part):
    archive = pack(part)
    expected = contents(run(archive, tmp_path / "a", shard_bytes=1 << 20).folder)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged or cut off"):
        run(archive, tmp_path / "b", shard_bytes=1 << 20)
    assert not (tmp_path / "b" / "index.parquet").exists()
    archive.write_bytes(content)
    assert contents(run(archive, tmp_path / "b", shard_bytes=1 << 20).folder) == expected


@pytest.mark.parametrize("packed", [False, True])
def test_the_bytes_are_the_same_with_any_number_of_processes(tmp_path, part, packed, monkeypatch):
    first = sorted((part / "audio").iterdir())
    first[0].write_bytes(b"")
    first[-1].write_bytes(first[-1].read_bytes()[:64000])
    monkeypatch.setattr(ingesting, "_RANGE", 3)
    monkeypatch.setattr(processes, "_WORTHWHILE", 0.0)
    source, found = find_parts(str(pack(part) if packed else part)), {}
    for workers in (1, 2, 3):
        reports = []
        execution = Execution(tmp_path / f"{workers}", reports.append, workers=workers)
        ingest(execution, source, shard_bytes=600_000)
        assert reports[-1].done == 40
        found[workers] = contents(execution.folder)
    assert len(found[1]) > 6
    assert found[1] == found[2] == found[3]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_while_ingesting_ends_at_the_same_bytes(tmp_path, part, packed, workers):
    source = pack(part) if packed else part
    expected = contents(run(source, tmp_path / "whole", shard_bytes=600_000).folder)
    script = (
        "import sys; from pathlib import Path\n"
        "from data import processes; from data.nsynth import ingest as ingesting\n"
        "from data.nsynth.dataset import locate; from data.execution import Execution\n"
        "processes._WORTHWHILE, ingesting._RANGE = 0.0, 3\n"
        "import os, signal; left = int(sys.argv[3])\n"
        "def hook(event, args):\n"
        "    global left\n"
        "    if event == 'os.rename':\n"
        "        left -= 1\n"
        "        if left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.addaudithook(hook)\n"
        "execution = Execution(Path(sys.argv[2]), workers=int(sys.argv[4]))\n"
        "ingesting.ingest(execution, locate(sys.argv[1], Path('x')), shard_bytes=600_000)\n"
    )
    for moment in (4, 13):
        folder = tmp_path / f"killed-{moment}"
        assert Forked(script, [source, folder, moment, workers], os.environ).wait().returncode == -signal.SIGKILL
        assert contents(run(source, folder, shard_bytes=600_000).folder) == expected


def test_memory_stays_bounded(tmp_path, part):
    """100 MB of notes pass through a process that may not grow by 60 MB."""

    archive = tmp_path / "nsynth-train.tar.gz"
    described = {}
    one, note = next(iter(read_json(part / "examples.json").values())), sine_note(0, 60, 25)
    with tarfile.open(archive, "w:gz", compresslevel=1) as file:
        for number in range(800):
            name = f"brass_acoustic_{number:03d}-060-025"
            described[name] = one | {"note_str": name, "instrument": number % 1000, "note": number}
            content = encode(np.roll(note, number), 16000, "WAV")
            info = tarfile.TarInfo(f"nsynth-train/audio/{name}.wav")
            info.size = len(content)
            file.addfile(info, io.BytesIO(content))
        text = json.dumps(described).encode()
        info = tarfile.TarInfo("nsynth-train/examples.json")
        info.size = len(text)
        file.addfile(info, io.BytesIO(text))
    script = (
        "import resource, sys; from pathlib import Path\n"
        "from data.nsynth.ingest import ingest; from data.nsynth.dataset import Part\n"
        "from data.execution import Execution\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "ingest(Execution(Path(sys.argv[2])), [Part('nsynth-train', Path(sys.argv[1]))])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    command = [sys.executable, "-c", script, str(archive), str(tmp_path / "out")]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 60_000
    assert len(Shards(tmp_path / "out")) == 800


def test_progress_is_reported(tmp_path, nsynth_part):
    reports, threads = [], threading.active_count()
    run(nsynth_part, tmp_path, listener=reports.append)
    assert (reports[-1].done, reports[-1].total, reports[-1].unit) == (40, 40, "notes")
    assert threading.active_count() == threads


def test_a_note_named_twice_in_the_metadata_is_quarantined(tmp_path, part):
    text = (part / "examples.json").read_text().strip()
    name = min(path.stem for path in (part / "audio").iterdir())
    note = json.dumps(read_json(part / "examples.json")[name])
    (part / "examples.json").write_text(text[:-1] + f', "{name}": {note}}}')
    run(part, tmp_path / "out")
    assert quarantine(tmp_path / "out") == {name: "named twice in the metadata"}


def test_a_file_that_promises_what_no_memory_holds_is_quarantined(tmp_path, part):
    first = min((part / "audio").iterdir())
    bomb = io.BytesIO()
    soundfile.write(bomb, np.zeros(1000, np.int16), 16000, format="FLAC")
    content = bytearray(bomb.getvalue())
    content[21] |= 0x0F  # the upper four of the 36 bits of STREAMINFO's number of samples
    content[22:26] = b"\xff" * 4
    first.write_bytes(content)
    run(part, tmp_path / "out")
    assert quarantine(tmp_path / "out")[first.stem].startswith("promises 68,719,476,735")


def test_a_source_without_one_note_says_so(tmp_path, part):
    for path in (part / "audio").iterdir():
        path.unlink()
    with pytest.raises(InputError, match="no WAV files at all"):
        run(part, tmp_path / "out")


def test_odd_files_are_quarantined_and_twins_of_finder_ignored(tmp_path, part):
    audio = part / "audio"
    names = sorted(path.stem for path in audio.iterdir())
    for name in names[:4]:
        (audio / f"{name}.wav").unlink()
    os.mkfifo(audio / f"{names[0]}.wav")
    (audio / f"{names[1]}.wav").symlink_to(tmp_path / "gone")
    (audio / f"{names[2]}.wav").mkdir()
    with open(audio / f"{names[3]}.wav", "wb") as file:
        file.truncate(1 << 40)
    (audio / f"._{names[4]}.wav").write_bytes(b"\0\5\x16\7" + bytes(4000))
    (audio / os.fsdecode(b"no\xffte.wav")).write_bytes(b"")
    assert len(source_version(find_parts(str(part)))) == 64
    run(part, tmp_path / "out")
    reasons = quarantine(tmp_path / "out")
    unsafe = next(name for name in reasons if name not in names)
    assert reasons == {
        names[0]: "is a pipe, not a regular file",
        names[1]: "a link to a file that is not there",
        names[2]: "is a folder, not a regular file",
        names[3]: "1,099,511,627,776 bytes; at most 4,194,304 are read",
        unsafe: r"file name 'no\xffte.wav' holds other characters than letters, digits, '_', '-'",
    }


def test_notes_in_another_form_are_told_and_converted_where_asked(tmp_path, part):
    for path in (part / "audio").iterdir():
        y = soundfile.read(path)[0]
        soundfile.write(path, np.repeat(y[:, None], 2, 1), 44_100)
    with pytest.raises(InputError, match=r"40 notes: 44100 Hz, expected 16000; set TESSITURA_CONVERT_NOTES=true"):
        run(part, tmp_path / "a")
    ingest(Execution(tmp_path / "b"), find_parts(str(part)), convert=True)
    shards = Shards(tmp_path / "b")
    assert len(shards) == 40
    assert shards.read(0).shape == (64_000, 1)
    assert all("converted" in flags for flags in shards.table["flags"].to_pylist())


def test_float_notes_beyond_full_scale_are_scaled_and_told(tmp_path, part):
    for path in (part / "audio").iterdir():
        y = soundfile.read(path)[0]
        soundfile.write(path, y / abs(y).max() * 1.02, 16_000, subtype="FLOAT")
    shards = run(part, tmp_path / "out")
    assert len(shards) == 40
    assert all("scaled by -0.2 dB" in flags for flags in shards.table["flags"].to_pylist())
    assert abs(shards.read(0)).max() == 32767


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"pitch": [[[[[[[[[]]]]]]]]]}, r"pitch is \[+\.\.\.\]+"),
        ({"instrument_str": "x" * 1000}, "instrument_str is 'xxx"),
        ({}, "note is missing"),
    ],
)
def test_values_of_any_size_and_depth_are_told_in_a_few_words(value, said):
    stream = io.BytesIO(json.dumps({"a": value if not value else {**VALID, **value}}).encode())
    ((key, reason),) = read_metadata(stream, "examples.json").faults
    assert key == "a"
    assert re.match(said, reason)
    assert len(reason) < 100


@pytest.mark.parametrize("content", [b'{"a": ' + b"[" * (3 << 20), b'{"' + b"x" * (3 << 20) + b'": 1}'])
def test_json_without_end_is_refused(content):
    with pytest.raises(InputError, match=r"examples\.json: "):
        read_metadata(io.BytesIO(content), "examples.json")
