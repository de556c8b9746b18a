"""The conversion report on a tiny study: numbers by hand, sounds as loud as told, nothing of a hostile name."""

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
from tiny_conversion_study import (
    DEPTHS,
    EVIL,
    RATE,
    SHIFT,
    Scored,
    judge,
    make_study,
    stretch,
    with_everything,
)
from tiny_conversion_study import make_clips as study_clips

from eval.conversion.acceptance import acceptance_criteria
from eval.conversion.chapters import cost_blocks, limits, vocoder_blocks
from eval.conversion.paper_tables import NOT_COMPARABLE
from eval.conversion.players import melody_curves, player_blocks, remix
from eval.conversion.report import write_report
from eval.conversion.report_input import Study
from eval.conversion.singer_map import chosen_rows, map_blocks
from eval.metrics.waveform import loudness
from eval.report.blocks import Players
from eval.report.maps import Map
from eval.report.palette import Palette


@pytest.fixture(scope="module")
def scored(tmp_path_factory) -> Scored:
    with pytest.MonkeyPatch.context() as patch:
        return judge(tmp_path_factory.mktemp("study"), patch.setattr)


@pytest.fixture(scope="module")
def study(scored) -> Study:
    return make_study(scored)


@pytest.fixture(scope="module")
def page(study, scored, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    told = write_report(folder, with_everything(study, scored))
    assert (told["clips"], told["systems"]) == (7, 4)
    return folder


def test_the_page_is_whole_and_speaks_to_nobody(page):
    html = (page / "report.html").read_text()
    tags = Tags(html)
    for _, attributes in tags.found:
        for name in ("src", "href", "data-sound"):
            if attributes.get(name):
                assert attributes[name].startswith(("data:", "#")) or (page / attributes[name]).is_file()
    assert "http" not in re.sub(r"base64,[\w+/=]+|http-equiv", "", html)
    assert all(one.get("alt") for one in tags.of("img"))
    assert len(html) < 15e6
    assert EVIL not in html
    assert "&lt;script&gt;alert(1)" in html
    titles = re.findall(r'<h2 id="s-[^"]*">([^<]*)</h2>', html)
    assert titles == [
        "Converted voices", "Melody alone", "Compared with what is in use", "Listen", "Melodies over each other",
        "Singers", "Clip by clip", "Ablation", "Layer weights", "Length of fine-tuning", "Frozen or fine-tuned",
        "Genres never heard", "Discriminators", "Several target singers", "Vocoder", "Cost", "Beside papers",
        "Training",
    ]  # fmt: skip
    assert NOT_COMPARABLE in html


def test_the_exports_say_what_the_page_says(page, study):
    found = json.loads((page / "metrics.json").read_text())
    assert (found["system"], found["comparable_with_papers"]) == ("conversion", False)
    expected = {name: one.passed for name, one in acceptance_criteria(study.evidence, study.bounds).items()}
    assert {name: one["passed"] for name, one in found["checks"].items()} == expected
    cents = found["conversion"]["original"]["snr0"]["f0_rmse_cents_keyfree"]
    by_hand = [DEPTHS["original"]["snr0"] * stretch(one) / np.sqrt(2) for one in study_clips() if one.split == "test"]
    assert cents["mean"] == pytest.approx(np.mean(by_hand), rel=0.05)
    assert (cents["count"], cents["missing"]) == (7, 0)
    assert found["melody"]["proposed"]["clean"]["rpa"]["mean"] == pytest.approx(
        np.mean([1 - round(1.42 * (1 + n / 20)) / 71 for n in range(7)])
    )
    assert found["vocoder"]["vocos"]["within_50_cents"] > 0.99
    for name, frame in (("scores", study.scores), ("melody_scores", study.melody), ("vocoder_scores", study.vocoder)):
        pd.testing.assert_frame_equal(pd.read_parquet(page / f"{name}.parquet"), frame)
    card = (page / "model_card.md").read_text()
    assert "model-index" in card
    assert "type: synthetic" in card
    assert "- beats\\_baselines: passed" in card
    latex = (page / "systems.tex").read_text()
    assert r"\begin{tabular}" in latex
    assert "Original pitch \\& energy" in latex


def test_the_limits_depend_on_what_ran(study):
    told = " ".join(limits(study))
    assert "harmonics (toy): a network trained on speech" in told
    assert "No recogniser was given" in told
    assert "No predictor of speech quality was given: speech quality is not applicable." in told
    rated = study.scores.assign(speech_quality=3.5, quality_predictor="toy")
    assert "a MOS predicted by toy, a network trained on speech" in " ".join(limits(replace(study, scores=rated)))
    assert "of 1 singer:" in told
    assert "+300 to +300 cents" in told
    assert "too few for a paired test" not in told
    assert "No listener was asked" in told
    stand_in = study.scores.assign(speaker_encoder="timbre statistics")
    assert "timbre statistics: a stand-in" in " ".join(limits(replace(study, scores=stand_in)))
    few = study.scores[study.scores["clip"].isin(["t-0", "t-1"]) & (study.scores["condition"] != "snr10")]
    changed = few.assign(speaker_encoder="", text="source", reference="tracker: pyin", shift_cents=0.0)
    other = " ".join(limits(replace(study, scores=changed, melody=pd.DataFrame(), vocoder=pd.DataFrame())))
    for words in (
        "of 2 songs: too few", "No speaker encoder was given", "what the recogniser finds in the source",
        "what pyin finds in the clean voice", "The melody extractor was not judged alone",
        "The vocoder was not judged alone", "Not judged: 10 dB",
    ):  # fmt: skip
        assert words in other
    assert "cents" not in other


def test_players_are_as_loud_as_the_mixture_worst_clips_first(study):
    blocks = player_blocks(study.sounds, study.scores, study.order, study.hardest)
    players = [one for one in blocks if isinstance(one, Players)]
    assert players[0].caption == "Worst clips first, by key-free F0RMSE of proposed"
    assert players[0].columns == [
        "Mixture", "Source voice", "Proposed", "Original pitch & energy", "CREPE", "Target singer", "Remix",
    ]  # fmt: skip
    played = [name for one in players for name, _ in one.rows]
    assert played[0] == "t-6"  # the deepest wobble
    assert sorted(played) == sorted(study.order)
    _, clips = players[0].rows[0]
    waves = [soundfile.read(io.BytesIO(one.sound))[0] for one in clips]
    levels = [loudness(one, RATE) for one in waves]
    np.testing.assert_allclose(levels, levels[0], atol=0.5)
    assert "shift\u00a0+300\u00a0cents" in clips[2].figures
    assert f"level\u00a0{0:+.1f}\u00a0dB" in clips[0].figures
    lost = next(clips for one in players for name, clips in one.rows if name == "t-1")
    assert [one.sound is None for one in lost] == [False, False, False, False, True, False, False]


def test_a_remix_is_the_accompaniment_and_the_new_voice():
    draw, time = np.random.default_rng(0), np.arange(RATE) / RATE
    voice = (0.2 * np.sin(2 * np.pi * 220 * time)).astype(np.float32)
    rest = 0.05 * draw.standard_normal(RATE).astype(np.float32)
    new = (0.02 * np.sin(2 * np.pi * 330 * time)).astype(np.float32)
    found = remix(0.5 * voice + rest, voice, new)
    left = found - rest
    np.testing.assert_allclose(left @ voice / RATE, 0, atol=1e-4)
    assert loudness(left, RATE) == pytest.approx(loudness(0.5 * voice, RATE), abs=0.3)
    assert np.corrcoef(left, new)[0, 1] > 0.99
    np.testing.assert_allclose(remix(rest, voice * 0, new * 0), rest)


def test_melodies_lie_over_each_other(study):
    found = melody_curves(study.sounds, study.order, "clean", "autocorrelation")
    assert list(found) == [f"worst: {study.order[0]}", f"median: {study.order[3]}", f"best: {study.order[-1]}"]
    for curves in found.values():
        source, melody, converted = curves.values()
        np.testing.assert_allclose(melody[source > 0][20:], source[source > 0][20:])
        both = (source > 0) & (converted > 0)
        assert np.median(1200 * np.log2(converted[both] / source[both])) == pytest.approx(SHIFT, abs=5)
    assert melody_curves(study.sounds, [], "clean", "autocorrelation") == {}


def test_converted_voices_lie_on_the_map_beside_the_target_singer(scored):
    twice = pd.concat([scored.embeddings, scored.embeddings])  # as the tables of two systems together
    (block,) = map_blocks(twice, "singer0", "toy")
    assert isinstance(block, Map)
    assert set(block.groups(Palette())) == {"Proposed: converted", "target: singer0", "t"}
    assert len(block.points) == 7 + 2 + 7
    assert "(toy)" in block.note
    assert "trustworthiness" in block.note
    assert not (chosen_rows(scored.embeddings, "singer0")["split"] == "valid").any()
    assert block.voices == []
    assert map_blocks(scored.embeddings.iloc[:3], "singer0", "toy") == []
    assert map_blocks(pd.DataFrame(), "singer0", "toy") == []


def test_the_map_of_singers_plays_clean_and_converted_voices(study, scored):
    (block,) = map_blocks(scored.embeddings, "singer0", "toy", study.sounds)
    assert set(block.voices) == {"Proposed", "Clean voice"}
    converted = [one for one in block.points if one.group.startswith("Proposed")]
    assert [[sound.voice for sound in one.sounds] for one in converted] == [["Proposed", "Clean voice"]] * 7
    clean = [one for one in block.points if one not in converted]
    assert [[sound.voice for sound in one.sounds] for one in clean] == [["Clean voice"]] * 9


def test_vocoders_and_cost_by_hand(scored):
    (table,) = vocoder_blocks(scored.vocoder)
    assert [one[:3] for one in table.rows] == [
        [name, split, count] for split, count in (("valid", "2"), ("test", "7")) for name in ("Vocos", "Griffin-Lim")
    ]  # fmt: skip
    assert table.rows[0][3].startswith("1.000\n")
    stages = {"melody": {"real_time_factor": 0.05}, "whole": {"real_time_factor": 0.25, "memory": {"600": 1234.0}}}
    (cost,) = cost_blocks({"device": "CPU", "threads": 1.0, "stages": stages})
    assert cost.columns[-1] == "MiB, 600 s"
    assert cost.rows == [["melody", "0.05", "–", "–"], ["whole", "0.25", "–", "1,234"]]
    first = {"whole": {"real_time_factor": 0.25, "first_sound_seconds": 7.5, "first_sound_of_seconds": 60}}
    (cost,) = cost_blocks({"device": "CPU", "threads": 1.0, "stages": first})
    assert cost.rows == [["whole", "0.25", "7.5"]]
    assert "First sound: from the call to the first converted samples of a recording of 60 s" in cost.note
    assert vocoder_blocks(pd.DataFrame()) == cost_blocks({}) == []


def test_a_study_of_nothing_but_one_system_is_a_page_too(study, tmp_path):
    kept = study.scores[(study.scores["system"] == "proposed") & (study.scores["condition"] == "clean")]
    bare = replace(study, scores=kept, melody=pd.DataFrame(), vocoder=pd.DataFrame())
    told = write_report(tmp_path, bare)
    assert (told["clips"], told["systems"]) == (7, 1)
    html = (tmp_path / "report.html").read_text()
    titles = re.findall(r'<h2 id="s-[^"]*">([^<]*)</h2>', html)
    assert titles == ["Converted voices", "Listen", "Melodies over each other", "Clip by clip", "Beside papers"]
    assert not (tmp_path / "melody_scores.parquet").exists()
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["checks"]["melody_0db"] == {"found": None, "asked": 0.82, "passed": False, "required": True}
