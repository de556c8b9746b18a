"""The separation report on three short songs: numbers by hand, sounds as loud as said, nothing of a hostile name."""

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from test_eval_report import Tags
from tiny_separation import DEFECTIVE, EVIL, RATE, SONGS, make_study, with_everything

from data.shards.reader import Shards
from eval.metrics.energies import usdr
from eval.metrics.waveform import loudness
from eval.report.blocks import Players, Table
from eval.separation import song_map
from eval.separation.figures import seconds_charts
from eval.separation.paper_tables import NOT_COMPARABLE, published_tables
from eval.separation.players import Sounds, ordered, player_blocks
from eval.separation.report import write_report
from eval.separation.report_input import Study
from eval.separation.song_map import song_map_blocks
from eval.separation.study_report import cost_blocks, noise_blocks, steps_blocks, variants_blocks
from eval.separation.tables import by_track, paired_table, systems_of, systems_tables, tracks_table


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    return make_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def pages(study, tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    write_report(folder / "plain", study)
    told = write_report(folder / "everything", with_everything(study))
    assert (told["songs"], told["systems"]) == (3, 8)
    return {name: folder / name for name in ("plain", "everything")}


def row(table: Table, name: str) -> dict[str, str]:
    return dict(zip(table.columns, next(one for one in table.rows if one[0] == name), strict=True))


def made_up(values: dict[str, list[float]], errata: str = "") -> pd.DataFrame:
    """Score rows: uSDR of each system on songs a, b, c …; the last song has the defect."""
    return pd.DataFrame(
        [
            {"system": system, "track": "abcdefgh"[place], "split": "test", "source": "vocals", "metric": "uSDR",
             "value": value, "errata": errata if place == len(series) - 1 else "", "undefined": 0, "frames": 1,
             "reciprocal_condition": 1.0}
            for system, series in values.items()
            for place, value in enumerate(series)
        ]
    )  # fmt: skip


def test_medians_by_hand():
    scores = made_up({"diffusion": [1.0, 4.0, 2.5], "mixture": [0.0, np.nan, -7.0]})
    (table,) = systems_tables(scores)
    assert row(table, "Latent diffusion")["uSDR, dB"] == "2.50\n[no\u00a0interval]"  # three songs have no interval
    assert row(table, "Mixture")["uSDR, dB"] == "-3.50\n[no\u00a0interval], 2\u00a0of\u00a03"
    assert row(table, "Mixture")["cSDR, dB"] == "no value"
    assert [one[0] for one in table.rows] == ["Mixture", "Latent diffusion"]


def test_songs_with_defects_are_left_out_of_a_second_table():
    tables = list(systems_tables(made_up({"diffusion": [1.0, 4.0, 2.5]}, errata="bleed")))
    assert [row(one, "Latent diffusion")["Songs"] for one in tables] == ["3", "2"]
    assert row(tables[1], "Latent diffusion")["uSDR, dB"].startswith("2.50\n[no\u00a0interval]")
    assert tables[1].note == "Left out: c: bleed."
    assert len(list(systems_tables(made_up({"diffusion": [1.0]})))) == 1


def test_a_song_of_filtered_copies_is_told():
    scores = made_up({"diffusion": [1.0, 4.0]}).assign(metric="cSDR")
    assert "filtered copies" not in next(iter(systems_tables(scores))).note
    scores.loc[0, "reciprocal_condition"] = 1e-13
    assert "On 1 song the references are all but filtered copies" in next(iter(systems_tables(scores))).note


def test_a_silent_estimate_is_the_lowest_of_all_and_not_left_out():
    (table,) = systems_tables(made_up({"diffusion": [-np.inf, -np.inf, 2.5, 3.0, 4.0, 5.0]}))
    assert row(table, "Latent diffusion")["uSDR, dB"] == "2.75\n[-inf,\u00a04.64]"


def test_differences_and_their_test_by_hand():
    ours, theirs = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.5, 1.0, 1.5, 2.0, 2.5, 7.0]
    tracks = by_track(made_up({"diffusion": ours, "masks": theirs}))
    table = paired_table(tracks, "diffusion", ["masks"], {"diffusion": "D", "masks": "M"})
    cell = row(table, "M")["uSDR, dB (above 0 is better)"].replace("\u00a0", " ")
    assert cell.startswith("+1.1 [")  # mean of 0.5, 1, 1.5, 2, 2.5, -1
    assert cell.endswith("better on 5 of 6")
    assert "p 0.125;" in cell  # signed ranks 1, 2.5, 4, 5, 6 against 2.5: 8 of 64 signs at least as uneven
    assert "no value" in row(table, "M")["SI-SDR, dB (above 0 is better)"]


def test_scores_of_the_real_thing(study):
    tracks = by_track(study.scores)
    assert systems_of(study.scores) == [
        "mixture", "codec_ceiling", "IRM1", "IRM2", "IBM2", "masks", "diffusion", "somebodys",
    ]  # fmt: skip
    wide = tracks.pivot(index="track", columns="system", values="uSDR")
    assert list(wide.index) == sorted(SONGS)
    # A share of 1/2 and of 1/4 of the accompaniment left in.
    np.testing.assert_allclose(wide["diffusion"] - wide["mixture"], 20 * np.log10(2), atol=0.02)
    np.testing.assert_allclose(wide["masks"] - wide["mixture"], 20 * np.log10(4), atol=0.02)
    assert np.isnan(wide["somebodys"]).sum() == 1
    assert ordered(tracks, "diffusion") == list(SONGS)
    assert row(tracks_table(tracks, study.order), DEFECTIVE)["Known defect"] == "cowbell in other"


def test_a_hostile_name_stays_text(pages):
    for page in pages.values():
        tags = Tags((page / "report.html").read_text())
        assert len(tags.of("script")) == 1
        assert not any(name.startswith("on") for _, attributes in tags.found for name in attributes)
        assert all((one["src"] or "").startswith("data:image/png") for one in tags.of("img"))
        assert any(EVIL in (one["aria-label"] or "") for one in tags.of("audio"))
        assert any(EVIL in (one["alt"] or "") for one in tags.of("img"))
        assert "<script>alert" not in re.sub(r'"[^"]*"', "", (page / "report.html").read_text())
        card = (page / "model_card.md").read_text().split("---", 2)[2]
        assert r"\<script" in card
        assert not re.search(r"(?<!\\)<script", card)


def test_the_page_fetches_nothing_and_every_picture_and_player_has_words(pages):
    html = (pages["everything"] / "report.html").read_text()
    tags = Tags(html)
    for _, attributes in tags.found:
        for name in ("src", "href", "data-sound"):
            if attributes.get(name):
                assert attributes[name].startswith(("data:", "#")) or (pages["everything"] / attributes[name]).is_file()
    assert "http" not in re.sub(r"base64,[\w+/=]+|http-equiv", "", html)
    assert all(one.get("alt") for one in tags.of("img"))
    assert len(tags.of("audio")) == 3 * 6 + 4 + 3 * 4  # players, the one of the front, the map
    assert len(html) < 15e6


def test_a_study_that_was_not_made_leaves_no_hole(pages):
    titles = {
        name: re.findall(r'<h2 id="s-[^"]*">([^<]*)</h2>', (page / "report.html").read_text())
        for name, page in pages.items()
    }
    kept = ["Systems compared", "Listen", "Song by song", "Songs", "Beside papers"]
    assert titles["plain"] == kept
    assert set(titles["everything"]) - set(kept) == {
        "Steps of DDIM", "Noise on the latent", "Variants", "Cost", "Training",
    }  # fmt: skip


def test_the_exports_say_what_the_page_says(pages, study):
    found = json.loads((pages["plain"] / "metrics.json").read_text())
    assert (found["schema"], found["system"], found["comparable_with_papers"]) == (1, "separation", False)
    tracks = by_track(study.scores)
    expected = tracks.loc[tracks["system"] == "masks", "uSDR"].median()
    assert found["test"]["masks"]["uSDR"]["median"] == pytest.approx(expected)
    assert found["test"]["somebodys"]["uSDR"]["missing"] == 1
    assert found["test_without_known_defects"]["masks"]["uSDR"]["count"] == 2
    assert {name: one["passed"] for name, one in found["checks"].items()} == {
        "complete": True, "masks_separate": True, "better_than_mixture": True, "near_codec_ceiling": False,
    }  # fmt: skip
    for name, frame in (("scores", study.scores), ("seconds", study.seconds)):
        pd.testing.assert_frame_equal(pd.read_parquet(pages["plain"] / f"{name}.parquet"), frame)
    tex = (pages["plain"] / "systems.tex").read_text()
    assert tex.count(r"\\") == 1 + 8
    assert "\u00a0" not in tex
    card = (pages["plain"] / "model_card.md").read_text()
    assert "type: synthetic" in card
    assert r"near\_codec\_ceiling: not passed" in card


def test_no_number_stands_beside_a_papers_where_the_songs_were_made_here(study):
    tracks = by_track(study.scores)
    sisec, papers, _ = published_tables(tracks, "here", comparable=False)
    assert row(sisec, "IRM2")["cSDR, published"] == "9.43"
    assert row(sisec, "IRM2")["Measured here"] == NOT_COMPARABLE
    assert row(sisec, "TAK1")["Measured here"] == "–"
    assert row(papers, "IRM oracle")["Measured here"] == NOT_COMPARABLE
    assert {one[-1] for table in (sisec, papers) for one in table.rows} == {NOT_COMPARABLE, "–"}
    sisec, papers, _ = published_tables(tracks, "here", comparable=True)
    median = tracks.loc[tracks["system"] == "IRM2", "cSDR"].median()
    assert row(sisec, "IRM2")["cSDR, here"] == row(papers, "IRM oracle")["Measured here"] == f"{median:.2f}"
    assert row(papers, "IRM oracle")["Definition, here"] == "cSDR"
    assert not replace(study, provenance={"data": "MUSDB18 from here", "preset": "small"}).embedded


def test_the_song_that_was_not_made_is_told_and_its_player_is_empty(study, pages):
    assert "NaN or infinite samples" in (pages["plain"] / "report.html").read_text()
    blocks = player_blocks(Sounds(study.songs, study.estimates), study.scores, study.order, ["somebodys"])
    clips = {name: clips for one in blocks if isinstance(one, Players) for name, clips in one.rows}
    lost = [name for name, some in clips.items() if some[2].sound is None]
    assert lost == [sorted(SONGS)[0]]
    assert all(one.sound for name, some in clips.items() for one in some if name not in lost)


def test_players_hold_the_most_singing_as_loud_as_the_mixture(study):
    sounds = Sounds(study.songs, study.estimates)
    blocks = player_blocks(sounds, study.scores, study.order, ["masks", "diffusion"])
    players = [one for one in blocks if isinstance(one, Players)]
    assert [[name for name, _ in one.rows] for one in players] == [[EVIL], [DEFECTIVE], ["C - Loud"]]
    for name, clips in players[0].rows:
        waves = [soundfile.read(io.BytesIO(one.sound))[0] for one in clips]
        assert {len(one) for one in waves} == {3 * RATE}
        levels = [loudness(one, RATE) for one in waves]
        np.testing.assert_allclose(levels, levels[0], atol=0.1)
        gains = [float(re.match(r"level\s([+-][\d.]+)", one.figures).group(1)) for one in clips]
        vocals = sounds.part(name, "vocals")
        estimate = sounds.estimate("diffusion", name)
        mixture = vocals + sounds.part(name, "accompaniment")
        for wave, gain, raw in zip(
            waves, gains, (mixture, vocals, None, None, estimate, mixture - estimate), strict=True
        ):
            if raw is not None:
                np.testing.assert_allclose(wave, raw[:, 0] * 10 ** (gain / 20), atol=0.01 * np.abs(wave).max())
        assert f"uSDR\u00a0{usdr(vocals, estimate):.2f}\u00a0dB" in clips[4].figures


def test_studies_in_words():
    steps = pd.DataFrame(
        [
            {"steps": count, "track": track, "metric": "uSDR", "value": value + count, "real_time_factor": count / 4}
            for count in (20, 1)
            for track, value in (("a", 1.0), ("b", 2.0), ("c", 9.0))
        ]
    )
    chart, table = steps_blocks(steps)
    assert [one.rows for one in chart.twin] == [[["1", "3.00"], ["20", "22.00"]], [["1", "0.25"], ["20", "5"]]]
    assert chart.question.endswith("?")
    assert row(table, "20")["uSDR, dB"] == "22.00\n[no\u00a0interval]"
    noise = pd.DataFrame(
        [
            {"what": "vocals", "quantised": quantised, "snr_db": level, "metric": "SI-SDR", "value": value}
            for quantised, level, value in (
                (False, np.inf, 20.0),
                (False, 10.0, 8.0),
                (False, 10.0, 10.0),
                (True, 10.0, 5.0),
            )
        ]
    )  # fmt: skip
    chart, table = noise_blocks(noise)
    (twin,) = chart.twin
    assert twin.columns[1:] == ["vocals", "vocals, quantised"]
    assert twin.rows == [["no noise", "20.00", "no value"], ["10", "9.00", "5.00"]]
    assert table.columns[2:] == ["no noise", "10"]
    facts = {"real_time_factor": 0.125, "first_sound_seconds": 1.5, "memory": {"10": 300.0}}
    other = {**facts, "memory": {"600": 1312.0}}
    (table,) = cost_blocks({"device": "CPU", "threads": 2.0, "systems": {"masks": facts, "diffusion": other}})
    assert table.rows[1] == ["Latent diffusion", "0.125", "1.5", "–", "1,312"]


def test_variants_are_compared_with_the_first():
    first, second = made_up({"diffusion": [1.0, 4.0, 2.5]}), made_up({"diffusion": [0.0, 3.0, 1.5]})
    table, paired = variants_blocks({"concat": first, "inject": second})
    assert [row(table, name)["uSDR, dB"][:4] for name in ("concat", "inject")] == ["2.50", "1.50"]
    assert row(paired, "inject")["uSDR, dB (above 0 is better)"].startswith("+1.00")
    assert len(variants_blocks({"concat": first})) == 1


def test_seconds_of_the_worst_median_and_best_song(study):
    (chart,) = seconds_charts(study.seconds, study.order, ["masks", "diffusion"])
    vocals = study.seconds.query("source == 'vocals' and system == 'masks'")
    for place, track, panel, twin in zip(
        ("worst", "median", "best"), study.order, chart.panels, chart.twin, strict=True
    ):
        assert panel.title == f"{place}: {track}"
        expected = [f"{one:.1f}" for one in vocals.loc[vocals["track"] == track, "sdr"]]
        assert [line[2] for line in twin.rows] == expected
    assert seconds_charts(study.seconds.iloc[:0], study.order, ["masks"]) == []


def test_systems_of_others_alone_make_a_report(study, tmp_path):
    theirs = study.scores[study.scores["system"].isin(["mixture", "somebodys"])]
    alone = replace(study, scores=theirs, seconds=study.seconds[study.seconds["system"] == "somebodys"])
    assert alone.main == "somebodys"
    write_report(tmp_path, alone)
    found = json.loads((tmp_path / "metrics.json").read_text())["checks"]
    assert not any(one["passed"] for one in found.values())
    assert found["masks_separate"]["found"] is None


def test_only_test_songs_are_judged(study):
    assert set(Shards(study.songs).column("split")) == {"train", "test"}
    assert set(study.tracks["track"]) == set(SONGS)


def test_the_map_of_songs_plays_excerpts_of_each_and_what_was_found(study, monkeypatch):
    monkeypatch.setattr(song_map, "_SECONDS", 1.0)  # the songs have three
    sounds = Sounds(study.songs, study.estimates)
    (block,) = song_map_blocks(sounds, study.tracks, study.order, ["masks", "diffusion"])
    assert [one.group for one in block.points] == [song for song in study.order for _ in range(3)]
    assert [one.label for one in block.points if one.group == study.order[0]] == [
        f"{study.order[0]}, from {place} s" for place in range(3)
    ]
    assert block.voices == ["Mixture", "Latent diffusion: vocals", "Discriminative network: vocals", "True vocals"]
    assert len({(one.x, one.y) for one in block.points}) == len(block.points)
    assert "(t-SNE, " in block.note
    assert "are of its song (by chance" in block.note
    assert song_map_blocks(sounds, study.tracks, [], ["masks"]) == []
    (lost,) = song_map_blocks(sounds, study.tracks, study.order, ["somebodys"])
    assert sorted({len(one.sounds) for one in lost.points}) == [2, 3]


def test_a_map_of_many_songs_has_one_excerpt_of_each_and_colours_by_quality(study, monkeypatch):
    sounds = Sounds(study.songs, study.estimates)
    monkeypatch.setattr(song_map, "_SECONDS", 1.0)
    monkeypatch.setattr(song_map, "_COLOURED", 2)
    monkeypatch.setattr(song_map, "_MOST", 3)
    (block,) = song_map_blocks(sounds, study.tracks, study.order, ["masks", "diffusion"])
    assert [one.group for one in block.points] == [
        "lowest third by uSDR", "middle third", "highest third by uSDR",
    ]  # fmt: skip
    assert "the two principal axes" in block.note  # of three points t-SNE makes nothing
    assert {one.label.rpartition(", ")[2] for one in block.points} == {"from 1 s"}, "where the vocals are loudest"
