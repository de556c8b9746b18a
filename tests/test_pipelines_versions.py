"""Versions side by side: found by name or key, compared by pairs, escaped, and readable without a network."""

import html
import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from assets.environment import Configuration
from assets.registry import REGISTRY
from assets.store.pointers import publish
from assets.store.versions import Making, Recipe, make
from data.errors import InputError
from data.files.tables import write_frame
from data.shards.writer import Record, ShardWriter
from models.training.history import History
from pipelines.versions.lineage import evaluated
from pipelines.versions.measures import measures_of
from pipelines.versions.page import _over, write_comparison

EVIL = "<script>alert(1)</script>"
NOTES = [f"note-{number}" for number in range(12)]


def build(settings, loss: float, steps: int, experiment: str = "", variant: str = "") -> Path:
    """Make a model, its notes and their scores as the assets make them, and return the folder of the scores."""
    run = Configuration(settings.environment(), variant)

    def version(asset: str, config, inputs, work) -> Path:
        slot = REGISTRY.assets[asset].slot(run, experiment)
        notes = {"space": slot.space, "experiment": experiment, "overrides": {},
                 "provenance": {"commit": "abcdef012345", "changed": {}}}  # fmt: skip
        files = {
            "synthesis_model": ("model",), "synthesis_notes": ("index.parquet", "told"),
            "nsynth_shards": ("index.parquet",),
        }.get(asset, ("scores.parquet",))  # fmt: skip
        made = make(slot, Recipe("c0de", config, inputs, files), Making(work, notes)).folder
        publish(slot, made)
        return made

    def model(folder: Path, _) -> dict:
        (folder / "model").write_text(f"{loss} {steps}")
        history = [{"step": one, "loss": 1.0 / one, "valid_spectral": None if one < steps else loss, "seconds": one}
                   for one in range(1, steps + 1)]  # fmt: skip
        write_frame(folder / "history.parquet", pd.DataFrame(history))
        return {}

    def sounds(folder: Path, _) -> dict:
        writer = ShardWriter(folder)
        wave = np.sin(np.arange(16_000) / 9)[:, None] * 0.3
        for name in NOTES:
            writer.add(Record(f"sing-{name}", (wave * 32_767).astype(np.int16), 16_000))
        writer.commit(
            annotate=lambda rows: rows.append_column("system", pa.array([variant or "sing"] * len(rows))).append_column(
                "note", pa.array([one.removeprefix("sing-") for one in rows["id"].to_pylist()])
            )
        )
        (folder / "told").write_text(f"{loss} {steps}")
        return {}

    def recordings(folder: Path, _) -> dict:
        writer = ShardWriter(folder)
        for number, name in enumerate(NOTES):
            writer.add(
                Record(name, (np.sin(np.arange(16_000) / (9 + number)) * 9_000).astype(np.int16)[:, None], 16_000)
            )
        writer.commit()
        return {}

    def scores(folder: Path, _) -> dict:
        rows = [
            {"system": variant or "sing", "note": name, "instrument": number, "split": "test",
             "spectral": loss + number / 100, "multi_resolution": 1.0, "in_tune": 1.0, "loudness_error": 0.5}
            for number, name in enumerate(NOTES)
        ]  # fmt: skip
        write_frame(folder / "scores.parquet", pd.DataFrame(rows))
        return {}

    made = version("synthesis_model", {"fit": {"steps": steps}, "note": EVIL * (steps == 3)}, {}, model)
    data = version("nsynth_shards", {}, {}, recordings)
    played = version("synthesis_notes", {"steps": steps}, {"synthesis_model": made, "nsynth_shards": data}, sounds)
    return version("synthesis_scores", {}, {"synthesis_notes": played}, scores)


@pytest.fixture
def store(settings):
    """A former version, the one in use, and an experiment."""
    folders = [build(settings, 0.5, 2), build(settings, 0.4, 3), build(settings, 0.3, 4, "longer")]
    return settings, folders


def test_a_version_is_found_by_name_and_by_the_key_of_whatever_belongs_to_it(store):
    settings, (former, in_use, longer) = store
    assert [one.scores for one in evaluated(settings, "synthesis")] == [in_use, longer]
    assert [one.scores for one in evaluated(settings, "synthesis", ["longer", former.name[:8]])] == [longer, former]
    (model,) = [one for one in evaluated(settings, "synthesis") if one.name == "longer"]
    by_model = evaluated(settings, "synthesis", ["in use", model.made["synthesis_model"].name])
    assert [one.scores for one in by_model] == [in_use, longer]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["in use", "in use"], "two different versions of synthesis are needed to compare; there are in use, longer, "),
        (["wider", "in use"], "'wider' is no version of synthesis with scores; there are in use, longer, "),
        (["../../etc", "in use"], "is no version of synthesis"),
        (["ffffffff", "in use"], "'ffffffff' is no version"),
    ],
)
def test_what_cannot_be_compared_is_told_with_what_there_is(store, names, said):
    with pytest.raises(InputError, match=said.replace("'", "'")):
        evaluated(store[0], "synthesis", names)


def test_before_anything_was_made_the_error_names_the_command(settings):
    with pytest.raises(InputError, match="make it with: tessitura run synthesis"):
        evaluated(settings, "synthesis")


def test_a_training_under_way_is_drawn_as_far_as_it_has_come(store):
    settings, _ = store
    slot = REGISTRY.assets["synthesis_model"].slot(Configuration(settings.environment()))

    def stopped(folder: Path, _) -> dict:
        for step in (1, 2):
            History(folder).append({"step": step, "loss": 0.7 / step, "seconds": step})
        raise KeyboardInterrupt

    notes = {"space": slot.space, "experiment": "", "overrides": {}, "provenance": {}}
    with pytest.raises(KeyboardInterrupt):
        make(slot, Recipe("c0de", {"fit": {"steps": 9}}, {}, ("model",)), Making(stopped, notes))
    page = html.unescape(write_comparison(settings, "synthesis").read_text())
    (name,) = set(re.findall(r"not finished \([0-9a-f]{8}\)", page))
    loss = page[page.index("synthesis_model: how does “loss” change?") :]
    assert name in loss[: loss.index("</figure>")]
    assert "0.35" in loss[: loss.index("</figure>")]


def test_the_page_tells_the_versions_apart(store):
    settings, (former, *_) = store
    path = write_comparison(settings, "synthesis", ["in use", "longer", former.name[:8]])
    assert path == settings.report_folder / "comparisons" / "synthesis-demo.html"
    page = path.read_text()
    assert "longer against in use: spectral loss -0.1000 [-0.1000, -0.1000], smaller is better: better." in page
    worse = "spectral loss +0.1000 [+0.1000, +0.1000], smaller is better: worse."
    assert f"{former.name[:8]} against in use: {worse}" in page
    assert "fit.steps" in page
    assert page.count('<audio controls preload="none"') == 4 * (1 + 3), "four items: the recording and each version"
    assert page.index('aria-label="note-0, Recording"') < page.index('aria-label="note-0, in use"')
    assert "spectral loss: 0.4" in html.unescape(page).replace("\xa0", " "), "what the items are sorted by"
    levels = [float(one) for one in re.findall(r"level\s([+-][\d.]+)\sdB", html.unescape(page))]
    assert len(levels) == 4 * (1 + 3)
    assert max(map(abs, levels)) < 20
    assert "synthesis_model: how does “validation: spectral” change?" in page
    assert EVIL not in page, "what stands in a configuration is escaped"
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in html.unescape(page)
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_a_variant_is_a_version_too_though_its_scores_have_its_name(store):
    settings, _ = store
    build(settings, 0.2, 5, variant="harmonic")
    assert [one.name for one in evaluated(settings, "synthesis")] == ["in use", "harmonic", "longer"]
    page = write_comparison(settings, "synthesis", ["in use", "harmonic"]).read_text()
    assert "harmonic against in use: spectral loss -0.2000 [-0.2000, -0.2000], smaller is better: better." in page
    assert page.count('<audio controls preload="none"') == 4 * (1 + 2)


def test_scores_of_conversion_are_those_of_the_system_on_test_clips_in_each_condition(tmp_path):
    columns = ("system", "split", "clip", "condition", "song", "f0_corr")
    rows = [("proposed", "test", "a", "clean", "s", 0.9), ("proposed", "test", "a", "snr0", "s", 0.8),
            ("proposed", "valid", "b", "clean", "t", 0.1), ("crepe", "test", "a", "clean", "s", 0.2)]  # fmt: skip
    write_frame(tmp_path / "scores.parquet", pd.DataFrame(rows, columns=columns))
    found = measures_of("conversion").scores(tmp_path)
    assert found["f0_corr"].tolist() == [0.9, 0.8]
    assert found["item"].tolist() == ["a, clean", "a, snr0"]


def test_versions_without_a_common_item_are_told_to_have_none(store, monkeypatch):
    settings, _ = store
    monkeypatch.setattr(sys.modules[__name__], "NOTES", [f"other-{one}" for one in NOTES])
    build(settings, 0.2, 5, "elsewhere")
    page = write_comparison(settings, "synthesis", ["in use", "elsewhere"]).read_text()
    assert "The versions have no test item in common" in page
    assert "<audio" not in page


def test_a_version_that_lost_what_it_was_made_from_is_compared_by_what_is_left(store):
    settings, (_, in_use, _) = store
    for one in (in_use.parents[2] / "synthesis_notes" / "versions").glob("*/run.json"):
        one.unlink()
    page = write_comparison(settings, "synthesis").read_text()
    assert "not made" in page, "the sounds are gone"
    assert "longer against in use" in page


def test_trainings_of_different_lengths_share_the_steps_of_their_chart():
    """Between its own steps a line is straight; beyond them there is none."""
    values = pd.Series([1.0, 2.0], index=[10, 20])
    np.testing.assert_allclose(_over(values, [0, 10, 15, 20, 30]), [np.nan, 1, 1.5, 2, np.nan])
