"""Sounds of the conversion report: players at equal loudness, worst clips first, and the melodies of chosen clips.

A row of players is one clip in one condition: the mixture, the source's clean voice, each system, a clip of the target
singer, and the remix: the converted voice of the main system over the accompaniment. The accompaniment is the mixture
less the voice in it; the converted voice takes the loudness of that voice.

Shapes: T samples, N frames.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data.files.audio import encode, to_pcm16
from data.pitch.trackers import RATE, track
from eval.conversion.inputs import Made, Mixtures, References
from eval.conversion.measures import KEYFREE, figure
from eval.conversion.systems import CLEAN, MAIN, TEST, condition_name, name_of, scored, systems_of
from eval.metrics.waveform import loudness
from eval.report.document import Block, Clip, Players, Text
from eval.report.figures import spectrogram

_SECONDS = 6.0
_MOST_CLIPS, _LEAST_CLIPS = 9, 3
_PAGE_BYTES = 12_000_000  # budget for audio in the HTML page
_SHRUNK = 0.8 * 4 / 3  # bytes in the page per byte of PCM: FLAC is assumed to save 20 %, base64 adds a third
_MOST_GAIN = 20.0  # dB; limits how much a quiet sound is amplified
_SHORTEST = 0.4  # seconds; shortest sound whose loudness can be measured (BS.1770)


@dataclass(frozen=True)
class Sounds:
    """The sounds that the report plays.

    Attributes:
        references: clean voices and their targets.
        mixtures: the mixtures.
        converted: converted voices, one folder of shards or several.
        melodies: melodies of the mixtures; may be empty.
    """

    references: References
    mixtures: Mixtures
    converted: Sequence[Made]
    melodies: Sequence[Made] = ()

    def made(self, system: str, clip: str, condition: str) -> np.ndarray | None:
        """Return a converted voice, float32, (T,); None if there is none."""
        found = (one.wave(system, clip, condition) for one in self.converted)
        return next((one for one in found if one is not None), None)

    def melody(self, clip: str, condition: str) -> np.ndarray | None:
        """Return F0 in Hz, (N,), 0 where unvoiced, that the melody extractor found; None if there is none."""
        for one in self.melodies:
            if (MAIN, clip, condition) in one.rows:
                values = one.read(MAIN, clip, condition)
                return np.where((values[:, 1] >= 0.5) & (values[:, 0] > 0), values[:, 0], 0.0)
        return None

    def of_target(self) -> np.ndarray | None:
        """Return the longest of the first ten clips of the target singer, float32, (T,); None if there is none."""
        voices = self.references.voices
        clips = voices.sung(singer=voices.target)[:10]
        return voices.wave(max(clips, key=lambda one: one.samples).voice) if clips else None


def open_sounds(
    voices: Path, targets: Path, mixtures: Path, converted: Sequence[Path], melodies: Sequence[Path]
) -> Sounds:
    """Open the shards that the report plays (`Sounds`).

    Raises:
        InputError: shards are incomplete or damaged.
    """
    return Sounds(References(voices, targets), Mixtures(mixtures), [*map(Made, converted)], [*map(Made, melodies)])


def picks(order: Sequence[str], count: int) -> dict[str, list[str]]:
    """Choose `count` clips, none twice: the worst, those in the middle, and the best, about a third each.

    Args:
        order: names of the clips, from worst to best.
        count: number of clips; fewer are returned if `order` is shorter.

    Returns:
        Names by heading: worst first, those in the middle in the order of `order`, best first.

    Example:
        >>> picks("abcdefg", 3)
        {'Worst clips first': ['a'], 'Typical clips': ['d'], 'Best clips': ['g']}
    """
    count = min(count, len(order))
    worst, best = (count + 2) // 3, count // 3
    typical = count - worst - best
    rest = order[worst : len(order) - best]
    first = (len(rest) - typical) // 2
    return {
        "Worst clips first": list(order[:worst]),
        "Typical clips": list(rest[first : first + typical]),
        "Best clips": list(order[len(order) - best :][::-1]),
    }


def matched(wave: np.ndarray, level: float) -> tuple[np.ndarray, float]:
    """Scale a sound to a loudness, within limits.

    The gain is at most 20 dB and so small that no sample exceeds full scale. If a loudness could not be measured
    (silence, or less than 0.4 s), the sound changes only if it exceeds full scale.

    Args:
        wave: float32, (T,), full scale [-1, 1], 16 kHz.
        level: wanted loudness in LUFS (BS.1770); NaN if it could not be measured.

    Returns:
        The scaled sound, (T,), and the gain that was applied, in dB.
    """
    own, peak = _loudness(wave), float(np.abs(wave).max(initial=0.0))
    wanted = level - own if np.isfinite(level - own) else 0.0
    gain = float(min(wanted, _MOST_GAIN, -20 * np.log10(peak) if peak else 0.0))
    return wave * np.float32(10 ** (gain / 20)), gain


def remix(mixture: np.ndarray, voice: np.ndarray, converted: np.ndarray) -> np.ndarray:
    """Return a converted voice over the accompaniment of a mixture, float32, as long as the shortest of all.

    The accompaniment is the mixture less the voice times the gain at which it is in it, which is found by projection.
    The converted voice takes the loudness of the voice in the mixture.

    Args:
        mixture: float32, (T,).
        voice: the clean voice that is in it, float32, (T,).
        converted: float32, (T,).
    """
    count = min(len(mixture), len(voice), len(converted))
    mixture, voice, converted = mixture[:count], voice[:count].astype(np.float64), converted[:count]
    power = float(voice @ voice)
    inside = voice * (float(mixture @ voice) / power) if power else voice
    played, _ = matched(converted, _loudness(inside))
    return (mixture - inside + played).astype(np.float32)


def _loudness(wave: np.ndarray) -> float:
    """Return the loudness in LUFS; NaN if the sound is silent or too short to be measured."""
    return loudness(wave, RATE) if len(wave) >= _SHORTEST * RATE else float("nan")


def most_singing(energy: np.ndarray, frames: int) -> int:
    """Return the start, in frames, of the stretch of `frames` frames with the highest energy.

    Args:
        energy: power of each frame, (N,).
        frames: length of the stretch; if it is N or more, the result is 0.
    """
    if frames >= len(energy):
        return 0
    sums = np.cumsum(np.concatenate([[0.0], energy]))
    return int(np.argmax(sums[frames:] - sums[:-frames]))


def player_blocks(sounds: Sounds, scores: pd.DataFrame, order: Sequence[str], condition: str) -> list[Block]:
    """Return the section "Listen" of the report: an explanation, and players for the chosen clips.

    Args:
        sounds: the sounds.
        scores: rows of scores.parquet.
        order: names of the clips, from the worst to the best.
        condition: condition that is played.
    """
    if not order:
        return []
    systems = systems_of(scored(scores, TEST, [condition]))
    heads = ["Mixture", "Source voice", *map(name_of, systems), "Target singer", "Remix"]
    one = len(heads) * _SECONDS * RATE * 2 * _SHRUNK
    count = int(np.clip(_PAGE_BYTES // one, _LEAST_CLIPS, _MOST_CLIPS))
    seconds = min(_SECONDS, _SECONDS * _PAGE_BYTES / (count * one))
    part = scored(scores, TEST, [condition]).to_dict("records")
    measured = {(str(row["system"]), str(row["clip"])): row for row in part}
    blocks: list[Block] = [
        Text(
            f"Clips with the condition “{condition_name(condition)}”, ordered by the key-free F0RMSE of "
            f"{name_of(MAIN).lower()}. Of each, the {seconds:.1f} s (or all of a shorter clip) with the most singing. "
            "Every sound is made as loud as the mixture (BS.1770) by the dB told under it. “Target singer” is a clip "
            "of the singer who is imitated, other words and melody. “Remix” lays the converted voice over the "
            "accompaniment; it is in tune only if the key is kept (a shift of 0 or whole octaves). Spectrograms: "
            "0 to 4 kHz."
        )
    ]
    for caption, chosen in picks(order, count).items():
        rows = [(clip, list(_clips(sounds, (clip, condition), systems, measured, seconds))) for clip in chosen]
        if rows:
            blocks.append(Players(caption, heads, rows, item="Clip"))
    return blocks


def _clips(
    sounds: Sounds,
    place: tuple[str, str],
    systems: Sequence[str],
    measured: Mapping[tuple[str, str], Mapping[Any, Any]],
    seconds: float,
) -> Iterator[Clip]:
    """Yield the players of one clip.

    Args:
        sounds: the sounds.
        place: clip and condition.
        systems: names of the systems.
        measured: rows of scores by system and clip.
        seconds: length of the excerpt in seconds.
    """
    clip, condition = place
    mixture, voice = sounds.mixtures.wave(clip, condition), sounds.references.wave(clip)
    power = np.exp(2.0 * sounds.references.target(clip)[:, 1])
    start = most_singing(power, int(100 * seconds)) * RATE // 100
    here, level = slice(start, start + int(seconds * RATE)), _loudness(mixture)

    def player(name: str, wave: np.ndarray | None, words: Sequence[str] = (), part: slice = here) -> Clip:
        label = f"{name}, {clip}, {condition_name(condition)}"
        if wave is None or len(wave[part]) < 1024:
            return Clip(label, None)
        played, gain = matched(wave[part], level)
        figures = "; ".join(text.replace(" ", "\u00a0") for text in (f"level {gain:+.1f} dB", *words))
        sound = encode(to_pcm16(played[:, None]), RATE, "FLAC")
        return Clip(label, sound, spectrogram=spectrogram(played), figures=figures)

    yield player("Mixture", mixture)
    yield player("Source voice", voice)
    for system in systems:
        words = _figures(measured.get((system, clip)))
        yield player(name_of(system), sounds.made(system, clip, condition), words)
    yield player("Target singer", sounds.of_target(), part=slice(0, int(seconds * RATE)))
    mine = sounds.made(MAIN, clip, condition)
    mixed = condition != CLEAN and mine is not None
    yield player("Remix", remix(mixture, voice, mine) if mixed and mine is not None else None)


def _figures(row: Mapping[Any, Any] | None) -> Sequence[str]:
    """Return key-free error and key shift of one converted clip as text; nothing if there are none."""
    if row is None or not np.isfinite(float(row[KEYFREE])):
        return ()
    return (f"{figure(float(row[KEYFREE]), KEYFREE)} cents", f"shift {float(row['key_shift_cents']):+.0f} cents")


def melody_curves(
    sounds: Sounds, order: Sequence[str], condition: str, tracker: str
) -> dict[str, dict[str, np.ndarray]]:
    """Return F0 of source, target of the extractor and converted voice for the worst, the median and the best clip.

    Args:
        sounds: the sounds.
        order: clips from the worst to the best.
        condition: condition that is shown.
        tracker: judge that finds the melody of the converted voice (`data.pitch.trackers`).

    Returns:
        For each panel (its title) F0 in Hz on the melody grid by name of the curve, 0 where unvoiced.
    """
    if not order:
        return {}
    chosen = {"worst": order[0], "median": order[len(order) // 2], "best": order[-1]}
    found: dict[str, dict[str, np.ndarray]] = {}
    for place, clip in chosen.items():
        if any(title.endswith(f": {clip}") for title in found):
            continue
        curves = {"source (its clean voice)": sounds.references.tracked(clip).f0}
        melody, wave = sounds.melody(clip, condition), sounds.made(MAIN, clip, condition)
        if melody is not None:
            curves["found in the mixture"] = melody
        if wave is not None:
            curves["converted voice"] = np.maximum(track(tracker, wave)[0], 0)
        if len(curves) > 1:
            found[f"{place}: {clip}"] = curves
    return found
