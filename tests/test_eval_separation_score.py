"""Systems judged by their shards: scores that can be done by hand, and what could not be judged."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import write_songs

from data.errors import InputError
from data.execution import Execution
from data.files.tables import read_frame
from eval.metrics.blocks import Held
from eval.metrics.sdr import TrackScores
from eval.metrics.speaker import SpeakerEncoder
from eval.separation.score import medians, write_scores
from eval.separation.sounds import with_accompaniment
from models.separation.estimates import bounds, write_estimates

RATE = 2000
NAMES = ("M.E.R.C. Music - Knockout", "Sigur Rós - Söngur & 'Ljóð'")


def sound(seed: int, length: int = 4100) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.4, 0.4, (length, 1))


def perfect(mixture: np.ndarray, vocals: np.ndarray, rate: int) -> np.ndarray:
    return vocals


def broken(mixture: np.ndarray, vocals: np.ndarray, rate: int) -> np.ndarray:
    return mixture * np.nan


def scored(songs: Path, estimates: Path, folder: Path) -> TrackScores:
    """Score estimates in `folder` and read the tables again."""
    write_scores(Execution(folder), songs, estimates)
    return TrackScores(*(read_frame(folder / f"{name}.parquet") for name in ("scores", "seconds")))


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    """Two songs whose vocals are half as loud as the accompaniment."""
    made = {name: (sound(one) / 2, sound(one + 10)) for one, name in enumerate(NAMES)}
    return write_songs(tmp_path_factory.mktemp("songs"), made, RATE)


@pytest.fixture(scope="module")
def judged(songs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("estimates")
    systems = {"mixture": bounds()["mixture"], "true-vocals": perfect, "latent-diffusion": broken}
    write_estimates(Execution(folder), songs, systems)
    return scored(songs, folder, tmp_path_factory.mktemp("scores"))


def value(summary: pd.DataFrame, system: str, track: str, source: str, metric: str) -> float:
    row = summary[summary[["system", "track", "source", "metric"]].eq([system, track, source, metric]).all(axis=1)]
    assert len(row) == 1
    return float(row["value"].iloc[0])


def test_the_mixture_as_estimate_has_the_ratio_of_the_energies(judged):
    for number, name in enumerate(NAMES):
        vocals, rest = sound(number) / 2, sound(number + 10)
        expected = 10 * np.log10(np.square(vocals).sum() / np.square(rest).sum())
        assert value(judged.summary, "mixture", name, "vocals", "uSDR") == pytest.approx(expected, abs=1e-3)
        by_second = [
            10 * np.log10(np.square(vocals[here]).sum() / np.square(rest[here]).sum())
            for here in (slice(0, RATE), slice(RATE, 2 * RATE))
        ]
        found = value(judged.summary, "mixture", name, "vocals", "cSDR")
        assert found == pytest.approx(np.median(by_second), abs=1e-3)
        # What is left for the accompaniment is nothing at all.
        assert value(judged.summary, "mixture", name, "accompaniment", "uSDR") == pytest.approx(0, abs=0.01)


def test_true_vocals_leave_a_true_accompaniment(judged):
    for metric, least in (("cSDR", 200), ("SI-SDR", 200), ("cSIR", 150), ("cSAR", 150), ("uSDR", 80)):
        for source in ("vocals", "accompaniment"):
            assert value(judged.summary, "true-vocals", NAMES[0], source, metric) > least


def test_what_was_not_made_is_a_row_with_its_reason_and_no_value(judged):
    missing = judged.summary[judged.summary["reason"].notna()]
    assert missing["system"].tolist() == ["latent-diffusion"] * 2
    assert missing["track"].tolist() == sorted(NAMES)
    assert missing["split"].tolist() == ["test"] * 2
    assert set(missing["reason"]) == {"NaN or infinite samples"}
    assert missing[["value", "metric", "source"]].isna().all(axis=None)
    assert set(judged.seconds["system"]) == {"mixture", "true-vocals"}


def test_every_row_says_what_it_is(judged):
    rows = judged.summary[judged.summary["reason"].isna()]
    assert judged.summary.columns.tolist()[:4] == ["system", "track", "split", "errata"]
    assert len(rows) == 2 * 2 * 2 * 10
    assert set(rows["sources"]) == {"accompaniment+vocals"}
    assert judged.seconds.groupby(["system", "track", "source"]).size().tolist() == [2] * 8


def test_when_nothing_was_made_the_reasons_are_all_there_is(tmp_path, songs):
    write_estimates(Execution(tmp_path / "estimates"), songs, {"broken": broken})
    told = write_scores(Execution(tmp_path / "scores"), songs, tmp_path / "estimates")
    assert told == {"scored": 0, "not scored": 2}
    assert pd.read_parquet(tmp_path / "scores" / "scores.parquet")["track"].tolist() == sorted(NAMES)
    assert len(pd.read_parquet(tmp_path / "scores" / "seconds.parquet")) == 0


def test_scores_are_written_and_counted_and_may_hold_the_similarity_of_voices(tmp_path, songs):
    write_estimates(Execution(tmp_path / "estimates"), songs, {"true": perfect, "broken": broken})
    encoder = SpeakerEncoder("level", lambda wave: np.array([np.abs(wave).mean(), 1.0]))
    told = write_scores(Execution(tmp_path / "scores"), songs, tmp_path / "estimates", voice=encoder)
    assert told == {"scored": 2, "not scored": 2}
    rows = pd.read_parquet(tmp_path / "scores" / "scores.parquet")
    similar = rows[rows["metric"] == "voice similarity"]
    assert similar["encoder"].tolist() == ["level"] * 4
    assert similar["value"].tolist() == pytest.approx([1.0] * 4)
    assert len(pd.read_parquet(tmp_path / "scores" / "seconds.parquet")) == 8


def test_a_song_without_singing_does_not_apply_and_is_counted(tmp_path):
    songs = write_songs(tmp_path / "songs", {"A": (sound(0) * 0, sound(1)), "B": (sound(2), sound(3))}, RATE)
    write_estimates(Execution(tmp_path / "estimates"), songs, {"mixture": bounds()["mixture"]})
    found = medians(scored(songs, tmp_path / "estimates", tmp_path / "scores").summary, ("system", "source", "metric"))
    rows = found.set_index(["source", "metric"])
    for metric in ("uSDR", "SI-SDR", "MR-STFT", "cSDR"):
        assert rows.loc[("vocals", metric), ["tracks", "not_applicable"]].tolist() == [1, 1]
    assert rows.loc[("vocals", "cSDR"), ["frames", "undefined"]].tolist() == [4, 2]
    assert rows.loc[("accompaniment", "uSDR"), "tracks"] == 2


def test_medians_by_hand():
    values = {"A": 1.0, "B": np.nan, "C": np.inf, "D": 4.0, "E": 2.0}
    summary = pd.DataFrame(
        [{"source": "vocals", "metric": "cSDR", "track": name, "value": one, "frames": 10, "undefined": 3}
         for name, one in values.items()]
    )  # fmt: skip
    expected = {"source": "vocals", "metric": "cSDR", "median": 3.0, "tracks": 4, "not_applicable": 1,
                "frames": 50, "undefined": 15}  # fmt: skip
    assert medians(summary, ("source", "metric")).to_dict("records") == [expected]
    nothing = medians(summary[summary["track"] == "B"], ("source", "metric")).to_dict("records")[0]
    assert np.isnan(nothing["median"])
    assert (nothing["tracks"], nothing["not_applicable"]) == (0, 1)


def test_estimates_of_other_songs_are_refused_by_name(tmp_path, songs):
    write_estimates(Execution(tmp_path / "estimates"), songs, {"mixture": bounds()["mixture"]})
    other = write_songs(tmp_path / "other", {NAMES[0]: (sound(0), sound(1))}, RATE)
    with pytest.raises(InputError, match="other: no vocals of Sigur Rós - Söngur & 'Ljóð', which was separated"):
        write_scores(Execution(tmp_path / "scores"), other, tmp_path / "estimates")
    for number, (length, rate) in enumerate([(4000, RATE), (4100, RATE + 1)]):
        changed = write_songs(tmp_path / str(number), {name: (sound(0, length),) * 2 for name in NAMES}, rate)
        expected = rf"mixture of M.E.R.C.* \(4100, 1, 2000\), the song \({length}, 1, {rate}\)"
        with pytest.raises(InputError, match=expected):
            write_scores(Execution(tmp_path / f"scores {number}"), changed, tmp_path / "estimates")


def test_a_perfect_estimate_of_the_vocals_leaves_the_accompaniment_exact():
    references = {"vocals": sound(0).astype(np.float32), "accompaniment": (1e-3 * sound(1)).astype(np.float32)}
    true = {name: Held(wave) for name, wave in references.items()}
    made = with_accompaniment(true, true["vocals"])["accompaniment"]
    np.testing.assert_array_equal(made.read(0, made.shape[0]), references["accompaniment"])
    made = with_accompaniment(true, Held(0 * references["vocals"]))["accompaniment"]
    np.testing.assert_allclose(made.read(10, 90), sum(references.values())[10:90])
