"""A small disk that is full, at every writer: one line, the old or the new file, and the next attempt succeeds.

Each writer writes into a disk of 2 MB that is filled so that none, or part, of what it writes fits. Afterwards every
file is as it was before or as it is after an undisturbed run, byte by byte, and nothing else is there. Then room is
made. Mounting such a disk needs the rights of root: without them the tests are skipped.
"""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import test_data_shards
import test_store_faults as tiny_store
import tiny_reports
import torch
from tiny_disk import PAGE, Disk, small_disk
from tiny_listening import written_test
from tiny_machines import Files, Machine
from tiny_server import Server
from tiny_trained import keep, keep_sing

from assets.store.pointers import find, get
from assets.store.retention import pin
from assets.store.verification import verify
from data.errors import InputError, explain
from data.files.audio import write_sound, writing_sound
from data.files.download import Remote, fetch
from data.files.durable import write_bytes, write_json
from data.files.tables import write_frame, write_table
from data.shards.writer import ShardWriter, is_committed
from eval.listening.ratings import collected, write_ratings
from eval.report.blocks import Clip, Players, Text
from eval.report.document import Document, Section
from eval.report.writing import write_document
from models.training.checkpoint import Rolling
from models.training.history import History
from pipelines.failures import record_failure
from pipelines.homes import needs
from pipelines.launch import prepare_home, prepare_instance
from pipelines.listening import export_tests
from pipelines.portable.chosen import Wish
from pipelines.portable.export import export_model
from pipelines.reports.archive import write_archive
from pipelines.reports.export import export_report
from pipelines.settings import Settings


@dataclass(frozen=True)
class Bench:
    """What writers need beside the folder that they write into; all of it lies on another disk.

    Attributes:
        place: a folder.
        settings: settings, whose home is empty.
        server: a web server.
        url: a bucket.
    """

    place: Path
    settings: Settings
    server: Server
    url: str


Work = Callable[[Path, Bench], object]


@dataclass(frozen=True)
class Writer:
    """What writes into a folder.

    Attributes:
        write: writes; called again, it goes on or does it anew.
        before: puts there what is there before.
        source: makes what is read, on the bench.
        dated: pattern of the names of files that hold times, of which only the names are compared.
        kept: pattern of the names of files that the next attempt goes on with, or which hold nothing of value.
        check: checks what is there after a failure.
        shares: how much of what is written fits on the disk.
    """

    write: Work
    before: Work = lambda folder, bench: None
    source: Callable[[Bench], object] = lambda bench: None
    dated: str = "$^"
    kept: str = r"\.lock$"
    check: Callable[[Path], object] = lambda folder: None
    shares: tuple[float, ...] = (0.0, 0.02, 0.2, 0.5, 0.9)


def noise(size: int, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(size)


PCM = np.random.default_rng(1).integers(-9_000, 9_000, (30_000, 1), np.int16)
ROWS = pd.DataFrame({"id": [str(one) for one in range(4_000)], "sdr": np.random.default_rng(2).normal(size=4_000)})


def long_sound(folder: Path, bench: Bench) -> None:
    folder.mkdir(exist_ok=True)
    with writing_sound(folder / "a.wav", 16_000, 1) as file:
        for _ in range(9):
            file.write(PCM / 32768)


def shards(folder: Path, bench: Bench) -> None:
    if not is_committed(folder):
        writer = ShardWriter(folder, shard_bytes=20_000)
        for item in islice(test_data_shards.items(40), writer.consumed, None):
            writer.add(item)
        writer.commit()


def checkpoint(step: int) -> Work:
    tensors = {"weight": torch.full((20_000,), float(step))}
    return lambda folder, bench: Rolling(folder).save(step, tensors, {"made": step})


def rows_of_history(folder: Path, bench: Bench) -> None:
    """Write 60 rows as a training does: what lies beyond its checkpoint is taken away first."""
    history = History(folder)
    history.rewind(10)
    for step in range(11, 71):
        history.append({"step": step, **{f"valid_{name}": 1 / step for name in range(9)}})
    history.finish()


def document() -> Document:
    clip = Clip("a tone", noise(20_000), spectrogram=noise(3_000))
    players = Players("players", ["one"], [("a", [clip])])
    return Document("A report", (), (), [Section("Sounds", [Text("Listen."), players])])


def table() -> bytes:
    with TemporaryDirectory() as folder:
        write_frame(Path(folder) / "a", ROWS)
        return (Path(folder) / "a").read_bytes()


def report_version(bench: Bench) -> Path:
    """Return a report in a store on the bench, made once."""
    home = bench.place / "reports"
    made = sorted(home.glob("store/*/*/versions/*/run.json"))
    return made[0].parent if made else tiny_reports.keep(home, files={"scores.parquet": table()})


def archive(folder: Path, bench: Bench) -> None:
    exported = sorted((bench.place / "exported").glob("2*-synthesis-*"))
    folder.mkdir(exist_ok=True)
    write_archive(exported[0], folder / "a.zip")


def listening(bench: Bench) -> None:
    """Put a listening test into the store of the bench."""

    def work(folder: Path) -> dict[str, int]:
        plan = written_test(folder / "mushra", "mushra")
        write_json(folder / "tests.json", {"mushra": {"test": plan.test}})
        return {}

    keep(bench.settings.home, "separation_listening_tests", "tests.json", work)


def sing(bench: Bench) -> None:
    """Put shards of notes and an untrained model into the store of the bench."""
    from tiny import write_nsynth  # noqa: PLC0415

    keep_sing(bench.settings.home, write_nsynth(bench.place / "nsynth-train", 1, range(60, 62), (25,)))


def exported_model(folder: Path, bench: Bench) -> None:
    export_model(bench.settings, Wish("synthesis"), folder / "sing", onnx=False)


def store(folder: Path, bench: Bench) -> None:
    """Make what is not whole, pin a version; one that was damaged is set aside."""
    tiny_store.build(folder)
    slot = tiny_store.slot(folder, "scores")
    pin(slot, get(slot).name, "of the paper")


def damaged_store(folder: Path, bench: Bench) -> None:
    store(folder, bench)
    (get(tiny_store.slot(folder, "shards")) / "index.parquet").write_bytes(noise(500))


def whole_versions(folder: Path) -> None:
    """Check that a version is not finished or whole."""
    assert not [one for one in verify(folder, with_pointers=False) if one.damage]


def no_result(folder: Path) -> None:
    """Check that what was damaged before is refused or made afresh, and that all else is whole."""
    for one in verify(folder):
        assert not one.damage or "shards" in str(one.place).split("/"), one
    with suppress(InputError):
        shards = find(tiny_store.slot(folder, "shards"))
        assert shards is None or len(tiny_store.READERS["shards"](shards)[2]) == 5


def uploaded(bench: Bench) -> None:
    Machine(bench.place / "1", bench.url).build(Files(noise(5_000)))


def copied(folder: Path, bench: Bench) -> None:
    get(Machine(folder, bench.url).slot())


def download(folder: Path, bench: Bench) -> None:
    bench.server.content = noise(200_000)
    fetch(Remote(bench.server.url), folder / "a.tar.gz", tries=1, pause=0.0)


def needs_table(folder: Path, bench: Bench) -> None:
    row = {"asset": "synthesis_model", "memory": 1, "gpu_memory": 2, "gpu_hours": 3.0}
    row |= {"steps": 10, "batch": 4, "measured": "whole"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(needs, "TABLE", folder / "needs.json")
        patch.setattr(needs, "planned", dict)  # what is read once a process stays that of the project
        needs.remember({"preset": "demo", "systems": {"synthesis": {"trainings": [row] * 9}}})


WRITERS = {
    "file": Writer(
        lambda folder, bench: write_bytes(folder / "a", noise(30_000)),
        lambda folder, bench: write_bytes(folder / "a", b"old"),
    ),
    "JSON": Writer(
        lambda folder, bench: write_json(folder / "a.json", list(range(3_000))),
        lambda folder, bench: write_json(folder / "a.json", []),
    ),
    "table": Writer(
        lambda folder, bench: write_table(folder / "a.parquet", [pa.Table.from_pandas(ROWS)] * 3, {"x": 1}),
        lambda folder, bench: write_table(folder / "a.parquet", [pa.Table.from_pandas(ROWS[:3])], {}),
    ),
    "scores": Writer(
        lambda folder, bench: write_frame(folder / "a.parquet", ROWS),
        lambda folder, bench: write_frame(folder / "a.parquet", ROWS[:3]),
    ),
    "sound": Writer(
        lambda folder, bench: write_sound(folder / "a.flac", PCM, 16_000),
        lambda folder, bench: write_sound(folder / "a.flac", PCM[:99], 16_000),
    ),
    "long sound": Writer(
        long_sound,
        lambda folder, bench: write_sound(folder / "a.wav", PCM[:99], 16_000),
    ),
    "shards": Writer(shards, kept=r"shard-\d+\.(tar|parquet)$"),
    "checkpoint": Writer(checkpoint(3), lambda folder, bench: [checkpoint(step)(folder, bench) for step in (1, 2)]),
    "history": Writer(rows_of_history, rows_of_history),
    "store": Writer(store, dated="pins/", kept=r"\.lock$|versions/", check=whole_versions),
    "damaged store": Writer(store, damaged_store, dated="pins/", kept=r"\.lock$|damaged/|versions/", check=no_result),
    "copy of a version in a bucket": Writer(
        copied, source=uploaded, kept=r"\.lock$|home\.id$|versions/", check=whole_versions
    ),
    "report": Writer(lambda folder, bench: write_document(folder, document())),
    "report with sounds beside it": Writer(lambda folder, bench: write_document(folder, document(), largest=20_000)),
    "exported report": Writer(
        lambda folder, bench: export_report(folder, report_version(bench), in_use=True), source=report_version
    ),
    "archive": Writer(
        archive,
        lambda folder, bench: write_bytes(folder / "a.zip", b"of yesterday"),
        lambda bench: export_report(bench.place / "exported", report_version(bench), in_use=True),
    ),
    "exported model": Writer(exported_model, source=sing),
    "listening test": Writer(lambda folder, bench: written_test(folder, "mushra")),
    "exported listening test": Writer(
        lambda folder, bench: export_tests(bench.settings, "separation", folder), source=listening
    ),
    "ratings": Writer(
        lambda folder, bench: write_ratings(folder, collected(bench.place / "test")),
        source=lambda bench: written_test(bench.place / "test", "mushra", sessions=3),
    ),
    "download": Writer(download, kept=r"\.(partial|validator|lock)$"),
    "failed runs": Writer(
        lambda folder, bench: [record_failure(folder, "synthesis", f"run {one}", "x" * 100) for one in range(80)],
        lambda folder, bench: record_failure(folder, "synthesis", "run before", "disk full"),
        dated=r"failures\.jsonl$",
    ),
    "home and databases of Dagster": Writer(
        lambda folder, bench: prepare_instance(bench.settings.model_copy(update={"home": folder})),
        kept=r"\.db|\.lock$",
        shares=(0.0, 0.1, 0.5),
    ),
    "home": Writer(lambda folder, bench: prepare_home(bench.settings.model_copy(update={"home": folder}))),
    "table of needs": Writer(needs_table),
}


def files(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in sorted(folder.rglob("*")) if one.is_file()}


def lasting(writer: Writer, found: dict[str, bytes]) -> set[str]:
    return {one for one in found if not re.search(writer.kept, one)}


def compare(writer: Writer, found: dict[str, bytes], *allowed: dict[str, bytes]) -> None:
    """Check that each file has the bytes of one of those that are allowed."""
    for name, content in found.items():
        if re.search(writer.kept, name):
            continue
        known = [one[name] for one in allowed if name in one]
        assert known, f"{name} is left over"
        if re.search(writer.dated, name):
            for line in content.splitlines() if name.endswith(".jsonl") else [content]:
                json.loads(line)
        else:
            assert content in known, f"{name} is neither as before nor as afterwards"


@pytest.fixture(scope="module")
def disk(tmp_path_factory) -> Iterator[Disk]:
    with small_disk(tmp_path_factory.mktemp("disks") / "disk") as found:
        if found is None:
            pytest.skip("this user may not mount a tmpfs")
        yield found


@pytest.fixture
def bench(tmp_path, settings, server, url) -> Bench:
    return Bench(tmp_path, settings, server, url)


def fails(writer: Writer, folder: Path, bench: Bench, root: Path) -> bool:
    """Write; return whether it failed, which is told in one line that names the file and the remedy."""
    try:
        writer.write(folder, bench)
    except Exception as error:  # whatever it is, the command line tells it
        said = explain(error)
        assert str(root) in said, said
        assert re.search("free space on that disk|there is space on that disk", said), said
        assert "unexpected" not in said, said
        assert "\n" not in said
        return True
    return False


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk(name, disk, bench):
    writer, folder = WRITERS[name], disk.root / name.replace(" ", "-")
    for one in disk.root.iterdir():  # of the test before
        shutil.rmtree(one)
    writer.source(bench)
    writer.before(folder, bench)
    before, room = files(folder), disk.free()
    writer.write(folder, bench)
    after, needed = files(folder), max(room - disk.free(), 2 * PAGE)
    failed = 0
    for share in writer.shares:
        shutil.rmtree(folder, ignore_errors=True)
        writer.before(folder, bench)
        with disk.full(left := int(share * needed) // PAGE * PAGE):
            if fails(writer, folder, bench, disk.root):
                failed += 1
                compare(writer, files(folder), before, after)
                writer.check(folder)
                assert lasting(writer, before) <= lasting(writer, files(folder)), "what was there stays"
        writer.write(folder, bench)
        compare(writer, files(folder), after)
        assert lasting(writer, files(folder)) == lasting(writer, after), left
    assert failed >= 2


CODE = Path(__file__).resolve().parents[1]
WRITES = re.compile(
    r"""\bopen\([^)]*"(?:[wax]b?\+?|r\+b?)"|\.(?:write_text|write_bytes|to_parquet|savefig)\(|\b(?:save_file|ZipFile)\("""
    r"|soundfile\.(?:write|SoundFile)\(|O_WRONLY"
)
OTHERS = {  # modules that write without `durable`, and why that is no writer of a result
    "data/decoding.py": "memory of the machine, in a temporary folder",
    "data/errors.py": "a log of errors, which may be cut off",
    "data/files/readers.py": "reads",
    "data/files/zips.py": "reads",
    "data/files/targets.py": "tries whether a file can be written",
    "eval/report/document.py": "an example",
    "eval/report/figures.py": "into memory",
    "models/measuring.py": "a file of the system",
    "pipelines/services.py": "in a temporary folder",
}


def test_every_module_that_writes_is_tried_here():
    """Whoever adds a writer adds it to `WRITERS`, or says above why not."""
    found = {
        path.relative_to(CODE).as_posix()
        for folder in ("assets", "data", "eval", "models", "pipelines")
        for path in (CODE / folder).rglob("*.py")
        if WRITES.search(path.read_text())
    }
    tried = {
        "assets/store/remote/objects.py",
        "data/files/audio.py",
        "data/files/download.py",
        "data/files/durable.py",
        "data/files/tables.py",
        "data/shards/writer.py",
        "models/training/checkpoint.py",
        "pipelines/reports/archive.py",
        "pipelines/reports/export.py",
    }
    assert found == tried | set(OTHERS)
