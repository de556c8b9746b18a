"""Measures what a system costs on this machine: peak memory against the length of the sound."""

from collections.abc import Callable, Iterable
from pathlib import Path

_RESET, _STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def peak_memory(work: Callable[[int], object], lengths: Iterable[int]) -> dict[str, float]:
    """Measure the peak memory of this process while it processes sounds of several lengths.

    The peak is reset before each length, but memory that the process held before counts as well.

    Args:
        work: function that processes a sound, given its length in seconds.
        lengths: lengths of the sounds, in seconds.

    Returns:
        Peak resident memory in MiB, by the length of the sound as text. Empty on systems other than Linux, where the
        peak cannot be reset (by writing to /proc/self/clear_refs).

    Example:
        >>> peak_memory(lambda seconds: converter.convert(noise(seconds)), (10, 60))
        {'10': 812.5, '60': 1023.75}
    """
    found = {}
    for seconds in lengths:
        try:
            _RESET.write_text("5")  # resets the peak (VmHWM)
        except OSError:
            return {}
        work(seconds)
        line = next(one for one in _STATUS.read_text().splitlines() if one.startswith("VmHWM"))
        found[str(seconds)] = int(line.split()[1]) / 1024
    return found
