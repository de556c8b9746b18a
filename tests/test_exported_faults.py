"""Flips and cuts in what was copied out of the store: exported reports, models and listening tests; and in a bucket.

Whatever is hit, it is named with the remedy, or what is read is what was written; and the remedy mends it.
"""

import hashlib
import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_store_faults import harm
from tiny import write_nsynth
from tiny_listening import written_test
from tiny_machines import Files, Machine
from tiny_portable import run_alone
from tiny_reports import keep, sound
from tiny_trained import keep_sing

from assets.store.pointers import get
from assets.store.remote.objects import Bucket
from data.errors import InputError, explain
from data.files.durable import read_json
from eval.listening.results import collect
from eval.report.difference import read_metrics
from pipelines import cli
from pipelines.portable.chosen import Wish
from pipelines.portable.export import SUMS, export_model
from pipelines.reports.archive import write_archive
from pipelines.reports.export import export_report
from pipelines.reports.folder import check_whole
from pipelines.upkeep import verified

MANY = int(os.environ.get("FAULTS", "12"))  # faults of each kind; more on demand


def struck(folder: Path, place: Path, seed: int) -> Iterator[tuple[Path, str]]:
    """Yield a copy of a folder in which one file was damaged, and the name of the file, again and again."""
    draw = random.Random(seed)
    for _ in range(MANY):
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place, symlinks=True)
        files = [one for one in sorted(place.rglob("*")) if one.is_file() and one.stat().st_size]
        path = draw.choice(files)
        path.chmod(0o644)
        before = path.read_bytes()
        harm(draw, path)
        if not path.is_file() or path.read_bytes() != before:
            yield place, path.relative_to(place).as_posix()


def named(error: InputError, place: Path | str) -> None:
    """Check that an error is one line that names a place, or what is to be materialised instead."""
    said = explain(error)
    assert "\n" not in said
    assert str(place) in said or "materialise" in said, said


def test_an_exported_report(tmp_path, settings):
    """It is named by `tessitura verify`; neither `diff` nor an archive uses it; another export mends it."""
    version = keep(settings.home, files={"scores.json": b"[1]", "sounds/a.wav": sound()})
    first = export_report(tmp_path / "first", version, in_use=True)
    for place, name in struck(first, settings.report_folder / first.name, 1):
        (found,) = [one for one in verified(settings) if one.place == place]
        assert any(name in text for text in found.damage), (name, found.damage)
        assert "tessitura export report" in found.damage[0]
        for use in (check_whole, lambda one: write_archive(one, tmp_path / "a.zip")):
            with pytest.raises((InputError, ValueError), match=r"what was written|damaged|no exported report"):
                use(place)
        mended = export_report(settings.report_folder, version, in_use=True)
        assert mended != place
        assert read_metrics(mended) == read_metrics(first)
        check_whole(mended)
        shutil.rmtree(mended)
    assert not (tmp_path / "a.zip").exists()


def test_a_damaged_report_is_not_compared(tmp_path, settings, monkeypatch, capsys):
    version = keep(settings.home)
    first, second = (export_report(tmp_path / name, version, in_use=True) for name in "ab")
    path = second / "metrics.json"
    path.chmod(0o644)
    path.write_text(path.read_text().replace("songs", "tones"))
    monkeypatch.setattr("sys.argv", ["tessitura", "diff", str(first), str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    said = f"{second}: metrics.json: its content is not what was written; export it again with: tessitura export report"
    assert said in capsys.readouterr().err


def test_an_exported_model(tmp_path, settings):
    """Weights, sizes and labels are compared at each use; the sums name all else that was damaged."""
    keep_sing(settings.home, write_nsynth(tmp_path / "nsynth-train", 2, range(60, 63), (25,)))
    folder = tmp_path / "sing"
    export_model(settings, Wish("synthesis"), folder, onnx=False)
    check = ["sha256sum", "--check", "--quiet", "--strict", SUMS]
    assert subprocess.run(check, cwd=folder, capture_output=True, check=False).returncode == 0
    sums = {name: digest for digest, name in (line.split("  ") for line in (folder / SUMS).read_text().splitlines())}
    files = {one.relative_to(folder).as_posix(): one for one in folder.rglob("*") if one.is_file()}
    assert sums == {name: hashlib.sha256(one.read_bytes()).hexdigest() for name, one in files.items() if name != SUMS}
    (instrument, *_) = read_json(folder / "config.json")["instruments"]
    for place, name in struck(folder, tmp_path / "struck", 2):
        if name != SUMS:
            assert subprocess.run(check, cwd=place, capture_output=True, check=False).returncode != 0, name
    run_alone(folder, instrument, 62, "--velocity", 25, "-o", tmp_path / "whole.wav")
    for name in ("model.safetensors", "model.json", "config.json"):
        shutil.rmtree(tmp_path / "struck")
        shutil.copytree(folder, tmp_path / "struck")
        path = tmp_path / "struck" / name
        content = bytearray(path.read_bytes())
        digits = [place for place, one in enumerate(content) if one in b"0123456"]
        content[digits[len(digits) // 2] if name.endswith("json") else -1] ^= 1
        path.write_bytes(content)
        with pytest.raises(AssertionError, match=r"(its content is not what was written|not readable as JSON)"):
            run_alone(tmp_path / "struck", instrument, 62, "--velocity", 25, "-o", tmp_path / "struck.wav")
    assert not (tmp_path / "struck.wav").exists()
    assert np.abs(soundfile.read(tmp_path / "whole.wav")[0]).max() > 0


def test_the_key_of_an_exported_listening_test(tmp_path):
    """A key that was damaged is never used: otherwise the ratings of one system would count for another."""
    plan = written_test(tmp_path / "test", "mushra", sessions=2, count=2)
    whole = collect(tmp_path / "test")
    draw, path = random.Random(3), tmp_path / "test" / "private" / "key.json"
    content, noticed = path.read_bytes(), 0
    for _ in range(MANY * 3):
        harm(draw, path)
        if path.is_file():
            try:
                found = collect(tmp_path / "test")
            except InputError as error:
                named(error, path)
                noticed += 1
            else:
                assert found.plans[plan.test] == plan, "a space, or the order of names"
                assert found.ratings.equals(whole.ratings)
        path.write_bytes(content)
    assert noticed > MANY


def contents(bucket: Bucket) -> dict[str, bytes]:
    """Return the content of every object of the preset in a bucket, by its path."""
    return {one.path: found[0] for one in bucket.list("demo") if (found := bucket.read(one.path)) is not None}


def test_objects_in_a_bucket(tmp_path, url):
    """A file, record or pointer of a bucket that was damaged is never copied; what was made is made afresh."""
    maker = Machine(tmp_path / "maker", url)
    maker.build(Files(b"of the maker"))
    bucket, draw = maker.remote.bucket, random.Random(4)
    objects = contents(bucket)
    kinds = {path.rpartition("/")[2] for path in objects}
    assert kinds >= {"run.json", "main", "out", "of it"}
    for number in range(MANY):
        path = draw.choice(sorted(objects))
        broken = tmp_path / "broken"
        broken.write_bytes(objects[path])
        harm(draw, broken)
        if not broken.is_file():
            bucket.delete([path])
        elif broken.read_bytes() != objects[path]:
            bucket.write(path, broken.read_bytes())
        other = Machine(tmp_path / f"other-{number}", url)
        try:
            folder = get(other.slot())
        except InputError as error:
            named(error, path)
        else:
            assert (folder / "out").read_bytes() == b"of the maker" * 3, path
        made = other.build(Files(b"of the maker")).folder
        assert (made / "more" / "of it").read_bytes() == b"of the maker" * 7
        assert (get(Machine(tmp_path / f"third-{number}", url).slot()) / "out").read_bytes() == b"of the maker" * 3, (
            path
        )
        objects = contents(bucket)


def test_sums_are_those_of_a_report(tmp_path, settings):
    """The hashes in export.json are of the files, and export.json holds its own checksum."""
    folder = export_report(tmp_path, keep(settings.home), in_use=True)
    known = json.loads((folder / "export.json").read_text())
    assert known["checksum"].startswith("sha256-of-the-rest:")
    for name, one in known["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == one["sha256"]
