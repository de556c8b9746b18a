"""What converting costs, measured on stages that take known times."""

import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from data.execution import Execution
from data.files.durable import read_json
from models.conversion import cost
from models.conversion.convert import Converter
from models.conversion.frames import CONTENT, HOP
from models.conversion.key import Range
from models.conversion.melody.load import Melody

TAKES = 0.02  # seconds of each stage, and of each piece of the vocoder
PIECE = 50  # frames


def slowly(work: Callable[..., Any]) -> Callable[..., Any]:
    def waiting(*given: Any) -> Any:
        time.sleep(TAKES)
        return work(*given)

    return waiting


def sung(wave: np.ndarray) -> Melody:
    count = 1 + len(wave) // HOP
    return Melody(*(np.full(count, one, np.float32) for one in (220.0, -2.0, 1.0)), np.zeros((count, 2), np.float32))


@pytest.fixture
def made() -> list[int]:
    return []


@pytest.fixture
def converter(made) -> Converter:
    def pieces(mel: np.ndarray, f0: np.ndarray) -> Iterator[np.ndarray]:
        for start in range(0, len(mel), PIECE):
            time.sleep(TAKES)
            made.append(start)
            yield np.zeros(HOP * len(mel[start : start + PIECE]), np.float32)

    vocoder = SimpleNamespace(pieces=pieces, wave=lambda mel, f0: np.concatenate(list(pieces(mel, f0))))
    stages = {
        "extractor": SimpleNamespace(melody=slowly(sung)),
        "content": SimpleNamespace(
            covering=slowly(lambda wave: np.zeros((len(wave) // (HOP * CONTENT), 4), np.float32))
        ),
        "acoustic": SimpleNamespace(
            mel=slowly(lambda content, melody, *how: np.zeros((len(melody.f0), 80), np.float32)),
            range=lambda singer="": Range(180.0, 240.0, 400.0),
        ),
        "vocoder": vocoder,
    }
    return Converter(**cast(dict[str, Any], stages))


def test_the_first_sound_waits_for_three_stages_and_one_piece(converter, made):
    found = cost.first_sound(converter, 4)
    assert made == [0]  # of 8 pieces
    assert found >= 4 * TAKES


def test_the_costs_are_written(converter, tmp_path, monkeypatch):
    for name, value in {"_SECONDS": 1, "_ROUNDS": 1, "_LENGTHS": (1, 2)}.items():
        monkeypatch.setattr(cost, name, value)
    told = cost.write_cost(Execution(tmp_path), converter)
    stages = read_json(tmp_path / "cost.json")["stages"]
    assert stages.keys() == {"melody extractor", "content", "acoustic model", "vocoder", "whole"}
    assert told["whole, real-time factor"] == stages["whole"]["real_time_factor"] >= 5 * TAKES
    assert stages["whole"]["first_sound_of_seconds"] == 2
    assert stages["whole"]["first_sound_seconds"] >= 4 * TAKES
    assert set(stages["whole"]["memory"]) <= {"1", "2"}
