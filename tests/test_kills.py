"""Whole runs of the synthesis branch, killed by signal 9 at random instants: every file of the store is as without.

`tests/bench/kill_seeds.py` does the same with as many seeds as one likes; `tiny_kills` says what is compared.
"""

import pytest
import test_assets_synthesis  # noqa: F401 (imported once, for all forks)
from tiny import write_nsynth
from tiny_kills import Whole

SEED = 9  # a run takes half a minute of a core, so this one, killed four times, stands for those on demand


@pytest.mark.timeout(3600)
def test_a_run_that_is_killed_ends_at_the_same_bytes(tmp_path):
    whole = Whole.of(tmp_path, write_nsynth(tmp_path / "nsynth-train", 4, range(60, 68), (25, 127)))
    names = {name.partition("/versions/")[0].rpartition("/")[2] for name in whole.expected if "/versions/" in name}
    assert names >= {"nsynth_shards", "synthesis_model", "synthesis_scores", "synthesis_report"}
    killed, changed = whole.trial(SEED, most=4)
    assert changed == []
    assert killed > 0
