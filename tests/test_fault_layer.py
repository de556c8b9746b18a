"""Every writer under a layer of faults: whichever call fails, what was there stays, and the next attempt succeeds."""

import os
import shutil
from contextlib import nullcontext, suppress
from itertools import islice
from pathlib import Path

import pytest
import test_data_shards
import test_store_faults as tiny_store
import torch
from tiny_faults import every_failure
from tiny_reports import keep

from assets.store.pointers import Slot, find, get, publish
from data.files.durable import new_folder, read_json
from data.shards.reader import Shards
from data.shards.writer import ShardWriter, is_committed
from models.training.checkpoint import Rolling
from pipelines.reports.export import export_report
from pipelines.reports.folder import exported


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    """Nothing waits for the disk: these faults are told by calls, not by a power failure."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def files(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def test_shards(tmp_path):
    folder = tmp_path / "folder"

    def write(folder: Path = folder) -> None:
        if not is_committed(folder):
            writer = ShardWriter(folder, shard_bytes=2_000)
            for item in islice(test_data_shards.items(5), writer.consumed, None):
                writer.add(item)
            writer.commit()

    write(tmp_path / "whole")
    expected, seen = files(tmp_path / "whole"), set()
    for kind, number in every_failure(folder, write, lambda: shutil.rmtree(folder, ignore_errors=True)):
        seen.add((kind, number))
        write()
        assert files(folder) == expected, (kind, number)
    assert {kind for kind, _ in seen} == {"open", "write", "fsync", "rename", "mkdir"}
    assert len(seen) > 25
    assert len(Shards(folder).metadata["shards"]) == 4


def checkpoint(step: int) -> tuple[int, dict[str, torch.Tensor], dict[str, int]]:
    return step, {"weight": torch.full((5,), float(step))}, {"made": step}


def test_checkpoints(tmp_path):
    """The one before is there and whole, whatever fails while the next one is saved and the oldest is deleted."""
    seen = set()

    def prepare() -> None:
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(tmp_path / "before", tmp_path / "run")

    for step in (1, 2):
        Rolling(tmp_path / "before").save(*checkpoint(step))
    kinds = ("open", "write", "fsync", "rename")
    for kind, number in every_failure(
        tmp_path / "run", lambda: Rolling(tmp_path / "run").save(*checkpoint(3)), prepare, kinds
    ):
        seen.add(kind)
        found = Rolling(tmp_path / "run").latest()
        step = found.metadata["step"]
        assert step in (2, 3)
        assert torch.equal(found.tensors["weight"], torch.full((5,), float(step))), (kind, number)
        assert not list((tmp_path / "run").glob("*.partial"))
        Rolling(tmp_path / "run").save(*checkpoint(3))
        assert Rolling(tmp_path / "run").latest().metadata["step"] == 3
    assert seen == set(kinds)


def test_the_store(tmp_path, monkeypatch):
    """Versions and pointers: after a failure each asset is absent or whole, and a second run makes what is left."""
    root = tmp_path / "store"
    monkeypatch.setattr(tiny_store, "KINDS", {name: tiny_store.KINDS[name] for name in ("shards", "model")})
    tiny_store.build(root)
    whole = {name: tiny_store.READERS[name](get(tiny_store.slot(root, name))) for name in tiny_store.KINDS}
    seen = set()
    for kind, number in every_failure(
        root, lambda: tiny_store.build(root), lambda: shutil.rmtree(root, ignore_errors=True)
    ):
        seen.add((kind, number))
        for name in tiny_store.KINDS:
            folder = find(tiny_store.slot(root, name))
            assert folder is None or tiny_store.READERS[name](folder) == whole[name], (kind, number, name)
        tiny_store.build(root)
        for name in tiny_store.KINDS:
            assert tiny_store.READERS[name](get(tiny_store.slot(root, name))) == whole[name], (kind, number, name)
    assert {kind for kind, _ in seen} == {"open", "write", "fsync", "rename", "mkdir"}
    assert len(seen) > 50


def test_a_pointer_names_the_old_version_or_the_new_one(tmp_path):
    slot = Slot(tmp_path, "demo", "scores")
    versions = [slot.home / "versions" / (16 * digit) for digit in "ab"]
    for folder in versions:
        folder.mkdir(parents=True)
    for _ in every_failure(
        slot.home / "current", lambda: publish(slot, versions[1]), lambda: publish(slot, versions[0])
    ):
        assert slot.pointer.read_text() in (versions[0].name, versions[1].name)
        assert [one.name for one in slot.pointer.parent.iterdir()] == ["main"]


def test_exported_reports(tmp_path):
    """All of a report or nothing; the pages over all reports are whole; the next export goes on."""
    version, root = keep(tmp_path / "home", files={"scores.parquet": b"rows"}), tmp_path / "reports"
    seen, clear = set(), lambda: shutil.rmtree(root, ignore_errors=True)
    for kind, number in every_failure(root, lambda: export_report(root, version, in_use=True), clear):
        seen.add(kind)
        for one in exported(root) if root.is_dir() else ():
            assert one.is_whole, (kind, number)
        folder = export_report(root, version, in_use=True)
        assert read_json(folder / "export.json")["version"] == version.name
        assert len(list(exported(root))) == 1
        assert not [one for one in root.iterdir() if one.name.endswith(".partial")]
    assert seen == {"open", "write", "fsync", "rename", "mkdir"}


@pytest.mark.parametrize("there", [False, True])
def test_new_folders(tmp_path, there):
    """Exported models and listening tests: a new folder is whole or absent, and nothing is ever replaced."""
    target = tmp_path / "out" / "exported"

    def work() -> None:
        with suppress(FileExistsError) if there else nullcontext(), new_folder(target) as partial:
            (partial / "inner").mkdir()
            (partial / "inner" / "a").write_bytes(b"a")
            (partial / "b").write_bytes(b"b")

    def prepare() -> None:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        if there:
            target.mkdir(parents=True)
            (target / "mine").write_bytes(b"mine")

    seen = set()
    for kind, _ in every_failure(tmp_path / "out", work, prepare):
        seen.add(kind)
        assert [one.name for one in (tmp_path / "out").glob("*")] in ([], ["exported"])
        if there:
            assert files(target) == {"mine": b"mine"}
        elif target.exists():
            assert files(target) == {"b": b"b", "inner/a": b"a"}
    assert seen >= {"open", "write", "fsync", "mkdir"} | (set() if there else {"rename"})
