"""Every parser that reads what strangers wrote, with a good example each: for hostile variants of it.

Each parser takes the bytes of a file. It may return, or raise an InputError of one line; anything else is our fault.
"""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import soundfile
import torch
from mido import Message, MetaMessage, MidiFile, MidiTrack

from data.errors import InputError
from data.files import archive
from data.files.audio import decode
from data.files.checked_json import parse_checked, write_checked_json
from data.files.durable import parse_json, write_json
from data.files.headers import mpeg_begin, mpeg_length, wav_is_open_ended
from data.files.tables import read_frame, read_table_metadata, write_frame, write_table
from data.files.zips import open_zip
from data.nsynth.metadata import read_metadata
from data.voices.annotations import read_annotation
from data.voices.lists import read_lists
from models.synthesis.music import read_midi
from models.training.checkpoint import load, save
from models.training.history import History

Parse = Callable[[bytes], object]


@dataclass(frozen=True)
class Parser:
    """A parser and good examples of what it reads."""

    parse: Parse
    examples: tuple[bytes, ...]


def in_file(name: str, read: Callable[[Path], object]) -> Parse:
    """Return a parser of bytes, given one of a file of that name; it must leave nothing else beside the file."""

    def parse(content: bytes) -> object:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "in" / name
            path.parent.mkdir()
            path.write_bytes(content)
            try:
                return read(path)
            finally:
                assert [one.name for one in Path(folder).iterdir()] == ["in"]
                assert [one.name for one in path.parent.iterdir()] == [name]

    return parse


def made(name: str, write: Callable[[Path], object]) -> bytes:
    """Return the content of a file that is written to a path of that name."""
    with TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


def sound(container: str, subtype: str | None = None, channels: int = 1) -> bytes:
    """Return a file of 300 samples."""
    file = io.BytesIO()
    wave = np.linspace(-0.9, 0.9, 300 * channels).reshape(300, channels)
    soundfile.write(file, wave, 16_000, format=container, subtype=subtype)
    return file.getvalue()


def tar() -> bytes:
    """Return a TAR, not compressed, with two members and a folder."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as packed:
        for name, content in (("a/examples.json", b"{}"), ("a/b.wav", bytes(range(256)) * 3)):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))
        folder = tarfile.TarInfo("c")
        folder.type = tarfile.DIRTYPE
        packed.addfile(folder)
    return file.getvalue()


def read_tar(content: bytes) -> list[tuple[str, int]]:
    """Read all members, a block at a time."""
    found, stream = [], io.BytesIO(content)
    for member in archive._members(stream, Path("a.tar.gz")):  # type: ignore[arg-type]
        read = 0
        while piece := member.stream.read(1 << 16):
            read += len(piece)
        assert read <= len(content)
        found.append((member.name, read))
    return found


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("song/vocals.wav", sound("WAV"))
        packed.writestr("../../up.txt", "x" * 100)
    return file.getvalue()


def read_zip(path: Path) -> None:
    found = open_zip(path)
    for name in found.names:
        found.read(name, 1 << 20)


def midi() -> bytes:
    file, track = MidiFile(), MidiTrack()
    file.tracks.append(track)
    track.append(MetaMessage("set_tempo", tempo=400_000))
    track.append(MetaMessage("key_signature", key="C"))
    for pitch in (60, 64):
        track.append(Message("note_on", note=pitch, velocity=90, time=10))
        track.append(Message("note_off", note=pitch, time=480))
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def headers(content: bytes) -> None:
    wav_is_open_ended(io.BytesIO(content))
    if begin := mpeg_begin(io.BytesIO(content)):
        mpeg_length(begin)


def mp3() -> bytes:
    """Return a tag and the header of a frame with a Xing table."""
    return b"ID3\x04\0\0\0\0\0\x05abcde" + b"\xff\xfb\x90\x64" + bytes(32) + b"Xing\0\0\0\x0f" + bytes(range(200))


def checkpoint(file: str) -> Parse:
    """Return a parser of one of the two files of a checkpoint, while the other one is good."""

    def parse(content: bytes) -> object:
        with TemporaryDirectory() as folder:
            save(Path(folder) / "model", {"weight": torch.arange(6.0)}, {"stride": 256})
            (Path(folder) / file).write_bytes(content)
            return load(Path(folder) / "model")

    return parse


def saved(file: str) -> bytes:
    with TemporaryDirectory() as folder:
        save(Path(folder) / "model", {"weight": torch.arange(6.0)}, {"stride": 256})
        return (Path(folder) / file).read_bytes()


def rows_of_history(path: Path) -> list[dict[str, Any]]:
    return History(path.parent).rows()


NOTE = {
    "note": 1, "instrument": 0, "instrument_str": "organ", "pitch": 60, "velocity": 75, "instrument_family": 6,
    "instrument_source": 1, "qualities": [0] * 10,
}  # fmt: skip


@cache
def parsers() -> dict[str, Parser]:
    """Return all parsers by name."""
    frame = pd.DataFrame({"id": ["a", "b"], "sdr": [5.25, -1.0]})
    history = with_rows()
    return {
        "audio": Parser(
            decode,
            (sound("WAV"), sound("WAV", "FLOAT", 2), sound("WAV", "PCM_24"), sound("FLAC"), sound("AIFF"), mp3()),
        ),
        "headers": Parser(headers, (sound("WAV"), sound("WAV", "FLOAT", 2), mp3())),
        "tar": Parser(read_tar, (tar(),)),
        "zip": Parser(in_file("a.zip", read_zip), (zipped(),)),
        "midi": Parser(in_file("a.mid", read_midi), (midi(),)),
        "examples.json": Parser(
            lambda content: read_metadata(io.BytesIO(content), "examples.json"),
            (json.dumps({"a_1": NOTE, "b_2": {**NOTE, "pitch": 61}}).encode(),),
        ),
        "json": Parser(
            lambda content: parse_json(content, Path("a.json")), (made("a", lambda path: write_json(path, {"x": [1]})),)
        ),
        "checked json": Parser(
            lambda content: parse_checked(content, Path("a.json")),
            (made("a", lambda path: write_checked_json(path, {"x": [1.5, None]})),),
        ),
        "table": Parser(in_file("a.parquet", read_frame), (made("a", lambda path: write_frame(path, frame)),)),
        "table's metadata": Parser(
            in_file("a.parquet", read_table_metadata),
            (made("a", lambda path: write_table(path, [pa.Table.from_pandas(frame)], {"x": 1})),),
        ),
        "safetensors": Parser(checkpoint("model.safetensors"), (saved("model.safetensors"),)),
        "checkpoint's json": Parser(checkpoint("model.json"), (saved("model.json"),)),
        "history": Parser(in_file("history.jsonl", rows_of_history), (history,)),
        "notes of singing": Parser(
            in_file("a.csv", lambda path: read_annotation(path, "notes", 100)), (b"0.1,220.0,0.5\n0.7,330.0,0.2\n",)
        ),
        "pitch of singing": Parser(
            in_file("a.csv", lambda path: read_annotation(path, "f0", 100)),
            (b"time,f0\n0.0,0\n0.01,220.5\n0.02,221\n",),
        ),
        "list of recordings": Parser(
            in_file("a.csv", lambda path: read_lists({"a.csv": path})), (b"file,singer,song\na.csv,Ann,One\n",)
        ),
    }


def with_rows() -> bytes:
    with TemporaryDirectory() as folder:
        history = History(Path(folder))
        for step in (1, 2):
            history.append({"step": step, "loss": 0.5})
        return (Path(folder) / "history.jsonl").read_bytes()


def survives(parser: Parser, content: bytes) -> bool:
    """Parse hostile bytes; return whether they were accepted; anything but an InputError in one line is raised."""
    said = None
    try:
        parser.parse(content)
    except InputError as error:
        said = str(error)
    assert said is None or (said.strip() and "\n" not in said), said
    return said is None
