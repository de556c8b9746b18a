"""What a run shows in the terminal: live bars where a person watches, otherwise plain lines; no developer's noise."""

import io
import re
import time
from functools import partial

import dagster as dg
from rich.console import Console

from assets.progress import progress_listener
from data.progress import Report
from pipelines import console as module


@dg.op(out=dg.Out(dg.Nothing))
def first(context: dg.OpExecutionContext) -> None:
    listen = progress_listener(context)
    listen(Report("autoencoder", 5, 10, "steps", 2.5, 2.0, 2.0, {"loss": 0.25}))
    context.log.info("a message [in brackets]")
    time.sleep(0.3)  # the bars are drawn ten times a second


@dg.op(ins={"start": dg.In(dg.Nothing)})
def second(context: dg.OpExecutionContext) -> None:
    raise dg.Failure("disk full; free space", allow_retries=False)


@dg.op(ins={"start": dg.In(dg.Nothing)})
def third() -> None: ...


@dg.job(logger_defs={"console": module.console})
def work():
    third(second(first()))


def run() -> None:
    config = {"loggers": {"console": {"config": {}}}}
    assert not work.execute_in_process(run_config=config, raise_on_error=False).success


def test_elsewhere_each_message_is_one_line(capfd):
    run()
    lines = [line for line in capfd.readouterr().err.splitlines() if line]
    told = [" ".join(line.split()[1:]) for line in lines]
    took = told[-1].rpartition(", ")[2]
    assert re.fullmatch(r"\d+ s", took)
    assert told == [
        "first autoencoder: 5/10 steps, 2.5 steps/s, 2 s left, loss 0.25",
        "first a message [in brackets]",
        f"first done; work: 1/3 steps, {took}",
    ], "the failure is told at the end by whoever started the run, in one line"


def test_a_terminal_shows_a_bar_for_each_step_and_one_for_the_whole(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(module, "_watched", lambda: True)
    monkeypatch.setattr(module, "Console", partial(Console, file=screen, force_terminal=True, width=120))
    monkeypatch.setenv("TERM", "xterm")
    run()
    drawn = screen.getvalue()
    assert "first: autoencoder" in drawn
    assert "5/10 steps, 2.5 steps/s, 2 s left, loss 0.25" in drawn
    assert "whole run" in drawn
    assert "2/3 steps" in drawn
    assert "a message [in brackets]" in drawn
    assert drawn.rstrip().endswith("\x1b[2K") or "\x1b[?25h" in drawn, "the cursor is back"
