"""Fixtures shared by the tests."""

from pathlib import Path

import pytest
from tiny import write_nsynth


@pytest.fixture(scope="session")
def nsynth_part(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A read-only NSynth part of 2 instruments, 10 pitches, 2 velocities."""
    return write_nsynth(tmp_path_factory.mktemp("nsynth") / "nsynth-train")
