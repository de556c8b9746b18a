"""A report is one file up to a size, and beyond it a page with its sounds beside it, with the same content."""

import base64
import re
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_eval_report import SOUND, Tags, document
from tiny_reports import keep

from data.errors import InputError
from data.files.audio import decode, encode, encode_small, to_pcm16
from data.files.durable import read_json
from data.files.tables import write_frame
from eval.report.document import render
from eval.report.writing import sounds_apart, write_document
from pipelines.reports.archive import write_archive
from pipelines.reports.export import export_report


def test_a_small_report_is_one_file(tmp_path):
    told = write_document(tmp_path, document())
    assert {one.name for one in tmp_path.iterdir()} == {"report.html", "tables.tex"}
    assert told["megabytes"] == round((tmp_path / "report.html").stat().st_size / 1e6, 2)
    assert (tmp_path / "tables.tex").read_text().startswith("% plain\n\\begin{tabular}")


def test_a_large_report_has_its_sounds_beside_it_and_says_so(tmp_path):
    write_document(tmp_path, document(), largest=10_000)
    page = (tmp_path / "report.html").read_text()
    tags = Tags(page)
    assert "copy both together" in page
    assert "data:audio" not in page
    policy = tags.of("meta")[1]["content"]
    assert "media-src 'self'" in policy
    assert "default-src 'none'" in policy
    sources = {one["src"] for one in tags.of("audio")}
    assert sources == {f"sounds/{one.name}" for one in (tmp_path / "sounds").iterdir()}
    assert all(re.fullmatch(r"sounds/[0-9a-f]{16}\.flac", one) for one in sources)
    assert (tmp_path / next(iter(sources))).read_bytes() == SOUND
    whole = Tags(render(document()))
    assert [one["aria-label"] for one in tags.of("audio")] == [one["aria-label"] for one in whole.of("audio")]


def test_only_sounds_are_taken_out():
    text = base64.b64encode(b"x").decode()
    page, sounds = sounds_apart(f'<img src="data:image/png;base64,{text}"><audio src="data:audio/mpeg;base64,{text}">')
    assert page.startswith(f'<img src="data:image/png;base64,{text}"><audio src="sounds/')
    assert list(sounds.values()) == [b"x"]
    assert next(iter(sounds)).endswith(".mp3")


def test_a_small_sound_is_much_smaller_and_the_same_to_the_ear():
    time = np.arange(2 * 16_000) / 16_000
    pcm = to_pcm16(0.3 * np.sin(2 * np.pi * 440 * time) + 0.02 * np.random.default_rng(0).standard_normal(len(time)))
    content, media = encode_small(pcm, 16_000)
    assert media in ("audio/mpeg", "audio/ogg")
    assert len(content) < 0.4 * len(encode(pcm, 16_000, "FLAC"))
    back = decode(content).samples[:, 0]
    assert abs(len(back) - len(pcm)) < 3000
    spectrum = np.abs(np.fft.rfft(back[4000:20_000]))
    assert spectrum.argmax() == 440
    assert encode_small(pcm, 11_000) == (encode(pcm, 11_000, "FLAC"), "audio/flac")


@pytest.fixture
def exported(tmp_path):
    scores = tmp_path / "scores.parquet"
    write_frame(scores, pd.DataFrame({"song": ['a "b", <c>', "d"], "value": [1.5, np.nan]}))
    write_document(tmp_path / "made", document())
    files = {one: (tmp_path / "made" / one).read_bytes() for one in ("tables.tex",)}
    files["scores.parquet"] = scores.read_bytes()
    version = keep(tmp_path / "home", files={**files, "model_card.md": b"---\nmodel-index: []\n---\n"},
                   page=(tmp_path / "made" / "report.html").read_text())  # fmt: skip
    return export_report(tmp_path / "reports", version, in_use=True)


def test_an_archive_holds_every_export(exported, tmp_path):
    path = write_archive(exported, tmp_path / "out" / "report.zip")
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        contents = {one.removeprefix(f"{exported.name}/"): archive.read(one) for one in archive.namelist()}
    assert {one.name for one in exported.iterdir()} <= contents.keys()
    assert all(contents[one.name] == one.read_bytes() for one in exported.iterdir())
    assert contents["scores.csv"].decode().splitlines() == ["song,value", '"a ""b"", <c>",1.5', "d,"]
    listed = contents["sounds.csv"].decode().splitlines()
    assert listed[0] == "file,sound"
    assert {one.split(",")[0] for one in listed[1:]} == {one for one in contents if one.startswith("sounds/")}
    assert SOUND in contents.values()
    again = write_archive(exported, tmp_path / "again.zip")
    assert again.read_bytes() == path.read_bytes()


def test_an_archive_is_whole_or_absent(exported, tmp_path, monkeypatch):
    path = tmp_path / "report.zip"
    path.write_bytes(b"older")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(zipfile.ZipFile, "writestr", lambda *_, **__: (_ for _ in ()).throw(full))
    with pytest.raises(OSError, match="No space"):
        write_archive(exported, path)
    assert path.read_bytes() == b"older"
    assert {one.name for one in tmp_path.iterdir() if "partial" in one.name} == set()
    with pytest.raises(InputError, match=r"\.zip"):
        write_archive(exported, tmp_path / "report.tar")


def test_a_report_with_its_sounds_beside_it_is_exported_whole(tmp_path):
    write_document(tmp_path / "made", document(), largest=10_000)
    sounds = {f"sounds/{one.name}": one.read_bytes() for one in (tmp_path / "made" / "sounds").iterdir()}
    version = keep(tmp_path / "home", files=sounds, page=(tmp_path / "made" / "report.html").read_text())
    folder = export_report(tmp_path / "reports", version, in_use=True)
    assert {name: (folder / name).read_bytes() for name in sounds} == sounds
    assert set(sounds) < set(read_json(folder / "export.json")["files"])
    assert all(one.stat().st_mode & 0o222 == 0 for one in (folder / "sounds").iterdir())
    assert "sounds/" not in (tmp_path / "reports" / "index.html").read_text()
    with zipfile.ZipFile(write_archive(folder, tmp_path / "a.zip")) as archive:
        names = [one.removeprefix(f"{folder.name}/") for one in archive.namelist()]
    assert len(names) == len(set(names))
    assert set(sounds) < set(names)


def test_files_of_a_report_are_linked_and_lie_beside_it(tmp_path):
    some = replace(document(), files=[("metrics.json", "numbers")])
    assert '<a href="metrics.json">metrics.json</a>: numbers' in render(some)
