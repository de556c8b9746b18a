"""Turns SIGTERM and SIGINT into a stop request that the training loop checks after each step."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class StopRequest:
    """Records SIGTERM and SIGINT while the `with` block runs; `deliver` raises the signal again afterwards.

    Python allows signal handlers in the main thread only; in other threads no signal is recorded.

    Example:
        >>> with StopRequest() as stop:
        ...     while not stop.requested: ...
        >>> stop.deliver()
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._former: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal was received."""
        return self._received is not None

    def _note(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._received = number

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._former[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def deliver(self) -> None:
        """Raise the recorded signal again, if any, so that the former handler receives it."""
        if self._received is not None:
            signal.raise_signal(self._received)
