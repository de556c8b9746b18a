"""Word and character error rates, and a recogniser that hears the words: Whisper, run by faster-whisper.

Texts are normalised before they are compared: Unicode form NFKC, lower case, no punctuation or symbols, single
spaces. In scripts without spaces (Chinese, Japanese) every character is a word. The error rate is the least number
of insertions, deletions and replacements divided by the length of the reference; it may exceed 1.

The weights are a folder in the form of CTranslate2 (model.bin, config.json, tokenizer.json, vocabulary.txt), such as
`Systran/faster-whisper-base`; nothing is downloaded.
"""

import hashlib
import importlib
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.errors import InputError

METRICS = {
    "words": "word error rate: edits / words of the reference; a Chinese or Japanese character is a word",
    "characters": "character error rate: edits / characters of the reference, without spaces",
}
_NEEDED = ("model.bin", "config.json", "tokenizer.json")


@dataclass(frozen=True)
class Recogniser:
    """A speech recogniser.

    Attributes:
        name: what it is; stored with every score.
        transcribe: function from a voice, float32, (T,), 16 kHz, to the words in it.
    """

    name: str
    transcribe: Callable[[np.ndarray], str]


def word_errors(reference: str, heard: str) -> dict[str, float]:
    """Return the error rates (`METRICS`) of one text; NaN if the reference has no words.

    Example:
        >>> word_errors("Twinkle, twinkle little star", "twinkle winkle star")["words"]
        0.5
    """
    return error_rates([(reference, heard)])


def error_rates(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    """Return the error rates of texts together: all edits divided by the length of all references.

    Args:
        pairs: reference and what was heard, for each recording.

    Returns:
        Values of `METRICS` by name; NaN if the references have no words.
    """
    edits, lengths = dict.fromkeys(METRICS, 0), dict.fromkeys(METRICS, 0)
    for reference, heard in pairs:
        words = [_words(normalised(one)) for one in (reference, heard)]
        for name, (true, found) in zip(METRICS, (words, ["".join(one) for one in words]), strict=True):
            edits[name] += edit_distance(true, found)
            lengths[name] += len(true)
    return {name: edits[name] / lengths[name] if lengths[name] else float("nan") for name in METRICS}


def normalised(text: str) -> str:
    """Return a text in lower case, NFKC, without punctuation and symbols, with single spaces.

    Apostrophes are dropped without a space, so that "don't" stays one word.

    Example:
        >>> normalised("  Don’t   STOP—now! ")
        'dont stop now'
    """
    folded = unicodedata.normalize("NFKC", text).casefold().replace("'", "").replace("’", "")
    return " ".join("".join(one if unicodedata.category(one)[0] in "LMN" else " " for one in folded).split())


def _words(text: str) -> list[str]:
    """Return the words of a normalised text; a Chinese or Japanese character is a word."""
    spaced = "".join(f" {one} " if _alone(one) else one for one in text)
    return spaced.split()


def _alone(character: str) -> bool:
    """Return whether a character belongs to a script without spaces."""
    return unicodedata.name(character, "").startswith(("CJK", "HIRAGANA", "KATAKANA"))


def edit_distance(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Return the least number of insertions, deletions and replacements that turn one sequence into the other.

    Example:
        >>> edit_distance("kitten", "sitting")
        3
    """
    known: dict[str, int] = {}
    first = np.array([known.setdefault(one, len(known)) for one in reference], np.int64)
    second = np.array([known.setdefault(one, len(known)) for one in heard], np.int64)
    steps = np.arange(len(second) + 1)
    row = steps.copy()
    for number, one in enumerate(first, 1):
        best = np.minimum(row[1:] + 1, row[:-1] + (second != one))
        # Insertions cost 1 a step: the running minimum of (cost - position), plus the position.
        row = np.minimum.accumulate(np.concatenate([[number], best]) - steps) + steps
    return int(row[-1])


def load_recogniser(folder: Path, language: str | None = None, threads: int = 1) -> Recogniser:
    """Open a Whisper model in the form of CTranslate2.

    Args:
        folder: folder with model.bin, config.json, tokenizer.json and vocabulary.txt.
        language: code of the language, such as "en" or "zh"; None lets the model decide for each recording.
        threads: CPU threads.

    Raises:
        InputError: a file is missing or damaged, or the package faster-whisper is not installed.

    Example:
        >>> load_recogniser(Path("whisper-base"), "zh").transcribe(wave)
    """
    if missing := [name for name in _NEEDED if not (folder / name).is_file()]:
        raise InputError(f"{folder}: {', '.join(missing)} is missing; put a Whisper model of CTranslate2 there")
    try:
        package = importlib.import_module("faster_whisper")
    except ImportError as error:
        raise InputError('the recogniser needs faster-whisper: pip install "tessitura[recogniser]"') from error
    try:
        model = package.WhisperModel(
            str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
        )
    except Exception as error:  # the library raises many types of errors, all caused by the files
        message = " ".join(str(error).split())
        raise InputError(f"{folder}: not readable as a Whisper model ({message:.200}); fetch it again") from error

    def transcribe(wave: np.ndarray) -> str:
        segments, _ = model.transcribe(
            np.asarray(wave, np.float32),
            language=language,
            beam_size=5,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        return " ".join(one.text.strip() for one in segments)

    with open(folder / "model.bin", "rb") as file:
        mark = hashlib.file_digest(file, "sha256").hexdigest()[:8]
    return Recogniser(f"Whisper {folder.name} ({mark}), beam 5", transcribe)
