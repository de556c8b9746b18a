"""librosa with its compiled functions, loaded by one process at a time.

librosa compiles functions with numba when it is imported and when they are called first, and stores them in files for
the next process. Where two processes do that at once, the files of one function can come from both of them, and every
later process that loads them crashes (numba issue 10128). So whoever needs these functions imports librosa from here:

    >>> from data.pitch.compiled import librosa
    >>> librosa.pyin(wave, fmin=65, fmax=1400, sr=16_000)

The import holds a lock (flock) until everything that this project calls is compiled and stored. The first import on a
machine takes about 20 s; later ones take the time that librosa needs anyway.
"""

import fcntl
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

LOCK = Path(tempfile.gettempdir()) / f"tessitura-compiling-{os.getuid()}.lock"


@contextmanager
def one_process_at_a_time() -> Iterator[None]:
    """Hold the lock of compiling; wait for it as long as another process holds it."""
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


with one_process_at_a_time(), warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of silence
    import librosa

    librosa.pyin(np.zeros(2048, np.float32), fmin=65.0, fmax=1400.0, sr=16_000, frame_length=1024, hop_length=160)
    librosa.sequence.viterbi(np.full((2, 4), 0.5), np.full((2, 2), 0.5))

__all__ = ["librosa"]
