"""Promotion on disk: the first champion, a better one, a worse one, and the history they leave."""

from pathlib import Path

import pandas as pd
import pytest

from assets.champion import RECORD, decide, history, write_champion
from assets.declaration import FORMER, Work
from assets.environment import Environment
from assets.store.pointers import Slot, find, publish
from assets.store.versions import Making, Recipe, make
from data.execution import Execution
from data.files.durable import read_json, write_bytes, write_json
from data.files.tables import write_frame
from eval.synthesis.acceptance import Bounds

BOUNDS = Bounds(silence_ratio=0.6, nearest_required=True, pitch_accuracy=0.9)


class Contest:
    """Makes challengers with given scores and lets them challenge."""

    def __init__(self, root: Path) -> None:
        self.root, self.count = root, 0

    def _made(self, name: str, essential: str, work) -> Path:
        self.count += 1
        recipe, notes = Recipe("1", {"try": self.count}, {}, (essential,)), {"provenance": {"commit": "abc"}}
        return make(Slot(self.root, "demo", name), recipe, Making(lambda folder, earlier: work(folder), notes)).folder

    def _scores(self, name: str, systems: dict[str, float]) -> Path:
        rows = [
            {"system": system, "note": f"n{number}", "split": "test", "spectral": loss, "in_tune": 1.0}
            for system, loss in systems.items()
            for number in range(5)
        ]

        def work(folder: Path) -> dict[str, int]:
            write_frame(folder / "scores.parquet", pd.DataFrame(rows))
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
        }

    def _notes(self) -> Path:
        columns = {"instrument": [3, 3, 5], "instrument_name": ["flute", "flute", "organ"], "velocity": [25, 127, 25]}

        def work(folder: Path) -> dict[str, int]:
            write_frame(folder / "index.parquet", pd.DataFrame(columns))
            return {}

        return self._made("notes", "index.parquet", work)

    @property
    def champion(self) -> Path | None:
        return find(Slot(self.root, "demo", "champion"))

    def meet(self, challenger: dict[str, Path]):
        """Do what the asset does; return the decision and the champion's weights."""
        former = self.champion
        decision = decide(challenger, former, BOUNDS)
        if decision.promoted:
            notes = self._notes()

            def work(folder: Path):
                inputs = {FORMER: former}
                job = Work(Execution(folder), None, Environment(self.root), inputs)
                return write_champion(job, challenger, notes, BOUNDS)

            publish(Slot(self.root, "demo", "champion"), self._made("champion", RECORD, work))
        return decision, self.champion and (self.champion / "model.safetensors").read_bytes()


@pytest.fixture
def contest(tmp_path) -> Contest:
    return Contest(tmp_path)


def test_who_fails_a_criterion_is_never_champion(contest):
    decision, weights = contest.meet(contest.challenger(0.065, b"weak"))
    assert (decision.promoted, weights) == (False, None)
    assert "train longer" in decision.metadata["why"]


def test_the_better_one_takes_over_and_the_worse_one_does_not(contest):
    first, weights = contest.meet(contest.challenger(0.05, b"first"))
    assert (first.promoted, weights) == (True, b"first")
    worse, weights = contest.meet(contest.challenger(0.055, b"worse"))
    assert (worse.promoted, weights) == (False, b"first")
    assert "not_worse_than_champion" in worse.metadata["why"]
    better, weights = contest.meet(contest.challenger(0.04, b"better"))
    assert (better.promoted, weights) == (True, b"better")
    found = [one["criteria"]["better_than_silence"] for one in history(contest.champion)]
    assert found == pytest.approx([0.5, 0.4])


def test_the_champion_knows_what_it_was_trained_to_play(contest):
    contest.meet(contest.challenger(0.05, b"first"))
    described = read_json(contest.champion / RECORD)
    assert described["instruments"] == {"flute": 3, "organ": 5}
    assert described["velocities"] == [25, 127]


def test_who_is_as_good_takes_over_but_never_by_small_steps_downhill(contest):
    contest.meet(contest.challenger(0.05, b"first"))
    assert contest.meet(contest.challenger(0.05, b"equal"))[1] == b"equal"
    assert contest.meet(contest.challenger(0.0501, b"hardly worse"))[1] == b"equal"


def test_the_champion_does_not_challenge_itself(contest):
    champion = contest.challenger(0.05, b"first")
    contest.meet(champion)
    again, weights = contest.meet(champion)
    assert (again.promoted, again.metadata["why"], weights) == (False, "is the champion", b"first")
    assert len(history(contest.champion)) == 1
