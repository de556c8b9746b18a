"""Exported reports: whole or absent, never changed, each content once, under safe names, with an index over all."""

import json
import multiprocessing
import os
import re
import signal
import sys
from functools import partial
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
import pytest
import tiny_assets
from tiny_reports import keep

from assets.environment import Environment
from assets.graph import Graph
from assets.registry import REGISTRY
from data.errors import InputError
from data.files import durable
from data.files.durable import read_json, write_json
from pipelines import cli
from pipelines.definitions import make_graph
from pipelines.jobs import SYSTEMS
from pipelines.reports.chapters import CHAPTERS, places_of
from pipelines.reports.export import export_report
from pipelines.reports.folder import exported, write_index
from pipelines.reports.run import show_chapters, show_report


@pytest.fixture
def root(tmp_path) -> Path:
    return tmp_path / "reports"


def dated(root: Path) -> set[str]:
    """Names of the folders of a folder of reports, hidden ones included, without "latest"."""
    return {one.name for one in root.iterdir() if one.is_dir() and one.name != "latest"}


def record_of(version: Path) -> dict:
    """Return what a version records of itself, without its checksum, so that it can be written changed."""
    return {name: one for name, one in read_json(version / "run.json").items() if name != "checksum"}


def date(version: Path, when: str) -> None:
    """Let a version have been made at another time."""
    write_json(version / "run.json", {**record_of(version), "made": when})


def links(page: Path) -> list[str]:
    found = []

    class Links(HTMLParser):
        def handle_starttag(self, tag, attrs):
            found.extend(value for name, value in attrs if name == "href")
            assert tag != "script"

    Links().feed(page.read_text())
    return found


def test_a_report_is_exported_once_with_all_its_files(tmp_path, root):
    version = keep(tmp_path / "home", files={"scores.parquet": b"rows"})
    date(version, "2026-11-29T08:01:17+02:00")
    folder = export_report(root, version, in_use=True)
    assert re.fullmatch("2026-11-29-060117-synthesis-demo-[0-9a-f]{8}", folder.name)
    names = ("report.html", "metrics.json", "scores.parquet")
    assert {one.name for one in folder.iterdir()} == {*names, "export.json"}
    assert all((folder / one).read_bytes() == (version / one).read_bytes() for one in names)
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o444}
    manifest = read_json(folder / "export.json")
    assert {name: manifest[name] for name in ("system", "preset", "experiment", "data", "commit", "version")} == {
        "system": "synthesis", "preset": "demo", "experiment": "", "data": "songs", "commit": "abcdef012345",
        "version": version.name,
    }  # fmt: skip
    before = {one: one.stat().st_mtime_ns for one in root.rglob("*")}
    assert export_report(root, version, in_use=True) == folder
    assert {one: one.stat().st_mtime_ns for one in root.rglob("*") if one.name != ".lock"} == {
        one: when for one, when in before.items() if one.name != ".lock"
    }


def test_the_same_content_is_not_exported_twice_though_it_was_made_anew(tmp_path, root):
    folders = {export_report(root, keep(tmp_path / home), in_use=True).name for home in ("first", "second")}
    assert len(folders) == 1


def test_latest_follows_what_is_in_use_and_no_experiment(tmp_path, root):
    link, home = root / "latest" / "synthesis-demo" / "metrics.json", tmp_path / "home"
    old, new = keep(home, data="old"), keep(home, data="new")
    export_report(root, old, in_use=True)
    export_report(root, new, in_use=True)
    export_report(root, keep(home, data="tried", experiment="longer"), in_use=False)
    assert read_json(link)["provenance"]["data"] == "new"
    export_report(root, old, in_use=True)  # a run found it current again
    assert read_json(link)["provenance"]["data"] == "old"
    assert len(dated(root)) == 3
    root.rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "latest" / "synthesis-demo" / "report.html").is_file()


def test_the_index_holds_all_newest_first_and_escapes_what_it_is_told(tmp_path, root):
    hostile = '"><script>alert(1)</script>'
    rows = [
        ("synthesis", "demo", "", "2026-01-01T00:00:00+00:00"),
        ("separation", "small", "", "2026-03-01T00:00:00+00:00"),
        ("conversion", "demo", "longer", "2026-02-01T00:00:00+00:00"),
    ]
    for system, preset, experiment, when in rows:
        version = keep(tmp_path / "home", system, hostile, preset=preset, experiment=experiment, commit="<b>")
        date(version, when)
        export_report(root, version, in_use=not experiment)
    text, found = (root / "index.html").read_text(), links(root / "index.html")
    pages = [one.split("/")[0][:28] for one in found if one.endswith("report.html") and not one.startswith("latest")]
    assert pages == ["2026-03-01-000000-separation", "2026-02-01-000000-conversion", "2026-01-01-000000-synthesis-"]
    assert {"latest/synthesis-demo/report.html", "latest/separation-small/report.html"} <= set(found)
    assert all((root / one).exists() for one in found if not one.startswith("#"))
    assert "&lt;script&gt;alert(1)" in text
    assert "&lt;b&gt;" in text
    assert "<script" not in text
    assert re.search(r"default-src &#39;none&#39;|default-src 'none'", text)


def test_what_is_no_export_is_left_alone_and_left_out(tmp_path, root):
    folder = export_report(root, keep(tmp_path / "home"), in_use=True)
    (root / "notes").mkdir()
    for number, text in enumerate(["{", "[]", "{}", json.dumps({"made": 3}), '{"files": 1, "made": "2026-01-01"}']):
        other = root / f"2026-01-01-00000{number}-synthesis-demo-00000000"
        other.mkdir()
        (other / "export.json").write_text(text)
    (root / "2026-01-01-000009-synthesis-demo-00000000").symlink_to(folder)
    write_index(root)
    assert [one.folder for one in exported(root)] == [folder]
    assert (root / "notes").is_dir()


def test_an_export_that_somebody_damaged_stays_and_a_whole_one_stands_beside_it(tmp_path, root):
    version = keep(tmp_path / "home")
    folder = export_report(root, version, in_use=True)
    (folder / "report.html").unlink()
    again = export_report(root, version, in_use=True)
    assert again.name == f"{folder.name}-2"
    assert (again / "report.html").is_file()
    assert not (folder / "report.html").exists()
    assert os.readlink(root / "latest" / "synthesis-demo") == f"../{again.name}"
    assert export_report(root, version, in_use=True) == again


def spoil_index(root: Path) -> None:
    (root / "index.html").write_text("<h1>My home page</h1>")


def spoil_link(root: Path) -> None:
    (root / "latest").mkdir()
    (root / "latest" / "synthesis-demo").mkdir()


def spoil_latest(root: Path) -> None:
    (root / "latest").symlink_to(root.parent)


@pytest.mark.parametrize("spoil", [spoil_index, spoil_link, spoil_latest])
def test_nothing_of_somebody_else_is_replaced(tmp_path, root, spoil):
    root.mkdir()
    spoil(root)
    before = {one: one.lstat().st_mtime_ns for one in root.rglob("*")}
    with pytest.raises(InputError, match="not replaced; choose an empty folder"):
        export_report(root, keep(tmp_path / "home"), in_use=True)
    assert {one: one.lstat().st_mtime_ns for one in root.rglob("*")} == before


def test_a_place_that_cannot_take_reports_is_named(tmp_path):
    version = keep(tmp_path / "home")
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    for place, said in (
        (tmp_path / "file", "is no folder"),
        (tmp_path / "pipe", "is no folder"),
        (
            tmp_path / "file" / "below",
            "not a directory; name a folder, not a file, or choose another folder for the",
        ),
        (tmp_path / "home" / "store" / "reports", "lies in the store"),
        (version, "lies in the store"),
    ):
        with pytest.raises(InputError, match=f"{re.escape(str(place))}.*{said}"):
            export_report(place, version, in_use=True)


@pytest.mark.parametrize("damage", [lambda path: path.write_text("other"), lambda path: path.unlink()])
def test_a_damaged_version_is_not_exported(tmp_path, root, damage):
    version = keep(tmp_path / "home")
    damage(version / "metrics.json")
    with pytest.raises(InputError, match=r"metrics\.json: .*run the system again"):
        export_report(root, version, in_use=True)
    assert dated(root) == set()
    assert not (root / "latest").exists()


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, root):
    version, out = keep(tmp_path / "home"), tmp_path / "home" / "store" / "out"
    out.write_text("secret")
    record = record_of(version)
    for name in ("../../../../out", str(out), ".hidden", "export.json"):
        write_json(version / "run.json", {**record, "files": {name: {"bytes": 6, "modified_ns": 0, "sha256": ""}}})
        with pytest.raises(InputError, match="is no name of a file of a report"):
            export_report(root, version, in_use=True)
    for damaged in ({**record, "space": "../out"}, {**record, "made": "today"}, {"files": {}}, {**record, "files": 1}):
        write_json(version / "run.json", damaged)
        with pytest.raises(InputError, match=r"its record is damaged \(.*run the system again"):
            export_report(root, version, in_use=True)
    assert dated(root) == set()


def in_another_process(work, *arguments: object) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    process.start()
    return process


def export_and_die(root: Path, version: Path, count: int) -> None:
    """Export a report, and be killed before the call number `count` of those that force to disk or rename."""
    left = [None] * count

    def deadly(function):
        def call(*arguments, **options):
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left.pop()
            return function(*arguments, **options)

        return call

    durable.sync, os.rename, os.replace = deadly(durable.sync), deadly(os.rename), deadly(os.replace)
    export_report(root, version, in_use=True)


def test_a_killed_export_leaves_all_or_nothing_and_the_next_one_goes_on(tmp_path, root):
    version, left_over = keep(tmp_path / "home"), 0
    for count in range(40):
        process = in_another_process(export_and_die, root, version, count)
        process.join()
        for name in dated(root):
            if name.startswith("."):
                left_over += 1
            else:
                assert {"report.html", "metrics.json", "export.json"} == {one.name for one in (root / name).iterdir()}
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
    assert count >= 5
    assert left_over >= 3
    assert len(dated(root)) == 1
    assert len(exported(root)) == 1
    assert (root / "latest" / "synthesis-demo" / "report.html").is_file()


def test_processes_that_export_at_once_wait_for_one_another(tmp_path, root):
    versions = [keep(tmp_path / "home", system) for system in ("synthesis", "separation", "conversion")]
    started = [in_another_process(partial(export_report, in_use=True), root, one) for one in versions]
    for one in started:
        one.join()
    assert [one.exitcode for one in started] == [0, 0, 0]
    assert len(links(root / "index.html")) == 1 + 3 * 3
    assert {one.name for one in (root / "latest").iterdir()} == {
        "synthesis-demo", "separation-demo", "conversion-demo",
    }  # fmt: skip


def test_a_run_exports_a_report_and_the_ui_links_to_it(settings):
    version = keep(settings.home)
    asset = REGISTRY.assets["synthesis_report"]
    shown = show_report(settings, asset, version, "")
    (folder,) = dated(settings.home / "reports")
    assert shown["report"] == dg.MetadataValue.url(f"http://127.0.0.1:3001/{folder}/report.html")
    assert shown["report file"].path == str(settings.home / "reports" / folder / "report.html")
    assert (settings.home / "reports" / "latest" / "synthesis-demo").is_symlink()
    newest = "http://127.0.0.1:3001/latest/synthesis-demo/report.html"
    for name, chapter in (("synthesis_scores", "s-systems-compared"), ("nsynth_shards", "provenance")):
        beside = show_report(settings, REGISTRY.assets[name], version, "")
        assert beside == {"in the report": dg.MetadataValue.url(f"{newest}#{chapter}")}
    assert show_report(settings, REGISTRY.assets["synthesis_scores"], version, "longer") == {}, "of an experiment"
    assert make_graph(settings).deliver(asset, version, "")["report"] == shown["report"]


def test_every_asset_has_a_chapter_in_a_report():
    told = {name for name in REGISTRY.assets if not name.endswith("_report")} | set(REGISTRY.sources)
    assert set(CHAPTERS) == told
    code = {one: "".join(path.read_text() for path in Path("eval", one).glob("*.py")) for one in SYSTEMS}
    page = Path("eval/report/templates/report.html").read_text()
    for name, title in CHAPTERS.items():
        group = REGISTRY.assets[name].group if name in REGISTRY.assets else "data"
        places = places_of(name, group)
        assert places, f"{name}: no report tells about it"
        for system, _ in places:
            assert f'"{title}"' in code[system] or f'<h2 id="{title}">' in page, f"{name}: no chapter {title!r}"


def test_the_ui_links_from_sources_and_ratings_to_the_reports(settings, tmp_path, monkeypatch):
    newest = "http://127.0.0.1:3001/latest/{0}-demo/report.html#{1}".format
    assert show_chapters(settings, "data", "musdb_source")["in the report"].url == newest("separation", "provenance")
    rated = {f"in the report of {one}": dg.MetadataValue.url(newest(one, "s-listening-tests")) for one in SYSTEMS}
    assert show_report(settings, REGISTRY.assets["listening_ratings"], tmp_path, "") == rated
    monkeypatch.setenv("TESSITURA_RATINGS", str(tmp_path))
    graph = make_graph(type(settings).read())
    source = graph._source(graph.registry.sources["listening_results"])
    job = dg.define_asset_job("look", dg.AssetSelection.all(include_sources=True))
    ran = dg.Definitions([source], jobs=[job]).resolve_job_def("look").execute_in_process()
    (seen,) = [one.asset_observation_data.asset_observation for one in ran.all_events if one.is_asset_observation]
    assert {name: one for name, one in seen.metadata.items() if name != "location"} == rated


def test_reports_go_where_the_setting_says(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("TESSITURA_REPORTS", str(tmp_path / "elsewhere"))
    changed = type(settings).read()
    show_report(changed, REGISTRY.assets["synthesis_report"], keep(settings.home), "")
    assert len(dated(tmp_path / "elsewhere")) == 1
    assert not (settings.home / "reports").exists()
    assert changed.environment() == settings.environment(), "where reports go makes nothing stale"


def test_whatever_a_run_makes_or_finds_current_is_delivered(tmp_path):
    tiny_assets.reset()
    seen = []

    def deliver(asset, folder, experiment):
        seen.append((asset.name, folder.name, experiment))
        return {"delivered": asset.name}

    environment = Environment(tmp_path / "home")
    graph = Graph(tiny_assets.REGISTRY, environment, tiny_assets.Known(), deliver=deliver)
    definitions = graph.definitions()
    for _ in range(2):
        result = dg.materialize(definitions, selection=dg.AssetSelection.assets(graph.key("up"), graph.key("down")))
    assert [one for one, _, _ in seen] == ["up", "down", "up", "down"]
    assert seen[:2] == seen[2:]
    told = [one.materialization.metadata["delivered"].value for one in result.get_asset_materialization_events()]
    assert told == ["up", "down"]
    tiny_assets.CONTENT["up"] = b"bad"
    tiny_assets.CONTENT["source"] = "2"
    with pytest.raises(dg.Failure, match="did not pass good"):
        dg.materialize(definitions, selection=dg.AssetSelection.assets(graph.key("up")))
    assert len(seen) == 4, "what did not pass its audits is not delivered"
    tiny_assets.reset()


@pytest.fixture
def command(settings, monkeypatch, capsys):
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tessitura", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


def test_a_report_is_exported_by_hand(command, settings, tmp_path):
    status, _, err = command("export", "report", "separation")
    assert (status, err.count("\n")) == (2, 1)
    assert "no demo/separation_report" in err
    keep(settings.home, "separation")
    keep(settings.home, "separation", experiment="longer")
    status, out, _ = command("export", "report", "separation")
    (folder,) = dated(settings.home / "reports")
    assert (status, out) == (0, f"report: {settings.home / 'reports' / folder / 'report.html'}\n")
    status, out, _ = command("export", "report", "separation", "--experiment", "longer", "-o", tmp_path / "x", "--json")
    found = json.loads(out)
    assert status == 0
    assert "-separation-demo-longer-" in found["report"]
    assert links(Path(found["index"]))[1].endswith("/report.html")
    status, out, err = command("export", "report", "separation", "-o", "/dev/null")
    assert (status, out, err) == (2, "", "error: /dev/null: is no folder; choose another place for the reports\n")


FRONT = {
    "title": "Separation <b>x</b>",
    "done": "Vocals were taken out of 8 songs.",
    "numbers": [{"label": "uSDR, dB", "value": "4.57", "interval": "[2.5, 7.4]"}],
    "verdict": ["It passes 3 of 4 checks.", "The worst finding: it is late."],
    "champion": "This model is the champion, the first one.",
    "sound": {"label": "Vocals", "source": "data:audio/flac;base64,AAAA", "picture": "data:image/png;base64,AAAA"},
}


def test_the_index_shows_the_newest_reports_at_a_glance(tmp_path, root):
    for number in range(2):
        told = {**FRONT, "verdict": [f"Verdict {number}."]}
        files = {"front.json": json.dumps(told).encode()}
        export_report(root, keep(tmp_path, "separation", data=f"songs {number}", files=files), in_use=True)
    text = (root / "index.html").read_text()
    assert "Verdict 1." in text
    assert "Verdict 0." not in text  # only the newest of its system and preset
    assert "Separation &lt;b&gt;x&lt;/b&gt;" in text
    assert "<b>4.57</b>" in text
    assert 'src="data:audio/flac;base64,AAAA"' in text


@pytest.mark.parametrize(
    "damage",
    [
        {"numbers": None},
        {"numbers": [1]},
        {"verdict": 3},
        {"sound": {"label": "x", "source": "javascript:alert(1)", "picture": "http://example.org/x.png"}},
        {"sound": "x"},
        {"title": "x" * 10**6},
    ],
)
def test_a_front_that_was_tampered_with_harms_nobody(tmp_path, root, damage):
    content = json.dumps({**FRONT, **damage}).encode()
    export_report(root, keep(tmp_path, "separation", files={"front.json": content}), in_use=True)
    text = (root / "index.html").read_text()
    assert "javascript:" not in text
    assert "http://example.org" not in text
    assert len(text) < 20_000
    assert links(root / "index.html")
