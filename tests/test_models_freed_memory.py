"""Freed memory that a training keeps: large blocks come without new pages, with the same values."""

import subprocess
import sys

PROGRAM = """
import resource
import torch
from models.training.memory import keep_freed_memory

def faults():
    began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(16 * 2**20)  # 64 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - began

before, kept = faults(), keep_freed_memory()
faults()
print(before, kept, faults())
"""


def test_a_block_that_was_freed_is_used_again_without_new_pages():
    answer = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout
    before, kept, after = answer.split()
    assert kept == "True"
    assert int(before) > 10 * int(after) + 1000
