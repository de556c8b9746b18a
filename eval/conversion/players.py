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

from data.pitch.trackers import RATE, track
from eval.conversion.inputs import Made, Mixtures, References
from eval.conversion.measures import KEYFREE, figure
from eval.conversion.systems import CLEAN, MAIN, TEST, condition_name, name_of, scored, systems_of
from eval.report.blocks import Clip, Players, Text
from eval.report.document import Block
from eval.report.excerpts import extent, level_of, matched, most_energy, picks, player
from eval.report.numbers import number

_SECONDS = 6.0  # longest excerpt


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
    played, _ = matched(converted, level_of(inside, RATE), RATE)
    return (mixture - inside + played).astype(np.float32)


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
    amount = extent(len(heads), _SECONDS, RATE)
    part = scored(scores, TEST, [condition]).to_dict("records")
    measured = {(str(row["system"]), str(row["clip"])): row for row in part}
    blocks: list[Block] = [
        Text(
            f"Clips with the condition “{condition_name(condition)}”, ordered by the key-free F0RMSE of "
            f"{name_of(MAIN).lower()}. Of each, the {amount.seconds:.1f} s (or all of a shorter clip) with the most "
            "singing. Every sound is made as loud as the mixture (BS.1770) by the dB told under it. “Target singer” is "
            "a clip of the singer who is imitated, other words and melody. “Remix” lays the converted voice over the "
            "accompaniment; it is in tune only if the key is kept (a shift of 0 or whole octaves). Spectrograms: "
            "0 to 4 kHz."
        )
    ]
    for caption, chosen in picks(order, amount.rows, "clips", f"key-free F0RMSE of {name_of(MAIN).lower()}").items():
        rows = [(clip, list(_clips(sounds, (clip, condition), systems, measured, amount.seconds))) for clip in chosen]
        if rows:
            blocks.append(Players(caption, heads, rows, item="Clip"))
    return blocks


def clips_of(sounds: Sounds, clip: str, condition: str) -> list[Clip]:
    """Return players of one clip: the mixture, the main system, the source's voice, the target singer."""
    mixture, source, main, target, _ = _clips(sounds, (clip, condition), [MAIN], {}, _SECONDS)
    return [mixture, main, source, target]


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
    start = most_energy(power, int(100 * seconds)) * RATE // 100
    here, level = slice(start, start + int(seconds * RATE)), level_of(mixture, RATE)

    def clip_of(name: str, wave: np.ndarray | None, words: Sequence[str] = (), part: slice = here) -> Clip:
        label = f"{name}, {clip}, {condition_name(condition)}"
        return player(label, None if wave is None else wave[part, None], level, RATE, words)

    yield clip_of("Mixture", mixture)
    yield clip_of("Source voice", voice)
    for system in systems:
        words = _figures(measured.get((system, clip)))
        yield clip_of(name_of(system), sounds.made(system, clip, condition), words)
    yield clip_of("Target singer", sounds.of_target(), part=slice(0, int(seconds * RATE)))
    mine = sounds.made(MAIN, clip, condition)
    mixed = condition != CLEAN and mine is not None
    yield clip_of("Remix", remix(mixture, voice, mine) if mixed and mine is not None else None)


def _figures(row: Mapping[Any, Any] | None) -> Sequence[str]:
    """Return key-free error and key shift of one converted clip as text; nothing if there are none."""
    if row is None or not np.isfinite(float(row[KEYFREE])):
        return ()
    error, shift = figure(float(row[KEYFREE]), KEYFREE), number(float(row["key_shift_cents"]), digits=0, signed=True)
    return (f"key-free F0RMSE {error} cents", f"shift {shift} cents")


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
