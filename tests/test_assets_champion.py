"""Promotion on disk: the first champion, a better one, a worse one, and the history they leave."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from assets.champion import RECORD, Challenger, decide, history, write_record
from assets.conversion.champion import STAGES, conversion_champion
from assets.declaration import FORMER, Decision, StoredAsset, Work
from assets.environment import Configuration, Environment
from assets.separation.champion import STAGES as SEPARATION_STAGES
from assets.separation.champion import separation_champion
from assets.store.pointers import Slot, find, publish
from assets.store.versions import Making, Recipe, Version, make
from assets.synthesis.champion import synthesis_champion
from data.execution import Execution
from data.files.checked_json import read_checked_json
from data.files.durable import write_bytes, write_json
from data.files.tables import write_frame
from eval.acceptance import Criterion


class Contest:
    """Makes versions of inputs and lets them challenge the champion of a system."""

    def __init__(self, root: Path, asset: StoredAsset, **overrides: Any) -> None:
        self.root, self.count, self.asset = root, 0, asset
        self.run = Configuration(Environment(root), overrides=overrides)
        self.place = Slot(root, "demo", asset.name)

    def made(self, name: str, essential: str, work: Callable[[Path], Any]) -> Path:
        self.count += 1
        recipe, notes = Recipe("1", {"try": self.count}, {}, (essential,)), {"provenance": {"commit": "abc"}}

        def write(folder: Path, earlier: Any) -> dict[str, Any]:
            work(folder)
            return {}

        return make(Slot(self.root, "demo", name), recipe, Making(write, notes)).folder

    def table(self, name: str, file: str, rows: list[dict[str, Any]]) -> Path:
        return self.made(name, file, lambda folder: write_frame(folder / file, pd.DataFrame(rows)))

    def model(self, name: str, weights: bytes, described: dict[str, Any]) -> Path:
        def work(folder: Path) -> None:
            write_bytes(folder / "model.safetensors", weights)
            write_json(folder / "model.json", described)

        return self.made(name, "model.safetensors", work)

    @property
    def champion(self) -> Path | None:
        return find(self.place)

    def meet(self, inputs: dict[str, Path]) -> Decision:
        """Do what the production of the asset does."""
        former = self.champion
        decision = self.asset.decide(self.run, inputs, former)
        if decision.promoted:

            def work(folder: Path) -> None:
                given = {**inputs, FORMER: former}
                self.asset.function(Work(Execution(folder), self.asset.config(self.run), self.run.environment, given))

            publish(self.place, self.made(self.asset.name, RECORD, work))
        return decision


def criterion(*, passed: bool, required: bool = True, found: float = 0.5) -> Criterion:
    return Criterion(passed, found, 0.6, "error", "train longer", required)


@pytest.mark.parametrize(
    ("criteria", "promoted", "why"),
    [
        ({"low": criterion(passed=True)}, True, "passed all"),
        ({"low": criterion(passed=True), "lower": criterion(passed=False)}, False, "lower: train longer"),
        ({"low": criterion(passed=True), "told": criterion(passed=False, required=False)}, True, "passed all"),
        (
            {"one": criterion(passed=False), "two": criterion(passed=False)}, False,
            "one: train longer; two: train longer",
        ),
    ],
)  # fmt: skip
def test_every_required_criterion_decides_and_no_other(criteria, promoted, why):
    decision = decide(Challenger("1f", "abc", criteria, None))
    assert (decision.promoted, decision.metadata["promoted"], decision.metadata["why"]) == (promoted, promoted, why)
    told = [list(row.data.values())[:4] for row in decision.metadata["criteria"].records]
    assert told == [[name, "0.5", "0.6", "yes" if one.passed else "no"] for name, one in criteria.items()]


def test_a_record_continues_the_history_and_the_champion_does_not_challenge_itself(tmp_path):
    unmeasured = criterion(passed=False, required=False, found=float("nan"))
    criteria = {"low": criterion(passed=True, found=0.25), "told": unmeasured}
    first, second = tmp_path / "first", tmp_path / "second"
    assert write_record(first, Challenger("1f", "abc", criteria, None), {}) == {"champions so far": 1}
    assert write_record(second, Challenger("2e", "def", criteria, first), {"singer": "ada"}) == {"champions so far": 2}
    assert read_checked_json(second / RECORD) == {
        "history": [
            {"model": "1f", "commit": "abc", "criteria": {"low": 0.25, "told": None}},
            {"model": "2e", "commit": "def", "criteria": {"low": 0.25, "told": None}},
        ],
        "singer": "ada",
    }
    again = decide(Challenger("2e", "def", criteria, second))
    assert (again.promoted, again.metadata["why"]) == (False, "is the champion")
    assert decide(Challenger("1f", "abc", criteria, second)).promoted  # an earlier champion may return


class Notes(Contest):
    """Challengers of SING with given scores."""

    def __init__(self, root: Path) -> None:
        bounds = {"silence_ratio": 0.6, "nearest_required": True, "pitch_accuracy": 0.9}
        super().__init__(root, synthesis_champion, **{f"thresholds.{name}": one for name, one in bounds.items()})

    def _scores(self, name: str, systems: dict[str, float]) -> Path:
        """Write scores of validation notes, and of test notes on which everything is the other way round."""
        rows = [
            {"system": system, "note": f"{split}{number}", "instrument": number, "split": split, "spectral": one,
             "in_tune": 1.0}
            for system, loss in systems.items()
            for split, one in (("valid", loss), ("test", 1 - loss))
            for number in range(5)
        ]  # fmt: skip
        return self.table(name, "scores.parquet", rows)

    def challenger(self, loss: float, weights: bytes) -> dict[str, Path]:
        notes = [
            {"instrument": number, "instrument_name": name, "velocity": velocity}
            for number, name, velocity in ((3, "flute", 25), (3, "flute", 127), (5, "organ", 25))
        ]
        return {
            "synthesis_model": self.model("model", weights, {}),
            "synthesis_scores": self._scores("scores", {"sing": loss}),
            "synthesis_baseline_scores": self._scores("baselines", {"silence": 0.1, "nearest_pitch": 0.07}),
            "nsynth_shards": self.table("notes", "index.parquet", notes),
        }

    def weights_after(self, challenger: dict[str, Path]) -> tuple[Decision, bytes | None]:
        """Let a challenger challenge; return the decision and the champion's weights."""
        decision = self.meet(challenger)
        return decision, self.champion and (self.champion / "model.safetensors").read_bytes()


@pytest.fixture
def contest(tmp_path) -> Notes:
    return Notes(tmp_path)


def test_who_fails_a_criterion_is_never_champion(contest):
    decision, weights = contest.weights_after(contest.challenger(0.075, b"weak"))
    assert (decision.promoted, weights) == (False, None)
    assert "give it more data" in decision.metadata["why"]


def test_the_better_one_takes_over_and_the_worse_one_does_not(contest):
    first, weights = contest.weights_after(contest.challenger(0.05, b"first"))
    assert (first.promoted, weights) == (True, b"first")
    worse, weights = contest.weights_after(contest.challenger(0.055, b"worse"))
    assert (worse.promoted, weights) == (False, b"first")
    assert "better_than_champion" in worse.metadata["why"]
    better, weights = contest.weights_after(contest.challenger(0.04, b"better"))
    assert (better.promoted, weights) == (True, b"better")
    found = [one["criteria"]["better_than_silence"] for one in history(contest.champion)]
    assert found == pytest.approx([0.5, 0.4])


def test_the_champion_knows_what_it_was_trained_to_play(contest):
    contest.meet(contest.challenger(0.05, b"first"))
    described = read_checked_json(contest.champion / RECORD)
    assert described["instruments"] == {"flute": 3, "organ": 5}
    assert described["velocities"] == [25, 127]


def test_who_is_only_as_good_does_not_take_over(contest):
    contest.weights_after(contest.challenger(0.05, b"first"))
    assert contest.weights_after(contest.challenger(0.05, b"equal"))[1] == b"first"
    assert contest.weights_after(contest.challenger(0.0499, b"better"))[1] == b"better"


def test_the_champion_does_not_challenge_itself(contest):
    champion = contest.challenger(0.05, b"first")
    contest.weights_after(champion)
    again, weights = contest.weights_after(champion)
    assert (again.promoted, again.metadata["why"], weights) == (False, "is the champion", b"first")
    assert len(history(contest.champion)) == 1


class Voices(Contest):
    """Challengers of the conversion system with given scores on validation clips."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, conversion_champion)

    def challenger(self, cents: float, weights: bytes) -> dict[str, Path]:
        rows = [
            {"system": "proposed", "clip": f"c{number}", "condition": condition, "singer": "s", "song": "",
             "split": "valid", "f0_rmse_cents_keyfree": cents, "f0_corr": 0.99, "voicing_recall": 0.99, "nearer": 1.0,
             "speaker_target": 0.8, "speaker_source": 0.5, "speaker_encoder": "toy", "reason": None}
            for number in range(4)
            for condition in ("clean", "snr0")
        ]  # fmt: skip
        described = {"target": "ada", "ranges": {"ada": [100.0, 200.0, 300.0]}}
        return {
            **{name: self.model(name, place.encode() + weights, described) for place, name in STAGES.items()},
            "conversion_scores": self.table("conversion_scores", "scores.parquet", rows),
            "conversion_melody_scores": self.table("conversion_melody_scores", "melody_scores.parquet", []),
        }


def test_a_conversion_system_is_promoted_whole(tmp_path):
    contest = Voices(tmp_path)
    first = contest.challenger(20.0, b"first")
    assert contest.meet(first).promoted
    champion = contest.champion
    assert champion is not None
    for place in STAGES:
        assert (champion / place / "model.safetensors").read_bytes() == place.encode() + b"first"
    described = read_checked_json(champion / RECORD)
    assert (described["singer"], described["range"]) == ("ada", [100.0, 200.0, 300.0])
    parts = [Version(first[name]).fingerprint[:16] for name in STAGES.values()]
    assert history(champion)[-1]["model"] == "-".join(parts)
    assert contest.meet(first).metadata["why"] == "is the champion"
    # One other stage is another system, which must be better.
    other = contest.challenger(19.0, b"other")
    assert contest.meet(first | {"conversion_acoustic": other["conversion_acoustic"]}).promoted is False
    one_other = {name: other[name] for name in ("conversion_acoustic", "conversion_scores")}
    assert contest.meet(first | one_other).promoted
    worse = contest.meet(contest.challenger(30.0, b"worse"))
    assert not worse.promoted
    assert "in_tune_as_champion" in worse.metadata["why"]
    assert [one["commit"] for one in history(contest.champion)] == ["abc", "abc"]


class Songs(Contest):
    """Contestants in separation with given uSDR on validation songs; on test songs the mixture wins."""

    def __init__(self, root: Path) -> None:
        super().__init__(root, separation_champion)

    def contestants(self, usdr: dict[str, float], weights: bytes) -> dict[str, Path]:
        rows = [
            {"system": system, "track": f"{split} {number}", "split": split, "source": "vocals", "metric": metric,
             "value": one + number / 10, "errata": "", "reason": None}
            for system, decibels in {"mixture": 0.0, **usdr}.items()
            for split, value in (("valid", decibels), ("test", -decibels))
            for metric, one in (("uSDR", value), ("specific loudness error", 1 - value / 10))
            for number in range(8)
        ]  # fmt: skip
        names = {name for stages in SEPARATION_STAGES.values() for name in stages.values()}
        return {
            **{name: self.model(name, name.encode() + weights, {}) for name in sorted(names)},
            "separation_validation": self.table("separation_validation", "scores.parquet", rows),
        }


def test_the_separation_system_that_is_best_on_validation_songs_is_promoted(tmp_path):
    contest = Songs(tmp_path)
    assert contest.meet(contest.contestants({"masks": 4.0, "diffusion": 2.0}, b"1")).promoted
    champion = contest.champion
    assert champion is not None
    assert read_checked_json(champion / RECORD)["system"] == "masks"
    assert (champion / "masks" / "model.safetensors").read_bytes() == b"separation_mask_network1"
    assert not contest.meet(contest.contestants({"masks": 4.0, "diffusion": 3.0}, b"2")).promoted  # only as good
    assert contest.meet(contest.contestants({"masks": 4.0, "diffusion": 5.0}, b"3")).promoted
    champion = contest.champion
    assert champion is not None
    assert sorted(one.name for one in champion.iterdir() if one.is_dir()) == ["codec", "denoiser"]
    assert read_checked_json(champion / RECORD)["sampling"]["steps"] >= 1


def test_no_separation_system_is_promoted_that_is_no_better_than_nothing(tmp_path):
    contest = Songs(tmp_path)
    decision = contest.meet(contest.contestants({"masks": 0.0, "diffusion": -1.0}, b"1"))
    assert not decision.promoted
    assert "better_than_mixture" in decision.metadata["why"]
