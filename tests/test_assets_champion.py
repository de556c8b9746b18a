"""Promotion on disk: the first champion, a better one, a worse one, and the history they leave."""

from pathlib import Path

import pandas as pd
import pytest

from assets.champion import challenge
from assets.store import Recipe, Store, published
from data.files.durable import read_json, write_bytes, write_json
from eval.synthesis.acceptance import Bounds

BOUNDS = Bounds(silence_ratio=0.6, nearest_required=True, pitch_accuracy=0.9)


class Bench:
    """Makes challengers with given scores and lets them challenge."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root=str(root))

    def _made(self, name: str, essence: str, work) -> Path:
        count = len(list(Path(self.store.root).glob(f"{name}/*/run.json")))
        return self.store.make(name, None, "1", Recipe({"try": count}, {}, (essence,)), work).folder

    def _scores(self, name: str, systems: dict[str, float]) -> Path:
        rows = [
            {"system": system, "note": f"n{number}", "split": "test", "spectral": loss, "in_tune": 1.0}
            for system, loss in systems.items()
            for number in range(5)
        ]

        def work(folder: Path) -> dict[str, int]:
            pd.DataFrame(rows).to_parquet(folder / "scores.parquet")
            return {}

        return self._made(name, "scores.parquet", work)

    def challenger(self, loss: float, weights: bytes) -> dict[str, Path]:
        def work(folder: Path) -> dict[str, int]:
            write_bytes(folder / "model.safetensors", weights)
            write_json(folder / "model.json", {})
            return {}

        return {
            "model": self._made("model", "model.safetensors", work),
            "scores": self._scores("scores", {"sing": loss}),
            "baselines": self._scores("baselines", {"silence": 0.1, "nearest_pitch": 0.07}),
            "notes": self._notes(),
        }

    def _notes(self) -> Path:
        def work(folder: Path) -> dict[str, int]:
            columns = {
                "instrument": [3, 3, 5],
                "instrument_name": ["flute", "flute", "organ"],
                "velocity": [25, 127, 25],
            }
            pd.DataFrame(columns).to_parquet(folder / "index.parquet")
            return {}

        return self._made("notes", "index.parquet", work)

    def meet(self, challenger: dict[str, Path]):
        """Do what the asset does; return the case and the published champion's weights."""
        case = challenge(self.store.home("champion"), challenger, BOUNDS)
        if case.promoted:
            inputs = {**challenger, **({"former": case.former} if case.former else {})}
            self.store.make("champion", None, "1", Recipe({}, inputs, ("champion.json",)), case.crown)
        folder = published(self.store.home("champion"))
        return case, folder and (folder / "model.safetensors").read_bytes()

    def described(self) -> dict:
        return read_json(published(self.store.home("champion")) / "champion.json")

    def history(self) -> list[dict]:
        return self.described()["history"]


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def test_who_fails_a_check_is_never_champion(bench):
    case, weights = bench.meet(bench.challenger(0.065, b"weak"))
    assert (case.promoted, weights) == (False, None)
    assert "train longer" in case.shown()["why"].value


def test_the_better_one_takes_over_and_the_worse_one_does_not(bench):
    first, weights = bench.meet(bench.challenger(0.05, b"first"))
    assert (first.promoted, weights) == (True, b"first")
    worse, weights = bench.meet(bench.challenger(0.055, b"worse"))
    assert (worse.promoted, weights) == (False, b"first")
    assert not worse.criteria["not_worse_than_champion"].passed
    better, weights = bench.meet(bench.challenger(0.04, b"better"))
    assert (better.promoted, weights) == (True, b"better")
    assert [one["checks"]["better_than_silence"] for one in bench.history()] == pytest.approx([0.5, 0.4])


def test_the_champion_knows_what_it_was_trained_to_play(bench):
    bench.meet(bench.challenger(0.05, b"first"))
    assert bench.described()["instruments"] == {"flute": 3, "organ": 5}
    assert bench.described()["velocities"] == [25, 127]


def test_who_is_as_good_takes_over_but_never_by_small_steps_downhill(bench):
    bench.meet(bench.challenger(0.05, b"first"))
    assert bench.meet(bench.challenger(0.05, b"equal"))[1] == b"equal"
    assert bench.meet(bench.challenger(0.0501, b"hardly worse"))[1] == b"equal"


def test_the_champion_does_not_challenge_itself(bench):
    champion = bench.challenger(0.05, b"first")
    bench.meet(champion)
    again, weights = bench.meet(champion)
    assert (again.promoted, again.standing, weights) == (False, True, b"first")
    assert len(bench.history()) == 1
