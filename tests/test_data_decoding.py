"""A decoder that crashes, for real, in the process that ingests: one recording is lost, nothing else changes."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from test_data_processes import lives, wait_until

from data import processes
from data.decoding import decoding, in_a_child
from data.errors import InputError
from data.execution import Execution
from data.files.audio import UnreadableAudio, write_sound
from data.files.tables import read_table
from data.nsynth.dataset import find_parts
from data.nsynth.ingest import ingest
from data.shards.reader import Shards
from data.voices.ingest import ingest_voices
from data.voices.layouts import find_recordings

MARK = np.arange(100, 164, dtype=np.int16)  # what makes a decoder crash, as bytes somewhere in a file


def crash(how: str) -> None:
    """End this process as a damaged heap or a bad pointer does."""
    os.abort() if how == "abort" else ctypes.string_at(0)


def crashing(execution: Execution, work, module: str, *arguments, how: str = "abort"):
    """Do a work in this process, whose `module` has a decoder that crashes where it meets the mark."""
    real = sys.modules[module].open_sound

    def open_sound(source):
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        if MARK.tobytes() in content:
            crash(how)
        return real(source)

    sys.modules[module].open_sound = open_sound
    return work(execution, *arguments)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def quarantine(folder: Path) -> dict[str, str]:
    table = read_table(folder / "quarantine.parquet")
    return dict(zip(table["id"].to_pylist(), table["reason"].to_pylist(), strict=True))


@pytest.mark.parametrize("how", ["abort", "segfault"])
def test_a_note_that_crashes_its_decoder_is_quarantined_and_the_others_count(tmp_path, nsynth_part, how):
    source = shutil.copytree(nsynth_part, tmp_path / "nsynth-train")
    names = sorted(one.stem for one in (source / "audio").glob("*.wav"))
    for name in (names[1], names[-1]):
        pcm = np.full((64_000, 1), 1000, np.int16)
        pcm[500:564, 0] = MARK
        write_sound(source / "audio" / f"{name}.wav", pcm, 16_000)
    parts, heard = find_parts(source), []
    arguments = (ingest, "data.files.audio", parts)
    in_a_child(crashing, Execution(tmp_path / "crashed", heard.append), *arguments, how=how)
    said = {"abort": "SIGABRT", "segfault": "SIGSEGV"}[how]
    assert quarantine(tmp_path / "crashed") == dict.fromkeys((names[1], names[-1]), f"crashes its decoder ({said})")
    assert Shards(tmp_path / "crashed").column("id").tolist() == [
        one for one in names if one not in (names[1], names[-1])
    ]
    assert heard[-1].done == len(names)


def fragile(name: str) -> str:
    try:
        with decoding(name):
            if name == "bad":
                crash("segfault")
        return name
    except UnreadableAudio as error:
        return f"{name} {error}"


def shared_out(execution: Execution, names: list[str]) -> list[str]:
    """Do a work in several processes, however little there is to do."""
    processes._WORTHWHILE = 0.0
    return list(processes.map_in_order(fragile, names, execution.workers))


def test_a_crash_in_one_of_several_processes_costs_one_recording_too(tmp_path):
    found = in_a_child(shared_out, Execution(tmp_path, workers=2), ["a", "b", "bad", "c", "d"])
    assert found == ["a", "b", "bad crashes its decoder (SIGSEGV)", "c", "d"]


def test_callbacks_that_cannot_be_sent_stay_here(tmp_path):
    """In a shared store an execution has a callback that holds connections."""
    heard, connection = [], threading.Lock()
    execution = Execution(tmp_path, heard.append, saved=lambda folder: connection.acquire())
    assert in_a_child(shared_out, execution, ["a"]) == ["a"]


def test_bytes_are_those_of_an_ingest_in_one_process(tmp_path, nsynth_part):
    parts = find_parts(nsynth_part)
    ingest(Execution(tmp_path / "here"), parts)
    in_a_child(ingest, Execution(tmp_path / "child"), parts)
    assert contents(tmp_path / "child") == contents(tmp_path / "here")


def test_a_voice_that_crashes_its_decoder_is_quarantined(tmp_path):
    generator = np.random.default_rng(0)
    for singer in "abcd":
        for song in range(2):
            pcm = (3000 * generator.standard_normal((32_000, 1))).astype(np.int16)
            if (singer, song) == ("b", 1):
                pcm[500:564, 0] = MARK
            path = tmp_path / "voices" / singer / f"{song}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            write_sound(path, pcm, 16_000)
    arguments = (ingest_voices, "data.voices.sources", find_recordings(tmp_path / "voices"))
    in_a_child(crashing, Execution(tmp_path / "shards"), *arguments)
    said = [reason for reason in quarantine(tmp_path / "shards").values() if "decoder" in reason]
    assert len(said) == 1
    assert "crashes its decoder (SIGABRT)" in said[0]


def fails(execution: Execution, how: str) -> None:
    if how == "error":
        raise InputError("no such data")
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    os.abort()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("error", "^no such data$"),
        ("killed", r"was ended \(SIGKILL\), perhaps because memory was short; start again"),
        ("crash", r"was ended \(SIGABRT\)"),
    ],
)
def test_what_no_decoder_did_is_told(tmp_path, how, said):
    with pytest.raises(InputError, match=said):
        in_a_child(fails, Execution(tmp_path), how)


def sleeps(execution: Execution) -> None:
    with decoding("x"):
        (execution.folder / "began").write_text(str(os.getpid()))
        time.sleep(600)


def test_the_child_ends_with_its_parent(tmp_path):
    code = (
        "import sys, test_data_decoding as t; from pathlib import Path; from data.execution import Execution\n"
        f"if __name__ == '__main__': t.in_a_child(t.sleeps, Execution(Path({str(tmp_path)!r})))"
    )
    (tmp_path / "main.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
    parent = subprocess.Popen([sys.executable, tmp_path / "main.py"], env=environment)
    wait_until(lambda: (tmp_path / "began").is_file() and (tmp_path / "began").read_text())
    child = int((tmp_path / "began").read_text())
    parent.kill()
    parent.wait()
    wait_until(lambda: not lives(child))


def test_here_nothing_is_noted():
    with decoding("x"), pytest.raises(UnreadableAudio), decoding("y"):
        raise UnreadableAudio("cut off")
