"""The work of a step: a stop signal is never lost."""

import signal
import sys
import time
import weakref

import pytest

from assets.steps import _interruptible


class Thing: ...


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_that_python_drops_comes_again(number, monkeypatch):
    """An exception in the callback of a weak reference is printed and ignored."""
    dropped = []
    monkeypatch.setattr(sys, "unraisablehook", lambda one: dropped.append(one.exc_type))
    former = signal.getsignal(number)
    things = [Thing()]
    watched = weakref.ref(things[0], lambda _: signal.raise_signal(number))

    def work() -> None:
        with _interruptible():
            things.clear()
            time.sleep(20)

    with pytest.raises(KeyboardInterrupt):
        work()
    assert watched() is None
    assert dropped == [KeyboardInterrupt]
    assert signal.getsignal(number) is former
    time.sleep(1.2)  # what was on its way does not come any more
