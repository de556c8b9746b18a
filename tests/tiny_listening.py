"""Tiny listening tests: tones with a known damage for each system."""

import json
from pathlib import Path

import numpy as np
from simulated_listeners import session

from eval.listening.design import Design, Item, Plan
from eval.listening.kinds import RECORDING
from eval.listening.plan import plan_test
from eval.listening.write import write_test

RATE = 16_000
QUALITY = {"clean": 0.95, "noisy": 0.5, "bad": 0.1}  # true quality of each system, for simulated listeners


def items(count: int = 4, seconds: float = 0.6, channels: int = 1, rate: int = RATE) -> list[Item]:
    """Return items: a chord as the recording, and three systems that add noise to it."""
    time = np.arange(round(seconds * rate)) / rate
    made = []
    for number in range(count):
        draw = np.random.default_rng(number)
        tone = sum(np.sin(2 * np.pi * 220 * (number + 1) * part * time) / part for part in (1, 2, 3))
        wave = (0.1 * np.repeat(np.asarray(tone)[:, None], channels, 1)).astype(np.float32)
        noise = draw.standard_normal(wave.shape).astype(np.float32)
        systems = {name: wave + np.float32(0.05 * (1 - value)) * noise for name, value in QUALITY.items()}
        made.append(Item(f"item {number}", {RECORDING: wave, **systems}, wave))
    return made


def small(kind: str, **settings: object) -> Design:
    """Return a small design with short sounds."""
    return Design(kind, seconds=0.5, pairs=2, **settings)  # type: ignore[arg-type]


def plan_of(kind: str, count: int = 4, **settings: object) -> tuple[Plan, dict[str, np.ndarray]]:
    """Return a small test and its sounds."""
    return plan_test(items(count), small(kind, **settings), RATE, "separation", {"commit": "0123456789ab"})


def written_test(folder: Path, kind: str, sessions: int = 0, count: int = 4) -> Plan:
    """Write a small test with the results of simulated listeners into a folder."""
    plan, waves = plan_of(kind, count)
    write_test(folder, plan, waves)
    for number in range(sessions):
        (folder / "results" / f"{number}.json").write_text(json.dumps(session(plan, number, QUALITY)))
    return plan
