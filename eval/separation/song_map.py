"""Map of excerpts of the test songs by their sound; it plays mixture, true vocals and what systems found."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch

from data.signal import log_power
from eval.metrics.tsne import knn_purity, tsne
from eval.report.document import Block
from eval.report.excerpts import sketch
from eval.report.maps import Map, Point, Sound
from eval.report.numbers import percent
from eval.separation.players import Sounds
from eval.separation.tables import name_of

_BANDS, _MOST, _MOST_PER_SONG = 24, 60, 8  # bands; excerpts on the map; excerpts of a song
_SECONDS = 3.0
_LEAST_TSNE = 8
_COLOURED = 7  # songs; where there are more, colours tell how well they are separated
_THIRDS = ("lowest third by uSDR", "middle third", "highest third by uSDR")


def song_map_blocks(sounds: Sounds, tracks: pd.DataFrame, order: Sequence[str], systems: Sequence[str]) -> list[Block]:
    """Return the map of excerpts of 3 s of the test songs; nothing for fewer than three excerpts.

    Excerpts are near each other if their mixtures sound alike: mean and deviation over time of the log power in 24
    bands, standardised over the excerpts. They are placed by t-SNE, fewer than eight along their two principal axes.
    Of each song those with the most singing are shown: eight, and fewer where there are so many songs that the map
    would have more than 60 points. Up to seven songs have a colour each; the colours of more tell their uSDR.

    Args:
        sounds: true sources and estimates.
        tracks: one row per (system, song), as `eval.separation.tables.by_track` returns it.
        order: names of the songs, from the lowest to the highest uSDR of the last of `systems`; at most 60 are shown.
        systems: names of the systems that are played.
    """
    places = np.linspace(0, len(order) - 1, min(_MOST, len(order))).round().astype(int).tolist()
    chosen: list[str] = [order[int(one)] for one in places]
    count = min(_MOST_PER_SONG, _MOST // max(1, len(chosen)))
    found = [(song, *one) for song in chosen for one in _excerpts(sounds, song, systems, count)]
    if len(found) < 3:
        return []
    few = len(chosen) <= _COLOURED
    groups = dict(zip(chosen, chosen, strict=True)) if few else _thirds(tracks, systems[-1])
    features = np.stack([one[2] for one in found])
    scaled = (features - features.mean(0)) / np.where((spread := features.std(0)) > 0, spread, 1.0)
    positions, how = _placed(scaled)
    points = [
        Point(float(x), float(y), f"{song}, from {start:g} s", groups[song], heard)
        for (x, y), (song, start, _, heard) in zip(positions, found, strict=True)
    ]
    note = (
        f"{len(points)} excerpts of {_SECONDS:g} s; those whose mixtures sound alike are near each other ({how} of "
        f"mean and deviation of the log power in {_BANDS} bands). A click plays one, as loud as it is. "
    )
    if not few:
        note += f"Colours: thirds of the songs by uSDR of {name_of(systems[-1])}."
        return [Map("Which songs sound alike, and does the separation fail on the same kind?", points, note)]
    if len(chosen) > 1 and count > 1:
        near = knn_purity(scaled, [song for song, *_ in found])
        note += (
            f"Of the {near.neighbours} nearest excerpts of an excerpt {percent(near.purity)} are of its song "
            f"(by chance {percent(near.chance)})."
        )
    return [Map("Which parts of the songs sound alike, and what is found in them?", points, note)]


def _thirds(tracks: pd.DataFrame, system: str) -> dict[str, str]:
    """Return the third that each song belongs to, by the uSDR of a system; songs without a value are in the lowest."""
    values = tracks[tracks["system"] == system].set_index("track")["uSDR"]
    rank = values.rank(pct=True, method="first").fillna(0.0)
    return {str(song): _THIRDS[min(2, int(3 * max(0.0, float(one) - 1e-9)))] for song, one in rank.items()}


def _excerpts(
    sounds: Sounds, track: str, systems: Sequence[str], count: int
) -> list[tuple[float, np.ndarray, list[Sound]]]:
    """Return start in seconds, features (48,) and sounds of the excerpts of a song with the most singing, in order."""
    vocals, rest = (sounds.part(track, source) for source in ("vocals", "accompaniment"))
    rate, mixture = sounds.sample_rate, vocals + rest
    waves = [("Mixture", mixture)]
    for system in systems[::-1]:
        if (made := sounds.estimate(system, track)) is not None:
            waves.append((f"{name_of(system)}: vocals", made))
    waves.append(("True vocals", vocals))
    length = min(int(_SECONDS * rate), len(vocals))
    starts = np.arange(0, len(vocals) - length + 1, length)
    sung = [float(np.square(vocals[one : one + length], dtype=np.float64).sum()) for one in starts]
    found = []
    for start in sorted(starts[np.argsort(sung)[::-1][:count]]):
        here = slice(start, start + length)
        heard = [sketch(name, wave[here], rate, _SECONDS) for name, wave in waves]
        found.append((start / rate, _features(mixture[here].mean(1)), heard))
    return found


def _features(wave: np.ndarray) -> np.ndarray:
    """Return mean and deviation over time of the log power of a sound, (T,), in bands that widen upwards, (48,)."""
    power = log_power(torch.from_numpy(np.ascontiguousarray(wave, np.float32))).numpy()  # (F, N)
    edges = np.unique(np.geomspace(1, len(power), _BANDS + 1).round().astype(int))
    bands = np.stack([power[low:high].mean(0) for low, high in pairwise(edges)])
    full = np.zeros((_BANDS, bands.shape[1]))
    full[: len(bands)] = bands
    return np.concatenate([full.mean(1), full.std(1)])


def _placed(features: np.ndarray) -> tuple[np.ndarray, str]:
    """Return a place of each excerpt, (excerpts, 2), and how it was found."""
    if len(features) >= _LEAST_TSNE:
        found = tsne(features)
        return found.points, f"t-SNE, perplexity {found.perplexity:.3g}, trustworthiness {found.trustworthiness:.2f},"
    axes, lengths, _ = np.linalg.svd(features, full_matrices=False)
    return axes[:, :2] * lengths[:2], "the two principal axes"
