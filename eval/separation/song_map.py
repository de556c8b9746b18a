"""Map of the test songs by the timbre of their mixtures; it plays mixture, true vocals and what systems found."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch

from data.signal import log_power
from eval.metrics.tsne import tsne
from eval.report.document import Block
from eval.report.excerpts import most_energy, sketch
from eval.report.maps import Map, Point, Sound
from eval.separation.players import Sounds
from eval.separation.tables import name_of

_BANDS, _MOST = 24, 60
_SECONDS, _LISTENED = 3.0, 20.0  # that are played, and that decide the place of a song
_LEAST, _LEAST_TSNE = 3, 8
_THIRDS = ("lowest third by uSDR", "middle third", "highest third by uSDR")


def song_map_blocks(sounds: Sounds, tracks: pd.DataFrame, order: Sequence[str], systems: Sequence[str]) -> list[Block]:
    """Return the map of the test songs; nothing for fewer than three.

    Songs are near each other if their mixtures sound alike: mean and deviation over time of the log power in 24 bands
    of the loudest 20 s, standardised over the songs. They are placed by t-SNE, fewer than eight along their two
    principal axes.

    Args:
        sounds: true sources and estimates.
        tracks: one row per (system, song), as `eval.separation.tables.by_track` returns it.
        order: names of the songs, from the lowest to the highest uSDR of the last of `systems`; at most 60 are shown.
        systems: names of the systems that are played.
    """
    places = np.linspace(0, len(order) - 1, min(_MOST, len(order))).round().astype(int).tolist()
    chosen: list[str] = [order[int(one)] for one in places]
    if len(chosen) < _LEAST:
        return []
    values = tracks[tracks["system"] == systems[-1]].set_index("track")["uSDR"]
    rank = values.rank(pct=True, method="first").fillna(0.0)
    songs = [_song(sounds, one, systems) for one in chosen]
    positions, how = _placed(np.stack([features for features, _ in songs]))
    points = [
        Point(float(x), float(y), song, _THIRDS[min(2, int(3 * max(0.0, float(rank[song]) - 1e-9)))], heard)
        for (x, y), song, (_, heard) in zip(positions, chosen, songs, strict=True)
    ]
    note = (
        f"Songs whose mixtures sound alike are near each other ({how} of mean and deviation of the log power in "
        f"{_BANDS} bands). Colours: thirds of the songs by uSDR of {name_of(systems[-1])}. A click plays the "
        f"{_SECONDS:g} s with the most singing, as loud as they are."
    )
    return [Map("Which songs sound alike, and does the separation fail on the same kind?", points, note)]


def _song(sounds: Sounds, track: str, systems: Sequence[str]) -> tuple[np.ndarray, list[Sound]]:
    """Return the features of a song, (48,), and what its point plays."""
    vocals, rest = (sounds.part(track, source) for source in ("vocals", "accompaniment"))
    rate, mixture = sounds.sample_rate, vocals + rest
    start = most_energy(np.square(vocals, dtype=np.float64).sum(1), int(_SECONDS * rate))
    here = slice(start, start + int(_SECONDS * rate))
    found = [sketch("Mixture", mixture[here], rate, _SECONDS)]
    for system in systems[::-1]:
        if (made := sounds.estimate(system, track)) is not None:
            found.append(sketch(f"{name_of(system)}: vocals", made[here], rate, _SECONDS))
    found.append(sketch("True vocals", vocals[here], rate, _SECONDS))
    mono = mixture.mean(1)
    start = most_energy(np.square(mono, dtype=np.float64), int(_LISTENED * rate))
    return _features(mono[start : start + int(_LISTENED * rate)]), found


def _features(wave: np.ndarray) -> np.ndarray:
    """Return mean and deviation over time of the log power of a sound, (T,), in bands that widen upwards, (48,)."""
    power = log_power(torch.from_numpy(np.ascontiguousarray(wave, np.float32))).numpy()  # (F, N)
    edges = np.unique(np.geomspace(1, len(power), _BANDS + 1).round().astype(int))
    bands = np.stack([power[low:high].mean(0) for low, high in pairwise(edges)])
    full = np.zeros((_BANDS, bands.shape[1]))
    full[: len(bands)] = bands
    return np.concatenate([full.mean(1), full.std(1)])


def _placed(features: np.ndarray) -> tuple[np.ndarray, str]:
    """Return a place of each song, (songs, 2), and how it was found."""
    spread = features.std(0)
    scaled = (features - features.mean(0)) / np.where(spread > 0, spread, 1.0)
    if len(scaled) >= _LEAST_TSNE:
        found = tsne(scaled)
        return found.points, f"t-SNE, perplexity {found.perplexity:.3g}, trustworthiness {found.trustworthiness:.2f},"
    axes, lengths, _ = np.linalg.svd(scaled, full_matrices=False)
    return axes[:, :2] * lengths[:2], "the two principal axes"
