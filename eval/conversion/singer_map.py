"""Map of speaker embeddings: clean voices of singers and converted voices, and how far it can be trusted."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from data.pitch.trackers import RATE
from eval.conversion.players import Sounds
from eval.conversion.systems import MAIN, TEST, name_of
from eval.metrics.tsne import knn_purity, tsne
from eval.report.document import Block
from eval.report.excerpts import most_energy, sketch
from eval.report.maps import Map, Point, Sound
from eval.report.numbers import percent

_MOST_SINGERS = 12
_MOST_HEARD = 60  # points with sounds
_SECONDS = 3.0
_LEAST = 4


def map_blocks(embeddings: pd.DataFrame, target: str, encoder: str, sounds: Sounds | None = None) -> list[Block]:
    """Return a map of the singers as the speaker encoder hears them; nothing with fewer than four voices.

    Args:
        embeddings: rows of embeddings.parquet (`eval.conversion.score`). Shown are the clean voices of the target
            singer and of the test singers, and the test clips as the main system converted them.
        target: name of the target singer.
        encoder: name of the speaker encoder.
        sounds: what a click on a point plays; None for silent points.
    """
    shown = chosen_rows(embeddings, target)
    if len(shown) < _LEAST:
        return []
    vectors = np.stack([np.asarray(one, float) for one in shown["embedding"]])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found, groups = tsne(vectors), shown["group"].tolist()
    heard = set(np.linspace(0, len(shown) - 1, min(_MOST_HEARD, len(shown))).round().astype(int).tolist())
    points = [
        Point(float(x), float(y), str(one["label"]), str(one["group"]),
              _heard(one, sounds) if sounds is not None and place in heard else ())
        for place, ((x, y), one) in enumerate(zip(found.points, shown.to_dict("records"), strict=True))
    ]  # fmt: skip
    clean = shown["kind"] == "voice"
    note = (
        f"t-SNE of {len(shown)} voices, perplexity {found.perplexity:.3g}, trustworthiness {found.trustworthiness:.2f}."
    )
    if clean.sum() >= 2:
        purity = knn_purity(vectors[clean.to_numpy()], [one for one, kept in zip(groups, clean, strict=True) if kept])
        note += (
            f" Of the {purity.neighbours} nearest clean voices of a clean voice {percent(purity.purity)} are of its "
            f"singer (by chance {percent(purity.chance)})."
        )
    note = (
        f"Clean voices, and converted ones, as the speaker encoder hears them ({encoder}). A click plays them. {note}"
    )
    return [Map("Whose voice does a converted voice sound like?", points, note)]


def _heard(row: Mapping[Any, Any], sounds: Sounds) -> list[Sound]:
    """Return what a point plays: the converted voice if it is one, and the clean voice of its clip."""
    clip, found = str(row["clip"]), []
    if row["kind"] == MAIN:
        wave = sounds.made(MAIN, clip, str(row["condition"]))
        found += [sketch(name_of(MAIN), _best_part(wave), RATE, _SECONDS)] if wave is not None else []
    voice = sounds.references.voices.clips.get(clip)
    if voice is not None and voice.voice >= 0:
        found.append(sketch("Clean voice", _best_part(sounds.references.wave(clip)), RATE, _SECONDS))
    return found


def _best_part(wave: np.ndarray) -> np.ndarray:
    """Return the three seconds of a voice, (T,), with the most energy."""
    start = most_energy(np.square(wave, dtype=np.float64), int(_SECONDS * RATE))
    return wave[start : start + int(_SECONDS * RATE)]


def chosen_rows(embeddings: pd.DataFrame, target: str) -> pd.DataFrame:
    """Return the rows that the map shows, with `group` and `label`; converted voices are a group of their own."""
    if not len(embeddings):
        return embeddings
    # The tables of several systems hold the same clean voices.
    embeddings = embeddings.drop_duplicates(["kind", "clip", "condition"])
    voices = embeddings["kind"] == "voice"
    made = (embeddings["kind"] == MAIN) & (embeddings["split"] == TEST)
    singers = list(dict.fromkeys(embeddings.loc[made, "singer"]))[: _MOST_SINGERS - 1]
    kept = embeddings[
        (voices & embeddings["singer"].isin([target, *singers])) | (made & embeddings["singer"].isin(singers))
    ]
    rows: list[dict[str, Any]] = []
    for one in kept.to_dict("records"):
        if one["kind"] == MAIN:
            told = {"group": f"{name_of(MAIN)}: converted", "label": f"{one['clip']}, converted from {one['singer']}"}
        else:
            singer = f"target: {one['singer']}" if one["singer"] == target else str(one["singer"])
            told = {"group": singer, "label": str(one["clip"])}
        rows.append({**{str(name): value for name, value in one.items()}, **told})
    return pd.DataFrame(rows)
