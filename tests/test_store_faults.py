"""Flips and cuts at random places in every kind of file of a small store, from a fixed seed.

Whatever is hit, what is read is what was written, or there is an InputError that names a file; and after the assets are
made again, everything is as it was.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_listening import written_test

from assets.champion import RECORD, copy_model
from assets.store.pointers import Slot, get, pointed, publish
from assets.store.record import RUN
from assets.store.retention import garbage, kept, pin
from assets.store.verification import verify
from assets.store.versions import Making, Recipe, make
from data.errors import InputError
from data.files.audio import encode
from data.files.checked_json import read_checked_json, write_checked_json
from data.files.durable import read_json, write_json
from data.files.tables import read_frame, read_table, write_frame
from data.shards.reader import Shards
from data.shards.writer import INDEX, QUARANTINE, Record, Rejection, ShardWriter, is_committed
from eval.listening.ratings import collected, write_ratings
from eval.listening.write import read_plan
from eval.report.blocks import Clip, Players
from eval.report.document import Document, Section
from eval.report.writing import write_document
from models.training.checkpoint import load, save
from models.training.history import History

Work = Callable[[Path, dict[str, Path]], None]  # like all work, it goes on with what it finds in the folder


def _shards(folder: Path, inputs: dict[str, Path]) -> None:
    if is_committed(folder):
        return
    writer = ShardWriter(folder)
    for number in range(writer.consumed, 6):
        values = np.random.default_rng(number).integers(-9, 9, (40, 1), np.int16)
        writer.add(Rejection("bad", "silent") if number == 3 else Record(f"n{number}", values, 16_000))
    writer.commit(mean=[0.123456789], deviation=[1.5])


def _model(folder: Path, inputs: dict[str, Path]) -> None:
    history = History(folder)
    history.rewind(0)
    history.append({"step": 10, "loss": 0.25})
    history.finish()
    tensors = {"weight": torch.arange(12.0).reshape(3, 4)}
    save(folder / "model", tensors, {"stride": 256, "scaling": Shards(inputs["shards"]).metadata["mean"]})


def _scores(folder: Path, inputs: dict[str, Path]) -> None:
    write_frame(folder / "scores.parquet", pd.DataFrame({"id": ["n1", "n2"], "sdr": [5.25, -1.0]}))
    write_json(folder / "cost.json", {"seconds": 3.5, "steps": [1, 10]})


def _champion(folder: Path, inputs: dict[str, Path]) -> None:
    copy_model(inputs["model"], folder / "stage")
    shutil.copy2(inputs["scores"] / "scores.parquet", folder / "scores.parquet")
    write_checked_json(folder / RECORD, {"history": [{"model": "3f2a", "criteria": {"tuned": 0.93}}]})


def _report(folder: Path, inputs: dict[str, Path]) -> None:
    clip = Clip("a tone", encode(np.arange(4_000, dtype=np.int16), 16_000, "FLAC"))
    players = Players("players", ["ours"], [("a", [clip])])
    document = Document("A report", ["It is good."], [], [Section("Sounds", [players])])
    write_document(folder, document, largest=1_000)  # so small that its sounds lie beside it
    write_json(folder / "metrics.json", {"scores": len(read_frame(inputs["scores"] / "scores.parquet"))})


def _tests(folder: Path, inputs: dict[str, Path]) -> None:
    plan = written_test(folder / "mushra", "mushra", sessions=2, count=2)
    write_ratings(folder, collected(folder / "mushra"))
    write_json(folder / "made.json", {"mushra": plan.test})


@dataclass(frozen=True)
class Kind:
    """An asset: how it is made, what it is made from, and its essential file."""

    work: Work
    inputs: tuple[str, ...]
    essential: str


KINDS = {
    "shards": Kind(_shards, (), INDEX),
    "model": Kind(_model, ("shards",), "model.safetensors"),
    "scores": Kind(_scores, ("model",), "cost.json"),
    "champion": Kind(_champion, ("model", "scores"), RECORD),
    "report": Kind(_report, ("scores",), "report.html"),
    "tests": Kind(_tests, ("scores",), "made.json"),
}


def slot(root: Path, name: str) -> Slot:
    return Slot(root, "demo", name)


def build(root: Path) -> None:
    """Make every asset that is not whole, in the order of the lineage, as a run does."""
    for name, kind in KINDS.items():
        inputs = {one: get(slot(root, one)) for one in kind.inputs}

        def work(folder: Path, earlier: tuple[Path, ...], kind: Kind = kind, inputs: dict = inputs) -> dict[str, Any]:
            kind.work(folder, inputs)
            return {}

        publish(
            slot(root, name),
            make(slot(root, name), Recipe("1", {}, inputs, (kind.essential,)), Making(work, {})).folder,
        )


def _checkpoint(path: Path) -> tuple[Any, ...]:
    found = load(path)
    return {name: one.tolist() for name, one in found.tensors.items()}, found.metadata


def _read_shards(folder: Path) -> Any:
    shards = Shards(folder)
    recordings = [shards.read(row).tolist() for row in range(len(shards))]
    return shards.metadata, shards.table.to_pylist(), recordings, read_table(folder / QUARANTINE).to_pylist()


def _read_model(folder: Path) -> Any:
    return _checkpoint(folder / "model"), read_frame(folder / "history.parquet").to_dict()


def _read_scores(folder: Path) -> Any:
    return read_frame(folder / "scores.parquet").to_dict(), read_json(folder / "cost.json")


def _read_champion(folder: Path) -> Any:
    scores = read_frame(folder / "scores.parquet").to_dict()
    return _checkpoint(folder / "stage" / "model"), scores, read_checked_json(folder / RECORD)


def _read_all(folder: Path) -> Any:
    """Read the files of a version that programs do not read but people, and the key and the answers of a test."""
    texts = {one.name: one.read_bytes() for one in sorted(folder.rglob("*")) if one.suffix not in (".parquet", "")}
    tables = {one.name: read_frame(one).to_dict() for one in sorted(folder.rglob("*.parquet"))}
    plans = [read_plan(one).as_json() for one in sorted(folder.rglob("key.json"))]
    return {name: one for name, one in texts.items() if name not in (RUN, "recipe.json")}, tables, plans


MANY = int(os.environ.get("FAULTS", "15"))  # faults for each seed; more on demand
READERS = {
    "shards": _read_shards,
    "model": _read_model,
    "scores": _read_scores,
    "champion": _read_champion,
    "report": _read_all,
    "tests": _read_all,
}
# What people read, or only assets: the store compares it for them, and whoever copies it out of the store.
UNCHECKED = {"cost.json"}
UNCHECKED_KINDS = ("report", "tests")


def harm(draw: random.Random, path: Path) -> None:
    """Damage a file, every other time without a change of its time of modification."""
    content, times, kind = bytearray(path.read_bytes()), path.stat(), draw.randrange(8)
    place = draw.randrange(max(1, len(content)))
    if kind < 4 and content:
        content[place] ^= 1 << draw.randrange(8)
    elif kind == 4:
        del content[place:]
    elif kind == 5:
        content[place : place + 64] = bytes(len(content[place : place + 64]))
    elif kind == 6:
        content = bytearray(draw.randbytes(20))
    else:
        path.unlink()
        return
    path.write_bytes(content)
    if draw.random() < 0.5:
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def read(root: Path, name: str, find: Callable[[Slot], Path | None], whole: dict[str, Any]) -> str:
    """Read an asset; return whether damage was noticed; an assertion fails if what is read is not what was written."""
    said = ""
    try:
        folder = find(slot(root, name))
        found = READERS[name](folder) if folder is not None else whole[name]
    except InputError as error:
        said = str(error)
    if said:
        assert str(root) in said  # it names a file
        return "noticed"
    assert found == whole[name]
    return "unchanged"


def strike(root: Path, draw: random.Random, whole: dict[str, Any]) -> str:
    """Damage a file of the store, use the store in every way, and make it whole again; return what was noticed."""
    files = [one for one in sorted(root.rglob("*")) if one.is_file() and one.suffix != ".lock"]
    path = draw.choice(files)
    version, before = next((one for one in path.parents if (one / RUN).is_file()), None), path.read_bytes()
    harm(draw, path)
    if path.is_file() and path.read_bytes() == before:
        return "nothing was changed"
    named = {one.place for one in verify(root) if one.damage}
    if version is not None and path.name != RUN:
        assert version in named
    noticed = {read(root, name, get, whole) for name in KINDS}
    if path.name not in UNCHECKED and not set(UNCHECKED_KINDS) & set(path.parts):
        noticed |= {read(root, name, pointed, whole) for name in KINDS}
    try:
        assert not {one.folder for one in garbage(root)} & set(kept(root))
    except InputError:
        noticed |= {"noticed"}
    build(root)
    assert all(read(root, name, get, whole) == "unchanged" for name in KINDS)
    mended = any(root.glob("*/*/damaged/*"))
    return (
        f"{'noticed' if 'noticed' in noticed else 'not interpreted'}{', set aside and made afresh' if mended else ''}"
    )


def campaign(place: Path, count: int, seed: int) -> Counter[str]:
    """Return how often each outcome was seen among `count` faults; one that is not allowed is an AssertionError."""
    build(place / "whole")
    pin(slot(place / "whole", "model"), get(slot(place / "whole", "model")).name, "of the paper")
    whole = {name: READERS[name](get(slot(place / "whole", name))) for name in KINDS}
    draw, outcomes = random.Random(seed), Counter[str]()
    for _ in range(count):
        shutil.copytree(place / "whole", place / "struck")
        outcomes[strike(place / "struck", draw, whole)] += 1
        shutil.rmtree(place / "struck")
    return outcomes


@pytest.mark.parametrize("seed", [1, 2])
def test_no_fault_passes_for_a_result(tmp_path, seed):
    outcomes = campaign(tmp_path, MANY, seed)
    noticed = sum(count for outcome, count in outcomes.items() if outcome.startswith("noticed"))
    assert noticed > MANY * 0.6, outcomes
