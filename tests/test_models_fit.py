"""The training loop: what it computes, and that it ends at the same bits however often it is stopped."""

import math
import os
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny_forked import Forked
from tiny_training import CONFIG, make_stage, train, write_shards

from data.errors import InputError
from data.execution import Execution
from data.shards.reader import Shards
from models.training.checkpoint import Rolling, load
from models.training.fit import Diverged, fit
from models.training.history import History
from models.training.processes import World
from models.training.seeds import hash_seed

PROGRAM = Path(__file__).parent / "tiny_training.py"
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def shards(tmp_path_factory) -> Shards:
    torch.set_num_threads(1)
    return write_shards(tmp_path_factory.mktemp("shards"))


def run(*arguments: object) -> subprocess.CompletedProcess:
    return Forked(PROGRAM.read_text(), arguments, ONE_THREAD).wait()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def without_time(folder: Path) -> list[dict]:
    return [{name: one for name, one in row.items() if name != "seconds"} for row in History(folder).rows()]


def test_it_learns_validates_and_keeps_a_history(tmp_path, shards):
    _, figures = train(shards, tmp_path, steps=400, dropout=0.0, ema=0.0, weight_decay=0.0)
    history = pd.read_parquet(tmp_path / "history.parquet")
    assert history["step"].tolist() == sorted({*range(3, 400, 3), *range(6, 400, 6), 400})
    assert history["loss"].iloc[-1] < 0.3 * history["loss"].iloc[0]
    assert figures["valid_error"] == history["valid_error"].iloc[-1] < 0.5
    assert figures["seconds"] > 0


def test_two_runs_of_one_seed_are_equal_and_of_another_are_not(tmp_path, shards):
    weights = [train(shards, tmp_path / str(number), seed=seed)[0].network.state_dict()
               for number, seed in enumerate((3, 3, 4))]  # fmt: skip
    assert same(weights[0], weights[1])
    assert not same(weights[0], weights[2])


def test_kill_9_anywhere_ends_at_the_same_bits(tmp_path, shards):
    whole, _ = train(shards, tmp_path / "whole")
    moments = range(1, 14)
    done = run(shards.folder, tmp_path, CONFIG.steps, *moments)
    assert [line.split() for line in done.stdout.splitlines()] == [
        [str(moment), str(-signal.SIGKILL), "0"] for moment in moments
    ], done.stderr
    for moment in moments:
        assert same(load(tmp_path / str(moment) / "final").tensors, whole.network.state_dict())
        assert without_time(tmp_path / str(moment)) == without_time(tmp_path / "whole")


def test_sigterm_makes_a_checkpoint_at_the_next_step_and_ends_the_process(tmp_path, shards):
    training = Forked(PROGRAM.read_text(), [shards.folder, tmp_path, 1_000_000], ONE_THREAD)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("step-*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    training.process.terminate()
    assert training.wait().returncode == -signal.SIGTERM
    rolling = Rolling(tmp_path)
    assert rolling.latest().metadata["step"] > 0
    assert len(list(tmp_path.glob("step-*.json"))) == 2


def test_stopped_in_the_middle_of_a_window_the_history_is_the_same(tmp_path, shards):
    train(shards, tmp_path / "whole")
    stage = make_stage(shards, CONFIG, World())
    count, objective = 0, stage.objective

    def interrupted(batch):
        nonlocal count
        count += 1
        if count == 8:
            signal.raise_signal(signal.SIGTERM)
        return objective(batch)

    stage.objective = interrupted
    seen = []
    former = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        with pytest.raises(KeyboardInterrupt, match="tiny stopped at step 8"):
            fit(stage, CONFIG, Execution(tmp_path / "stopped"))
    finally:
        signal.signal(signal.SIGTERM, former)
    assert seen == [signal.SIGTERM]
    before = without_time(tmp_path / "stopped")
    train(shards, tmp_path / "stopped")
    after = without_time(tmp_path / "stopped")
    assert after[: len(before)] == before
    assert after == without_time(tmp_path / "whole")


def test_a_damaged_newest_checkpoint_is_passed_over(tmp_path, shards):
    whole, _ = train(shards, tmp_path)
    for path in tmp_path.glob("step-000000024.safetensors"):
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content)
    assert Rolling(tmp_path).latest().metadata["step"] == 20
    again, _ = train(shards, tmp_path)
    assert same(again.network.state_dict(), whole.network.state_dict())


def test_another_configuration_is_refused_with_the_difference(tmp_path, shards):
    train(shards, tmp_path)
    with pytest.raises(InputError, match=r"or to other code \(then and now: \{'learning_rate': \(0.01, 0.5\)\}\)"):
        train(shards, tmp_path, learning_rate=0.5)


def test_a_checkpoint_of_other_code_is_refused(tmp_path, shards):
    stage = make_stage(shards, CONFIG, World())
    fit(stage, CONFIG, Execution(tmp_path, code_version="1a"))
    with pytest.raises(InputError, match=r"then and now: \{'code version': \('1a', '2b'\)\}"):
        fit(stage, CONFIG, Execution(tmp_path, code_version="2b"))


def test_what_only_observes_may_change_between_two_runs(tmp_path, shards):
    observed = {"report_every": 1, "validate_every": 2, "checkpoint_every": 3}
    first, figures = train(shards, tmp_path / "first", steps=10)
    config = replace(CONFIG, steps=10, **observed)
    again = make_stage(shards, config, World())
    objective, trained = again.objective, []
    again.objective = lambda batch: trained.append(batch.step) or objective(batch)
    # The finished training is found, not repeated, though it is reported differently now.
    assert fit(again, config, Execution(tmp_path / "first")) == figures
    assert trained == []
    assert same(again.network.state_dict(), first.network.state_dict())
    # A training that was reported differently from its first step ends at the same weights.
    other, _ = train(shards, tmp_path / "other", steps=10, **observed)
    assert len(History(tmp_path / "other").rows()) > len(History(tmp_path / "first").rows())
    assert same(other.network.state_dict(), first.network.state_dict())


def test_micro_batches_give_the_gradients_of_the_batch(tmp_path, shards):
    options = {"dropout": 0.0, "ema": 0.0}
    whole = train(shards, tmp_path / "1", **options)[0].network.state_dict()
    pieces = train(shards, tmp_path / "2", accumulate=2, **options)[0].network.state_dict()
    for name, one in whole.items():
        torch.testing.assert_close(pieces[name], one, rtol=1e-4, atol=1e-6)


def test_the_moving_average_is_the_defined_one(tmp_path, shards):
    steps = 3
    weights = []
    for count in range(1, steps + 1):
        train(shards, tmp_path / str(count), steps=count, decay=0.0)
        tensors = Rolling(tmp_path / str(count)).latest().tensors
        weights.append(tensors["network.0.weight"])
    expected = weights[0]
    for one in weights[1:]:
        expected = 0.9 * expected + 0.1 * one
    torch.testing.assert_close(tensors["average.module.0.weight"], expected)


def test_nan_is_skipped_rolled_back_and_given_up(tmp_path, shards):
    with pytest.raises(Diverged, match=r"NaN or infinite gradients at step 1\d, after 3 returns"):
        train(shards, tmp_path, poison=12)
    checkpoint = Rolling(tmp_path).latest()
    assert checkpoint.metadata["scale"] == 1 / 8
    assert all(torch.isfinite(one).all() for one in checkpoint.tensors.values())


def test_one_bad_batch_is_skipped_without_harm(tmp_path, shards):
    stage = make_stage(shards, CONFIG, World())
    objective = stage.objective

    def once(batch):
        for group, loss in objective(batch):
            yield group, loss * (float("inf") if batch.step == 7 else 1.0)

    stage.objective = once
    figures = fit(stage, CONFIG, Execution(tmp_path))
    assert math.isfinite(figures["loss"])
    assert Rolling(tmp_path).latest().metadata["rollbacks"] == 0


def run_two(shards: Shards, folder: Path, signalled: str = "") -> list[int | None]:
    """Train in two processes, started with the variables that torchrun sets, and return how they ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "SIGNALLED": signalled}
    ranks = [
        Forked(PROGRAM.read_text(), [shards.folder, folder, CONFIG.steps], {**ONE_THREAD, **place, "RANK": str(rank)})
        for rank in range(2)
    ]
    return [rank.wait().returncode for rank in ranks]


def test_a_signal_to_one_of_two_processes_ends_both_after_a_checkpoint(tmp_path, shards):
    assert 0 not in run_two(shards, tmp_path, signalled="1")
    assert Rolling(tmp_path).latest().metadata["step"] == 9
    assert run_two(shards, tmp_path) == [0, 0]


def test_a_validation_without_a_value_is_left_out(tmp_path, shards):
    stage = make_stage(shards, CONFIG, World())
    stage.validate = lambda network: {"error": 1.0, "pitch": float("nan")}
    figures = fit(stage, CONFIG, Execution(tmp_path))
    assert figures["valid_error"] == 1.0
    assert "valid_pitch" not in figures
    assert math.isnan(History(tmp_path).rows()[-1]["valid_pitch"])


def validated(shards, folder, values, said):
    """Train with a validation that gives these values, one after the other, the last one again and again."""
    stage, values = make_stage(shards, CONFIG, World()), list(values)
    stage.validate = lambda network: values.pop(0) if len(values) > 1 else values[0]
    return fit(stage, CONFIG, Execution(folder, lambda report: said.append(str(report)) if report.warning else None))


def test_a_figure_that_is_lost_is_told(tmp_path, shards):
    said = []
    good = {"error": 1.0, "pitch": 2.0, "never": math.nan}
    figures = validated(shards, tmp_path, [good, {**good, "pitch": math.nan}, good], said)
    assert said == ["tiny: after step 12 these figures are NaN or infinite: valid_pitch"]
    assert figures["valid_pitch"] == 2.0
    assert [row["rollbacks"] for row in History(tmp_path).rows()] == [0] * 8


def test_a_validation_that_lost_every_figure_is_like_nan_in_a_gradient(tmp_path, shards):
    said = []
    figures = validated(shards, tmp_path / "once", [{"error": 1.0}, {"error": math.nan}, {"error": 0.5}], said)
    assert said == ["tiny: after step 12 these figures are NaN or infinite: valid_error"]
    assert figures["valid_error"] == 0.5
    checkpoint = Rolling(tmp_path / "once").latest().metadata
    assert (checkpoint["rollbacks"], checkpoint["scale"]) == (1, 0.5)
    with pytest.raises(Diverged, match="tiny: NaN or infinite validation at step 12, after 3 returns"):
        validated(shards, tmp_path / "always", [{"error": 1.0}, {"error": math.inf}], [])


def test_weights_that_are_not_finite_are_never_saved(tmp_path, shards):
    stage = make_stage(shards, CONFIG, World())
    objective = stage.objective

    def broken(batch):
        if batch.step == 12:
            stage.network[0].bias.data[0] = math.inf
        yield from objective(batch) if batch.step < 12 else ()

    stage.objective, stage.validate = broken, lambda network: {}
    with pytest.raises(Diverged, match="tiny: NaN or infinite weights at step 15, after 3 returns"):
        fit(stage, CONFIG, Execution(tmp_path))
    checkpoint = Rolling(tmp_path).latest()
    assert checkpoint.metadata["step"] == 10
    assert all(torch.isfinite(one).all() for one in checkpoint.tensors.values())


def test_pieces_of_a_batch_are_equal_or_refused(tmp_path, shards):
    with pytest.raises(InputError, match="a batch of 4 cannot be cut into 3 equal pieces; change accumulate"):
        train(shards, tmp_path, accumulate=3)


def test_two_processes_train_like_one(tmp_path, shards):
    alone, _ = train(shards, tmp_path / "one", dropout=0.0)
    assert run_two(shards, tmp_path / "two") == [0, 0]
    both = load(tmp_path / "two" / "final").tensors
    for name, one in alone.network.state_dict().items():
        torch.testing.assert_close(both[name], one, rtol=1e-4, atol=1e-5)


def test_parameter_groups_take_turns_with_their_own_optimisers(tmp_path, shards):
    config = replace(CONFIG, steps=2, ema=0.0, weight_decay=0.0, clip=0.0)
    stage = make_stage(shards, config, World(), dropout=0.0)
    first, second = list(stage.network[0].parameters()), list(stage.network[3].parameters())
    stage.parameter_groups = {"first": first, "second": second}
    objective = stage.objective
    stage.objective = lambda batch: (("first", loss) for _, loss in objective(batch))
    before = [one.clone() for one in second]
    fit(stage, config, Execution(tmp_path))
    assert all(torch.equal(one, other) for one, other in zip(second, before, strict=True))


def test_seeds_differ_between_steps_and_processes():
    seeds = {hash_seed(seed, step, rank) for seed in range(3) for step in range(50) for rank in range(3)}
    assert len(seeds) == 450
    assert hash_seed(1, 2, 3) == 2904650318439132554


def test_the_learning_rate_warms_up_and_decays():
    config = replace(CONFIG, learning_rate=1.0, steps=100, warmup=9, decay=0.5)
    assert config.rate(0) == pytest.approx(0.1)
    assert config.rate(9) == config.rate(49) == 1.0
    assert config.rate(75) == pytest.approx(0.5)
    assert config.rate(99) < 0.002
