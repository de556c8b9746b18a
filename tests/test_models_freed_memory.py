"""Freed memory that a training keeps: large blocks come without new pages, with the same values."""

import subprocess
import sys

PROGRAM = """
import resource
import torch
from models.training.memory import freed_memory_kept

def faults():
    began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(16 * 2**20)  # 64 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

before, small = faults(), resident()
with freed_memory_kept() as kept:
    faults()
    within, large = faults(), resident()
print(before, kept, within, large - small, resident() - small)
"""


def test_a_block_that_was_freed_is_used_again_without_new_pages():
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    before, kept, within, held, after = answer.split()
    assert kept == "True"
    assert int(before) > 10 * int(within) + 1000
    assert int(held) > 60e6
    assert int(after) < 10e6, "it goes back afterwards"
