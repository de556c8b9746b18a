"""The studies of conversion: tables by hand, and no section for a study that was not made."""

import numpy as np
import pandas as pd
import pytest

from eval.conversion.studies import (
    Studies,
    ablation_blocks,
    by_genre,
    genre_blocks,
    graded_blocks,
    length_blocks,
    length_scores,
    study_sections,
    target_blocks,
)
from eval.conversion.variants import Variants, variant_blocks
from eval.report.blocks import Table
from eval.report.curves import Curves


def scores(
    value: float = 0.8, conditions: tuple[str, ...] = ("clean", "snr0"), clips: int = 6, **columns
) -> pd.DataFrame:
    """Rows of the main system whose values lie around one value, each clip of a song of its own."""
    return pd.DataFrame(
        [
            {"system": "proposed", "clip": f"c{number}", "condition": condition, "singer": "s",
             "song": f"song {number}", "split": "test", "genre": "musdb",
             "rpa": value + 0.01 * number, "oa": value - 0.1 * (condition == "snr0"),
             "f0_rmse_cents_keyfree": 100 * value + number, "reason": None, **columns}
            for condition in conditions
            for number in range(clips)
        ]
    )  # fmt: skip


def test_a_study_that_was_not_made_has_no_section():
    assert study_sections(Studies()) == []
    weights = pd.DataFrame({"encoder": "own", "stage": "before", "layer": [0, 1, 2], "weight": [0.5, 0.3, 0.2]})
    sections = study_sections(Studies(layer_weights=weights, freezing=scores(variant="frozen")))
    assert [title for title, _ in sections] == ["Layer weights", "Frozen or fine-tuned"]
    (chart, _), _ = (blocks for _, blocks in sections)
    assert isinstance(chart, Curves)
    assert chart.twin[0].rows == [["0", "0.500"], ["1", "0.300"], ["2", "0.200"]]


def test_the_ablation_grid_has_a_row_for_each_extractor():
    grid = [
        scores(0.5 + 0.1 * fft + 0.2 * tuned, encoder="own", layers=layers, fft=fft, tuned=tuned)
        for layers in ("sum", "last") for fft in (True, False) for tuned in (True, False)
    ]  # fmt: skip
    (table,) = ablation_blocks(pd.concat(grid))
    assert isinstance(table, Table)
    assert table.columns[:5] == ["Encoder", "Layers", "FFT blocks", "Fine-tuned", "Clips"]
    assert len(table.rows) == 8
    cells = {tuple(one[1:4]): one for one in table.rows}
    assert cells["sum", "yes", "yes"][table.columns.index("Overall accuracy, clean")].startswith("0.800\n")
    assert cells["last", "no", "no"][table.columns.index("Overall accuracy, 0 dB")].startswith("0.400\n")
    assert cells["sum", "no", "yes"][table.columns.index("Raw pitch accuracy, clean")].startswith("0.725\n")


def test_variants_are_compared_with_the_first_on_the_same_clips():
    first, second = scores(0.5, variant="all three"), scores(0.6, variant="none").iloc[::-1]
    told = Variants("Caption", measures=("f0_rmse_cents_keyfree", "f0_corr"))
    table, differences = variant_blocks(pd.concat([first, second.iloc[1:]]), told)
    assert isinstance(differences, Table)
    assert isinstance(table, Table)
    assert [one[0] for one in table.rows] == ["all three", "none"]
    cell = differences.rows[0][1].replace("\u00a0", " ")
    assert cell.startswith("+10.0 [+10.0, +10.0]")
    assert "p 0.031" in cell  # six of six clean clips, all of one sign: 2 / 2^6
    assert "p\u00a0untested" in differences.rows[0][2]  # five clips with accompaniment have both
    (alone,) = variant_blocks(first, told)
    assert isinstance(alone, Table)


def test_fine_tuning_shows_where_forgetting_sets_in():
    frames = [scores(0.5 + steps / 2e4, steps=steps, content_error=steps / 1e4) for steps in (5000, 1000)]
    chart, table = length_blocks(pd.concat(frames))
    assert isinstance(chart, Curves)
    assert isinstance(table, Table)
    assert [one[0] for one in table.rows] == ["1,000", "5,000"]
    assert table.columns[-1] == "Error of the content task"
    assert [one[-1] for one in table.rows] == ["0.100", "0.500"]
    assert chart.twin[-1].rows == [["1,000", "0.100"], ["5,000", "0.500"]]
    (single,) = length_blocks(frames[0].drop(columns="content_error"))
    assert isinstance(single, Table)
    assert single.columns[-1] == "Overall accuracy, 0 dB"


def test_the_scores_of_snapshots_get_their_steps_and_errors():
    made = pd.concat([scores(0.5).assign(system="after10"), scores(0.7).assign(system="after20")])
    found = length_scores(made, {0: 0.3, 10: 0.4, 20: 0.5})
    assert set(found["system"]) == {"proposed"}
    assert found.groupby("steps").size().to_dict() == {0: 12, 10: 12, 20: 12}
    assert found.groupby("steps")["content_error"].unique().map(list).to_dict() == {0: [0.3], 10: [0.4], 20: [0.5]}
    assert found[found["steps"] == 0]["rpa"].isna().all()
    assert found[found["steps"] == 20]["rpa"].min() == 0.7
    chart, table = length_blocks(found)
    assert isinstance(chart, Curves)
    assert isinstance(table, Table)
    assert [(one[0], one[1], one[-1]) for one in table.rows[:1]] == [("0", "no value", "0.300")]


def test_genres_heard_and_not_are_told_apart_and_clean_clips_left_out():
    frame = pd.concat([scores(0.9, genre="rock", heard=True), scores(0.6, genre="choir", heard=False)])
    (table,) = genre_blocks(frame)
    assert isinstance(table, Table)
    assert table.columns[:3] == ["Genre", "Heard", "Clips"]
    assert [one[:2] for one in table.rows] == [["rock", "yes"], ["choir", "no"]]
    assert not any("clean" in one for one in table.columns)
    assert genre_blocks(frame[frame["condition"] == "clean"]) == []


def test_several_targets_have_a_row_each():
    (table,) = target_blocks(pd.concat([scores(0.5, target="a"), scores(0.7, target="b")]))
    assert isinstance(table, Table)
    values = [one[table.columns.index("F0RMSE key-free, cents, clean")].split("\n")[0] for one in table.rows]
    assert values == ["52.5", "72.5"]


def test_the_graded_set_has_a_column_for_each_condition_that_ran():
    graded = scores(conditions=("clean", "harmony", "crowd", "snr0"))
    tables = graded_blocks(graded, graded)
    assert all(isinstance(one, Table) and one.columns == ["System", "clean", "with harmony", "crowd"] for one in tables)
    assert len(tables) == 3
    assert graded_blocks(scores(), pd.DataFrame()) == []


def test_one_genre_is_no_comparison():
    assert by_genre(scores(), "rpa") is None
    assert by_genre(pd.DataFrame(), "rpa") is None
    table = by_genre(pd.concat([scores(0.5), scores(0.7, genre="choir", clips=2)]), "rpa")
    assert table is not None
    assert table.columns == ["System", "musdb", "choir"]
    assert table.rows[0][1].split("\n")[0] == "0.525"


def test_a_variant_without_values_is_not_applicable():
    both = pd.concat([scores(variant="a"), scores(variant="b").assign(rpa=np.nan)])
    table, differences = variant_blocks(both, Variants("Caption", measures=("rpa",)))
    assert isinstance(table, Table)
    assert isinstance(differences, Table)
    assert table.rows[1][2] == "no value"
    assert differences.rows == [["b", "no value", "no value"]]


@pytest.mark.parametrize("split", ["valid", "train"])
def test_only_test_clips_count(split):
    other = scores(0.1, variant="a").assign(split=split, clip="x")
    (table,) = variant_blocks(pd.concat([scores(0.8, variant="a"), other]), Variants("Caption", measures=("oa",)))
    assert isinstance(table, Table)
    assert table.rows[0][2].startswith("0.800\n")
