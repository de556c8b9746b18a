"""What every system makes of the test songs: stored, quarantined, and the same bytes after a kill."""

from pathlib import Path

import numpy as np
import pytest
from tiny import write_songs

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_float
from data.files.tables import read_table
from data.shards.reader import Shards
from data.shards.writer import QUARANTINE
from models.separation import estimates
from models.separation.estimates import bounds, separating, songs_of, write_estimates
from models.separation.separate import Separator

RATE = 2000
NAMES = ("M.E.R.C. Music - Knockout", "Jokers, Jacks & Kings - Sea Of Leaves", "Sigur Rós - Söngur", "It's - 'Mine'")


def sound(seed: int, length: int = 3000) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.4, 0.4, (length, 1))


@pytest.fixture(scope="module")
def songs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("songs")
    return write_songs(folder, {name: (sound(one), sound(one + 10)) for one, name in enumerate(NAMES)}, RATE)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_bounds_are_made_of_every_song(tmp_path, songs):
    assert write_estimates(Execution(tmp_path), songs, bounds()) == {"songs": 4, "systems": 4}
    made, true = Shards(tmp_path), Shards(songs)
    pairs = list(zip(made.column("system").tolist(), made.column("track").tolist(), strict=True))
    assert pairs == [(system, track) for track in sorted(NAMES) for system in ("mixture", "IRM1", "IRM2", "IBM2")]
    assert set(made.column("sample_rate").tolist()) == {RATE}
    for row in made.rows(system="mixture"):
        parts = true.rows(track=made.column("track")[row])
        expected = sum(to_float(true.read(int(part))) for part in parts)
        np.testing.assert_allclose(to_float(made.read(int(row))), expected, atol=2e-5)


def test_what_is_not_finite_goes_to_quarantine_under_its_system(tmp_path, songs):
    def broken(mixture: np.ndarray, vocals: np.ndarray, rate: int) -> np.ndarray:
        return np.where(np.arange(len(mixture))[:, None] == 7, np.nan, mixture)

    write_estimates(Execution(tmp_path), songs, {"latent-diffusion": broken, "mixture": bounds()["mixture"]})
    assert set(Shards(tmp_path).column("system").tolist()) == {"mixture"}
    rows = read_table(tmp_path / QUARANTINE).to_pylist()
    assert len(rows) == 4
    assert {(row["part"], row["reason"]) for row in rows} == {("latent-diffusion", "NaN or infinite samples")}


def test_a_killed_run_goes_on_and_ends_at_the_same_bytes(tmp_path, songs, monkeypatch):
    calls = []

    def stopping(stop: int):
        def system(mixture: np.ndarray, vocals: np.ndarray, rate: int) -> np.ndarray:
            if len(calls) == stop:
                raise KeyboardInterrupt
            calls.append(stop)
            return mixture / 2 if mixture[0, 0] > 0 else np.full_like(mixture, np.inf)

        return {"half": system, "mixture": bounds()["mixture"]}

    monkeypatch.setattr(estimates, "SMALL_SHARD_BYTES", 8000)  # a song is 6000 bytes
    write_estimates(Execution(tmp_path / "whole"), songs, stopping(-1))
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        write_estimates(Execution(tmp_path / "killed"), songs, stopping(3))
    assert not (tmp_path / "killed" / "index.parquet").exists()
    write_estimates(Execution(tmp_path / "killed"), songs, stopping(-1))
    assert len(calls) < 3 + 4  # what was safe is not made again
    assert content(tmp_path / "killed") == content(tmp_path / "whole")
    rejected = sum(bool(sound(one)[0] + sound(one + 10)[0] <= 0) for one in range(4))
    assert 0 < rejected < 4
    assert len(read_table(tmp_path / "whole" / QUARANTINE)) == rejected


def test_the_ceiling_hears_the_vocals_and_others_the_mixture(songs):
    separator = Separator(lambda wave, numbers: -wave, RATE, 500, 100)
    mixture, vocals = (sound(one).astype(np.float32) for one in (0, 1))
    np.testing.assert_allclose(separating(separator)(mixture, vocals, RATE), -mixture, atol=1e-6)
    ceiling = separating(separator, hears_vocals=True)
    np.testing.assert_allclose(ceiling(mixture, vocals, RATE), -vocals, atol=1e-6)


def test_a_separator_gives_the_same_in_shards(tmp_path, songs):
    quiet = separating(Separator(lambda wave, numbers: wave / 4, RATE, 700, 70))
    write_estimates(Execution(tmp_path), songs, {"quiet": quiet})
    made, true = Shards(tmp_path), Shards(songs)
    expected = sum(to_float(true.read(int(row))) for row in true.rows(track=NAMES[0])) / 4
    np.testing.assert_allclose(to_float(made.read(int(made.rows(track=NAMES[0])[0]))), expected, atol=3e-5)


def test_what_cannot_be_made_says_why(tmp_path, songs):
    with pytest.raises(InputError, match="no song of the split 'tset'; there are test"):
        write_estimates(Execution(tmp_path / "a"), songs, bounds(), "tset")
    with pytest.raises(ValueError, match=r"'two words-.*' is no id"):
        write_estimates(Execution(tmp_path / "b"), songs, {"two words": bounds()["mixture"]})
    with pytest.raises(ValueError, match=r"short made \(5, 1\) of It's - 'Mine', which is \(3000, 1\)"):
        write_estimates(Execution(tmp_path / "c"), songs, {"short": lambda mixture, vocals, rate: mixture[:5]})
    with pytest.raises(ValueError, match="no systems"):
        write_estimates(Execution(tmp_path / "d"), songs, {})
    assert not (tmp_path / "b").exists()


def test_songs_are_sorted_by_name_and_have_both_parts(songs):
    found = songs_of(Shards(songs), "test")
    assert [song.track for song in found] == sorted(NAMES)
    source = Shards(songs).column("source")
    assert {(source[song.vocals], source[song.accompaniment]) for song in found} == {("vocals", "accompaniment")}
