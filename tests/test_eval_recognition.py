"""Word and character error rates against plain computations, and opening a recogniser."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.errors import InputError
from eval.metrics.recognition import edit_distance, error_rates, load_recogniser, normalised, word_errors


def plain(first: str, second: str) -> int:
    row = list(range(len(second) + 1))
    for i, one in enumerate(first, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(second, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (one != other))
    return row[-1]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_edit_distance_equals_the_textbook_one(first: str, second: str) -> None:
    assert edit_distance(first, second) == plain(first, second)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Don’t   STOP—now! ", "dont stop now"),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
        ("你好，世界。", "你好 世界"),
        ("♪ la-la ♪", "la la"),
        ("", ""),
    ],
)
def test_texts_are_normalised(text: str, expected: str) -> None:
    assert normalised(text) == expected


def test_error_rates_by_hand() -> None:
    assert word_errors("the cat sat", "the cat sat") == {"words": 0, "characters": 0}
    assert word_errors("The cat sat.", "the bat")["words"] == pytest.approx(2 / 3)
    assert word_errors("ab cd", "ab ce")["characters"] == pytest.approx(1 / 4)
    assert word_errors("你好世界", "你坏世界") == {"words": 0.25, "characters": 0.25}
    assert word_errors("one", "one two three")["words"] == 2
    assert word_errors("one two", "") == {"words": 1, "characters": 1}
    assert all(np.isnan(one) for one in word_errors(" ♪ ", "la").values())
    together = error_rates([("a b c d", "a b c d"), ("x", "y")])
    assert together == {"words": pytest.approx(1 / 5), "characters": pytest.approx(1 / 5)}
    assert np.isnan(error_rates([])["words"])


def weights(folder: Path) -> Path:
    folder.mkdir()
    for name in ("model.bin", "config.json", "tokenizer.json"):
        (folder / name).write_bytes(b"{}")
    return folder


def test_a_recogniser_is_named_by_its_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    class Model:
        def __init__(self, folder: str, **options: object) -> None:
            asked.update(options, folder=folder)

        def transcribe(self, wave: np.ndarray, **options: object) -> tuple[list[types.SimpleNamespace], None]:
            asked.update(options, dtype=wave.dtype)
            return [types.SimpleNamespace(text=" la la"), types.SimpleNamespace(text=" li")], None

    monkeypatch.setitem(sys.modules, "faster_whisper", types.SimpleNamespace(WhisperModel=Model))
    found = load_recogniser(weights(tmp_path / "whisper-base"), "zh")
    assert found.name == "Whisper whisper-base (44136fa3), beam 5"  # SHA-256 of "{}"
    assert found.transcribe(np.zeros(16_000)) == "la la li"
    assert asked["local_files_only"] is True
    assert (asked["language"], asked["dtype"], asked["temperature"]) == ("zh", np.float32, 0.0)


def test_a_recogniser_without_files_or_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"model\.bin, config\.json, tokenizer\.json is missing"):
        load_recogniser(tmp_path)
    folder = weights(tmp_path / "tiny")
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(InputError, match=r"tessitura\[recogniser\]"):
        load_recogniser(folder)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("bad magic")

    monkeypatch.setitem(sys.modules, "faster_whisper", types.SimpleNamespace(WhisperModel=broken))
    with pytest.raises(InputError, match="tiny: not readable as a Whisper model"):
        load_recogniser(folder)
