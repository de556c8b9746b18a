"""Map of speaker embeddings: clean voices of singers and converted voices, and how far it can be trusted."""

from typing import Any

import numpy as np
import pandas as pd

from eval.conversion.systems import MAIN, TEST, name_of
from eval.metrics.tsne import knn_purity, tsne
from eval.report.document import Block, Map, Point

_MOST_SINGERS = 12
_LEAST = 4


def map_blocks(embeddings: pd.DataFrame, target: str, encoder: str) -> list[Block]:
    """Return a map of the singers as the speaker encoder hears them; nothing with fewer than four voices.

    Args:
        embeddings: rows of embeddings.parquet (`eval.conversion.score`). Shown are the clean voices of the target
            singer and of the test singers, and the test clips as the main system converted them.
        target: name of the target singer.
        encoder: name of the speaker encoder.
    """
    shown = chosen_rows(embeddings, target)
    if len(shown) < _LEAST:
        return []
    vectors = np.stack([np.asarray(one, float) for one in shown["embedding"]])
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found, groups = tsne(vectors), shown["group"].tolist()
    points = [
        Point(float(x), float(y), str(one["label"]), str(one["group"]))
        for (x, y), one in zip(found.points, shown.to_dict("records"), strict=True)
    ]
    clean = shown["kind"] == "voice"
    note = (
        f"t-SNE of {len(shown)} voices, perplexity {found.perplexity:.3g}, trustworthiness {found.trustworthiness:.2f}."
    )
    if clean.sum() >= 2:
        purity = knn_purity(vectors[clean.to_numpy()], [one for one, kept in zip(groups, clean, strict=True) if kept])
        note += (
            f" Of the {purity.neighbours} nearest clean voices of a clean voice {purity.purity:.0%} are of its singer "
            f"(by chance {purity.chance:.0%})."
        )
    caption = f"Singers as the speaker encoder hears them ({encoder}): clean voices, and converted ones."
    return [Map(caption, points, note)]


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
