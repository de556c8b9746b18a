"""Peak memory: that of each length alone, and nothing where it cannot be measured."""

import gc
import sys

import numpy as np
import pytest

from models import measuring

MEBIBYTE = 2**20


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is reset by Linux only")
def test_the_peak_of_each_length_is_its_own():
    gc.collect()
    # The longer sound comes first: without a reset its peak would count for the shorter one as well.
    found = measuring.peak_memory(lambda seconds: np.ones(seconds * MEBIBYTE, np.uint8), (300, 100))
    assert list(found) == ["300", "100"]
    assert found["300"] - found["100"] == pytest.approx(200, abs=30)


def test_where_the_peak_cannot_be_reset_nothing_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(measuring, "_RESET", tmp_path / "absent" / "clear_refs")
    called: list[int] = []
    assert measuring.peak_memory(called.append, (1, 2)) == {}
    assert called == []
