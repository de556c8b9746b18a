"""The synthesis report of notes with hostile names: they stay text, its map plays SING, its exports are there."""

import json
import re
from pathlib import Path

import pytest
from test_eval_report import Tags
from tiny_synthesis_study import EVIL, make_synthesis_study

from data.files.audio import decode
from eval.report.maps import Map
from eval.synthesis.instrument_map import instrument_blocks
from eval.synthesis.report import write_report
from eval.synthesis.report_input import Study


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return make_synthesis_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def page(study, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    write_report(folder, study)
    return folder


def test_hostile_names_stay_text(page):
    html = (page / "report.html").read_text()
    tags = Tags(html)
    assert len(tags.of("script")) == 1
    assert not any(name.startswith("on") for _, attributes in tags.found for name in attributes)
    assert EVIL not in html
    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;alert(1)") > 20
    for _, attributes in tags.found:
        for name in ("src", "href"):
            if attributes.get(name):
                assert attributes[name].startswith(("data:", "#")) or (page / attributes[name]).is_file()
    card = (page / "model_card.md").read_text().split("---", 2)[2]
    assert not re.search(r"(?<!\\)<script", card)
    assert "<script>" in json.loads((page / "metrics.json").read_text())["provenance"]["preset"]


def test_the_system_is_named_with_its_setting_in_charts_tables_and_players(page):
    html = (page / "report.html").read_text()
    html = re.sub(r"<caption>SING, Table 1.*?</table>", "", html, flags=re.DOTALL)  # its rows tell the training loss
    heads = re.findall(r'<th scope="row">(?:<svg.*?</svg>&nbsp;)?\s*([^<]*)</th>', html, flags=re.DOTALL)
    assert "SING, spectral loss" in heads
    assert "SING" not in heads
    names = re.findall(r'<span class="name">(?:<svg.*?</svg>&nbsp;)?\s*([^<]*)</span>', html, flags=re.DOTALL)
    assert "SING, spectral loss" in names
    assert "SING" not in names
    assert '<text class="name" x="28" y="17">SING, spectral loss</text>' in html


def test_a_wide_table_leads_with_what_matters_and_has_all_columns_behind_a_click(page):
    html = (page / "report.html").read_text()
    first = re.search(r"<table><caption>Unseen.*?</table>", html, flags=re.DOTALL).group()
    assert re.findall(r'<th scope="col"[^>]*>([^<]*)</th>', first) == [
        "System", "Notes", "Pitched", "Spectral loss", "Spectral loss divided by silence&#39;s", "In tune",
        "Pitch error, cents",
    ]  # fmt: skip
    assert "95 % interval: all 12 columns</summary>" in html
    assert "Loudness error, dB" in (page / "tables.tex").read_text()


def test_the_map_plays_sing_and_recordings_at_pitches(study):
    block = instrument_blocks(study.instruments, study.sweeps, study.notes)[0]
    assert isinstance(block, Map)
    assert block.voices == ["SING", "Recording"]
    assert len(block.points) == 4
    for number, point in enumerate(block.points):
        sung = [one for one in point.sounds if one.voice == "SING"]
        assert [one.pitch for one in sung] == ([60, 68] if number == 3 else [60, 64, 68])
        assert [one.voice for one in point.sounds].count("Recording") == 2
        assert all(len(one.content) < 30_000 for one in point.sounds)
        assert len(decode(sung[0].content).samples) == pytest.approx(2 * 16_000, abs=3000)
    assert block.pitches[0][1] == "C4"
    assert block.middle in [pitch for pitch, _ in block.pitches]
