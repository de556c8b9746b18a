"""Excerpts of long sounds for the players of a report: which are chosen, from where, how long, and how loud.

The audio of players is encoded as FLAC, a lossless format, so that no coding artifacts are added. The sounds of maps
give an impression of many points: they are short and small (`sketch`).

Shapes: T samples, K channels, N values of power.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data.files.audio import encode, encode_small, to_pcm16
from eval.metrics.waveform import loudness
from eval.report.blocks import Clip
from eval.report.figures import spectrogram
from eval.report.maps import Sound

MOST_GAIN = 20.0  # dB; limits how much a quiet sound is amplified
_MOST_ROWS, _LEAST_ROWS = 9, 3
_PAGE_BYTES = 12_000_000  # budget for audio in the HTML page
_SHRUNK = 0.8 * 4 / 3  # bytes in the page per byte of PCM: FLAC is assumed to save 20 %, base64 adds a third
_MEASURABLE = 0.4  # seconds; shortest sound whose loudness can be measured (BS.1770)
_FADE = 0.05  # seconds
_ONE_LINE = 20  # characters that fit into one line below a player
_LEAST_SAMPLES = 1024  # fewest that a spectrogram can be made of


@dataclass(frozen=True)
class Extent:
    """Amount of audio in a report.

    Attributes:
        rows: number of rows of players; a row is one song or clip.
        seconds: length of the excerpt in each player, in seconds.
    """

    rows: int
    seconds: float


def extent(players: int, seconds: float, sample_rate: int, channels: int = 1) -> Extent:
    """Return how much audio fits into the page: 3 to 9 rows of players, and excerpts as long as wanted or shorter.

    Args:
        players: number of players in a row.
        seconds: wanted length of the excerpts, in seconds.
        sample_rate: in Hz.
        channels: number of channels.

    Example:
        >>> extent(6, 8.0, 16_000)
        Extent(rows=7, seconds=8.0)
    """
    row = players * seconds * sample_rate * channels * 2 * _SHRUNK
    rows = int(np.clip(_PAGE_BYTES // row, _LEAST_ROWS, _MOST_ROWS))
    return Extent(rows, min(seconds, seconds * _PAGE_BYTES / (rows * row)))


def picks(order: Sequence[str], count: int, kind: str, by: str) -> dict[str, list[str]]:
    """Choose `count` items, none twice: the worst, those in the middle, and the best, about a third each.

    Args:
        order: names of the items, from worst to best.
        count: number of items; fewer are returned if `order` is shorter.
        kind: what the items are, in the plural, for the headings.
        by: the quantity that orders them, for the headings; the players show it.

    Returns:
        Names by heading: worst first, those in the middle in the order of `order`, best first.

    Example:
        >>> picks("abcdefg", 3, "clips", "uSDR")
        {'Worst clips first, by uSDR': ['a'], 'Typical clips': ['d'], 'Best clips first, by uSDR': ['g']}
    """
    count = min(count, len(order))
    worst, best = (count + 2) // 3, count // 3
    typical = count - worst - best
    rest = order[worst : len(order) - best]
    first = (len(rest) - typical) // 2
    return {
        f"Worst {kind} first, by {by}": list(order[:worst]),
        f"Typical {kind}": list(rest[first : first + typical]),
        f"Best {kind} first, by {by}": list(order[len(order) - best :][::-1]),
    }


def most_energy(power: np.ndarray, length: int) -> int:
    """Return the start of the stretch of `length` values with the highest energy.

    Args:
        power: power of each sample or frame of a sound, (N,).
        length: length of the stretch. If it is N or more, the result is 0.
    """
    energy = np.cumsum(np.concatenate([[0.0], power]))
    length = min(length, len(power))
    return int(np.argmax(energy[length:] - energy[: len(energy) - length]))


def level_of(wave: np.ndarray, sample_rate: int) -> float:
    """Return the loudness of a sound, (T,) or (T, K), in LUFS; NaN if it is silent or too short to be measured."""
    return loudness(wave, sample_rate) if len(wave) >= _MEASURABLE * sample_rate else float("nan")


def matched(wave: np.ndarray, level: float, sample_rate: int) -> tuple[np.ndarray, float]:
    """Scale a sound to a loudness, within limits.

    The gain is at most 20 dB and so small that no sample exceeds full scale. If the loudness of the sound or `level`
    could not be measured (silence, or less than 0.4 s), the sound changes only if it exceeds full scale.

    Args:
        wave: float32, shape (T,) or (T, K), full scale [-1, 1].
        level: wanted loudness in LUFS (BS.1770); NaN if it could not be measured.
        sample_rate: sample rate in Hz.

    Returns:
        The scaled sound, same shape, and the gain that was applied, in dB.
    """
    own, peak = level_of(wave, sample_rate), float(np.abs(wave).max(initial=0.0))
    wanted = level - own if np.isfinite(level - own) else 0.0
    room = -20 * np.log10(peak) if peak else 0.0
    gain = float(min(wanted, MOST_GAIN, room))
    return wave * np.float32(10 ** (gain / 20)), gain


def player(label: str, wave: np.ndarray | None, level: float, sample_rate: int, figures: Sequence[str] = ()) -> Clip:
    """Return the player of an excerpt, as loud as `level` within limits (`matched`), with its spectrogram.

    Args:
        label: name of the sound, for screen readers.
        wave: float32, shape (T, K), full scale [-1, 1]; None if there is none.
        level: wanted loudness in LUFS (BS.1770); NaN if it could not be measured.
        sample_rate: in Hz.
        figures: scores of the sound as text; the gain is told before them.

    Returns:
        The player. It is empty if there is no sound, or less than 1,024 samples of it, too few for a spectrogram.
    """
    if wave is None or len(wave) < _LEAST_SAMPLES:
        return Clip(label, None)
    played, gain = matched(wave, level, sample_rate)
    told = (f"level {gain:+.1f} dB", *figures)
    words = "; ".join(one.replace(" ", "\u00a0") if len(one) <= _ONE_LINE else one for one in told)
    sound = encode(to_pcm16(played), sample_rate, "FLAC")
    return Clip(label, sound, spectrogram=spectrogram(played.mean(1)), figures=words)


def sketch(voice: str, wave: np.ndarray, sample_rate: int, seconds: float = 2.0, pitch: int | None = None) -> Sound:
    """Return a sound of a map: one channel, cut and faded out, encoded small (`data.files.audio.encode_small`).

    Args:
        voice: what is heard (`eval.report.maps.Sound`).
        wave: float32, shape (T,) or (T, K), full scale [-1, 1].
        sample_rate: in Hz.
        seconds: length at which it is cut.
        pitch: MIDI pitch; None for a sound that is not chosen by pitch.
    """
    mono = (wave if wave.ndim == 1 else wave.mean(1))[: int(seconds * sample_rate)].copy()
    fade = min(len(mono), int(_FADE * sample_rate))
    mono[len(mono) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    content, media = encode_small(to_pcm16(mono), sample_rate)
    return Sound(voice, content, media, pitch)
