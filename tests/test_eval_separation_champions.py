"""The champion of separation in the report: who was chosen, by which songs, against whom."""

import pandas as pd
import pytest

from eval.report.blocks import Table, Text
from eval.separation.champions import champion_blocks, champion_told


def scores(**means: float) -> pd.DataFrame:
    """Return scores of some systems on three validation songs and a test song."""
    rows = []
    for system, value in means.items():
        for song in range(4):
            split = "test" if song == 3 else "valid"
            same = {"source": "vocals", "errata": "", "metric": "uSDR", "split": split}
            rows.append({"system": system, "track": str(song), "value": value + song, **same})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("champions", "told"),
    [
        ([], "There is no champion"),
        (
            [{"model": "masks-ab", "commit": "c1", "criteria": {}}],
            "discriminative network (commit c1), the first champion",
        ),
        ([{"model": "spleeter-0f3e", "commit": "published", "criteria": {}}], "spleeter (commit published)"),
        (
            [
                {"model": "masks-ab", "commit": "c1", "criteria": {}},
                {"model": "diffusion-cd", "commit": "c2", "criteria": {"better_than_champion": 0.5}},
            ],
            "latent diffusion (commit c2), +0.50 dB above the champion before it",
        ),
    ],
)
def test_the_champion_in_words(champions, told):
    assert told in champion_told(champions)


def test_the_choice_shows_validation_songs_only():
    champions = [{"model": "masks-ab", "commit": "c1", "criteria": {}}]
    text, choice, history = champion_blocks(scores(mixture=-4.0, masks=4.0, diffusion=2.0), champions)
    assert isinstance(text, Text)
    assert isinstance(choice, Table)
    assert isinstance(history, Table)
    assert [row[0] for row in choice.rows] == ["Mixture", "Discriminative network", "Latent diffusion"]
    assert [float(row[1].split()[0]) for row in choice.rows] == [-3.0, 5.0, 3.0]  # songs 0, 1 and 2 add 1 on average
    assert history.rows == [["1", "Discriminative network", "c1"]]
