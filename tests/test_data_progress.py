"""Progress tells rate and time left, seldom, and always the end."""

import pytest

from data import progress
from data.progress import Progress, duration


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_rate_and_time_left_do_not_count_what_was_done_before(clock):
    reports = []
    work = Progress("train", total=100, unit="steps", listener=reports.append, interval=5)
    work.skip(40)
    clock[0] = 10.0
    work.advance(20, {"loss": 0.5})
    (report,) = reports
    assert (report.done, report.rate, report.eta, report.seconds) == (60, 2.0, 20.0, 10.0)
    assert str(report) == "train: 60/100 steps, 2.0 steps/s, 20 s left, loss 0.5"


def test_the_listener_is_told_seldom_and_the_end_once(clock):
    reports = []
    work = Progress("train", total=100, unit="steps", listener=reports.append, interval=5)
    for step in range(100):
        clock[0] = 0.2 * (step + 1)
        work.advance()
    work.finish()
    assert [one.done for one in reports] == [25, 50, 75, 100]
    clock[0] += 1
    assert work.finish().done == 100
    assert len(reports) == 4


def test_without_a_total_there_is_no_time_left(clock):
    work = Progress("ingest", total=None, unit="notes")
    clock[0] = 1.0
    work.advance(1234)
    assert str(work.report()) == "ingest: 1,234 notes, 1,234.0 notes/s"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min"), (3599.6, "1 h 00 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text
