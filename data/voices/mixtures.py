"""Writes the fixed evaluation set: clips of held-out singers, clean and with accompaniment, and the graded set.

    clean                       the voice alone
    snr15 snr10 snr5 snr0       the same with an accompaniment, at this ratio in dB on sung frames
    harmony reverb crowd        see `data.voices.conditions`
    separated                   the mixture at 5 dB after a separator, if one is given

All conditions of a clip have the same voice at the same level and, where there is one, the same accompaniment, so they
can be compared in pairs. Which accompaniment it is depends on a hash, not on the number of clips.

Shapes: T samples, N frames.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa

from data.errors import InputError
from data.execution import Execution
from data.files.audio import to_float, to_pcm16
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, write_units
from data.shards.writer import Record
from data.voices.conditions import ALONE, crowd
from data.voices.config import MixtureConfig
from data.voices.index import HOP, RATE, Clip, Voices

Separator = Callable[[np.ndarray], np.ndarray]  # from a mixture, (T,) at 16 kHz, to its vocals, (T,)
SEPARATED_SNR = 5.0
_FADE = RATE // 50


@dataclass(frozen=True)
class _Chosen:
    """A clip of the evaluation set and its accompaniment."""

    clip: Clip
    accompaniment: Clip
    others: tuple[Clip, ...]


def write_mixtures(
    execution: Execution, voices: Path, targets: Path, config: MixtureConfig, separator: Separator | None = None
) -> dict[str, int]:
    """Write the evaluation mixtures as shards; if it is killed and called again, it resumes.

    The id of a mixture is <clip>-<condition>; the columns are clip, singer, song, split, condition, accompaniment (its
    clip, "" if there is none) and genre (the layout that the accompaniment comes from, "" if there is none).

    Args:
        execution: output folder of the shards, and listener.
        voices: folder of the voices shards.
        targets: folder of their targets, whose voicing says which frames are sung.
        config: which mixtures.
        separator: takes a mixture, float32, (T,), 16 kHz, and returns its vocals; None leaves out "separated".

    Returns:
        Numbers of "clips", "mixtures", "accompaniments" and "singers".

    Raises:
        InputError: there is no clip with enough singing, or a split has no accompaniment.

    Example:
        >>> write_mixtures(Execution(Path("mixtures")), voices, targets, MixtureConfig())  # doctest: +SKIP
    """
    read, sung = Voices(voices), _Sung(targets)
    chosen = _choose(read, sung, config)
    names = conditions(config, separator)
    make = _Maker(read, sung, config, separator)
    units = [Unit(len(names), partial(make.records, one, names)) for one in chosen]
    labels = {f"{one.clip.id}-{name}": _label(one, name) for one in chosen for name in names}
    progress = Progress("mixtures", total=len(labels), unit="mixtures", listener=execution.listener)

    def annotate(rows: pa.Table) -> pa.Table:
        found = [labels[one] for one in rows["id"].to_pylist()]
        for name in found[0] if found else _label(chosen[0], "clean"):
            rows = rows.append_column(name, pa.array([one[name] for one in found], pa.string()))
        return rows

    write_units(execution.folder, units, progress, Labelling(annotate), SMALL_SHARD_BYTES)
    return {
        "clips": len(chosen),
        "mixtures": len(labels),
        "accompaniments": len({one.accompaniment.id for one in chosen}),
        "singers": len({one.clip.singer for one in chosen}),
    }


def conditions(config: MixtureConfig, separator: Separator | None = None) -> list[str]:
    """Return the names of the conditions, in the order of the shards."""
    graded = [*ALONE] if config.graded else []
    separated = ["separated"] if config.graded and separator is not None else []
    return ["clean", *(f"snr{ratio:g}" for ratio in config.snrs), *graded, *separated]


def is_mixed(condition: str) -> bool:
    """Return whether a condition has an accompaniment."""
    return condition.startswith("snr") or condition == "separated"


class _Sung:
    """Which samples of a clip are sung, by the voicing of its target."""

    def __init__(self, targets: Path) -> None:
        self._shards = Shards(targets)
        self._rows = {str(one): row for row, one in enumerate(self._shards.column("id"))}

    def frames(self, clip: Clip) -> np.ndarray:
        """Return which frames are sung, bool, (N,).

        Raises:
            InputError: the clip has no target.
        """
        if clip.id not in self._rows:
            raise InputError(f"{self._shards.folder}: no target of {clip.id}; make the targets of these voices anew")
        return self._shards.read(self._rows[clip.id])[:, 2] > 0

    def samples(self, clip: Clip) -> np.ndarray:
        """Return which samples are sung, bool, (T,)."""
        return np.repeat(self.frames(clip), HOP)[: clip.samples]


def _choose(voices: Voices, sung: _Sung, config: MixtureConfig) -> list[_Chosen]:
    """Return the clips of the set with their accompaniments.

    Raises:
        InputError: there is no clip with enough singing, or a split has no accompaniment.
    """
    found = []
    for split in config.splits:
        pool = voices.accompaniments(split)
        clips = [one for one in voices.sung(split) if sung.frames(one).sum() >= config.least_sung * RATE / HOP]
        if clips and not pool:
            raise InputError(f"{voices.shards.folder}: no accompaniment in the split {split!r}; add songs to it")
        for clip in _fewest(clips, config):
            draw = np.random.default_rng([config.seed, _number(clip.id)])
            strangers = [one for one in pool if one.id != clip.id and (not one.song or one.song != clip.song)]
            keeps = clip.accompaniment >= 0 and (draw.random() < config.own or not strangers)
            if not keeps and not strangers:
                raise InputError(f"{clip.id}: its split {split!r} has no accompaniment for it; add songs to the split")
            other = clip if keeps else strangers[int(draw.integers(len(strangers)))]
            voicing = [one for one in clips if one.singer != clip.singer] or [one for one in clips if one.id != clip.id]
            crowd_of = tuple(voicing[int(draw.integers(len(voicing)))] for _ in range(2 if voicing else 0))
            found.append(_Chosen(clip, other, crowd_of))
    if not found:
        raise InputError(
            f"{voices.shards.folder}: no clip of the splits {', '.join(config.splits)} has "
            f"{config.least_sung} s of singing; hold out more singers"
        )
    return found


def _fewest(clips: Sequence[Clip], config: MixtureConfig) -> list[Clip]:
    """Return at most `clips_per_singer` clips of each singer, in their order."""
    if not config.clips_per_singer:
        return list(clips)
    kept: set[str] = set()
    for singer in {one.singer for one in clips}:
        some = sorted((one.id for one in clips if one.singer == singer), key=_number)
        kept.update(some[: config.clips_per_singer])
    return [one for one in clips if one.id in kept]


def _number(text: str) -> int:
    """Return a number that depends on a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def _label(chosen: _Chosen, condition: str) -> dict[str, str]:
    """Return the label columns of a mixture."""
    clip, other = chosen.clip, chosen.accompaniment if is_mixed(condition) else None
    return {
        "clip": clip.id,
        "singer": clip.singer,
        "song": clip.song,
        "split": clip.split,
        "condition": condition,
        "accompaniment": other.id if other else "",
        "genre": other.layout if other else "",
    }


class _Maker:
    """Makes the mixtures of a clip."""

    def __init__(self, voices: Voices, sung: _Sung, config: MixtureConfig, separator: Separator | None) -> None:
        self._voices, self._sung, self._config, self._separator = voices, sung, config, separator

    def records(self, chosen: _Chosen, names: Sequence[str]) -> Iterator[Record]:
        """Yield the mixtures of a clip in the order of `names`."""
        clip, seed = chosen.clip, _number(chosen.clip.id)
        voice, sung = self._voices.wave(clip.voice), self._sung.samples(clip)
        level = np.sqrt(np.square(voice[sung], dtype=np.float64).mean())
        voice = voice * np.float32(10 ** (self._config.level / 20) / level)
        other = repeated(self._voices.wave(chosen.accompaniment.accompaniment), len(voice))
        for name in names:
            if name == "clean":
                wave = voice
            elif name == "crowd":
                wave = crowd(voice, seed, [self._voices.wave(one.voice) for one in chosen.others])
            elif name in ALONE:
                wave = ALONE[name](voice, seed)
            else:
                snr = SEPARATED_SNR if name == "separated" else float(name.removeprefix("snr"))
                wave = _within(mix(voice, other, sung, snr))
                if name == "separated" and self._separator is not None:
                    wave = np.asarray(self._separator(to_float(to_pcm16(wave))), np.float32)
            yield Record(f"{clip.id}-{name}", to_pcm16(_within(wave))[:, None], RATE, "mixture")


def mix(voice: np.ndarray, accompaniment: np.ndarray, sung: np.ndarray, snr: float) -> np.ndarray:
    """Return voice plus accompaniment at a ratio, float32, (T,); an accompaniment that is silent there is left as is.

    Args:
        voice: float32, (T,).
        accompaniment: float32, (T,).
        sung: bool, (T,): samples on which the ratio of both powers is set; at least one.
        snr: ratio in dB.

    Example:
        >>> mixture = mix(voice, accompaniment, np.ones(len(voice), bool), snr=0.0)  # doctest: +SKIP
    """
    power, other = (float(np.square(one[sung], dtype=np.float64).mean()) for one in (voice, accompaniment))
    gain = np.sqrt(power / other) * 10 ** (-snr / 20) if other > 0 else 1.0
    return voice + np.float32(gain) * accompaniment


def repeated(wave: np.ndarray, samples: int) -> np.ndarray:
    """Return a wave cut to `samples` samples, or repeated to last as long with 20 ms of cross-fade, float32."""
    fade = min(_FADE, len(wave) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    found = wave.astype(np.float32)
    while len(found) < samples:
        joint = found[len(found) - fade :] * (1 - ramp) + wave[:fade] * ramp
        found = np.concatenate([found[: len(found) - fade], joint, wave[fade:]])
    return found[:samples]


def _within(wave: np.ndarray) -> np.ndarray:
    """Return a wave scaled down to peak 1 if it exceeds it."""
    return wave / max(1.0, float(np.abs(wave).max(initial=0.0)))
