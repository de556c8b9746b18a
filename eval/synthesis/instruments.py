"""t-SNE map of the learnt instrument embeddings."""

from pathlib import Path

import numpy as np

from data.execution import Execution
from data.files.durable import write_bytes, write_json
from data.files.tables import write_frame
from data.shards.reader import Shards
from eval.metrics.tsne import knn_purity, tsne
from eval.report.figures import png, scatter


def write_map(execution: Execution, notes: Path, rows: np.ndarray) -> dict[str, float | int | str]:
    """Compute the map of the instruments that have training notes and write map.parquet, map.json and map.png.

    map.parquet has one row for each instrument: instrument, instrument_name, family, source, x, y. map.json holds the
    returned numbers. map.png shows the map.

    Args:
        execution: its folder receives the files.
        notes: shards of the recorded notes, for the names, families and sources of the instruments.
        rows: learnt embedding table, float, shape (instruments, D). Rows of instruments without training notes are left
            out.

    Returns:
        Settings of the map, its trustworthiness, and the purity of neighbourhoods in the embedding by family and by
        source, each with its value by chance.

    Raises:
        ValueError: fewer than 4 instruments have training notes.

    Example:
        >>> write_map(Execution(Path("map")), notes, instrument_rows(model))["family purity"]
    """
    shards = Shards(notes)
    chosen = shards.table.take(shards.rows(split="train")).select(["instrument", "instrument_name", "family", "source"])
    known = chosen.to_pandas().drop_duplicates("instrument").sort_values("instrument").reset_index(drop=True)
    embeddings = rows[known["instrument"]]
    families = known["family"].tolist()
    if len(known) < 4:
        raise ValueError(f"{len(known)} trained instruments are too few for a map; 4 at least")
    found = tsne(embeddings)
    family, source = knn_purity(embeddings, families), knn_purity(embeddings, known["source"].tolist())
    known[["x", "y"]] = found.points
    results = {
        "instruments": len(known),
        "dimensions": int(rows.shape[1]),
        "perplexity": round(found.perplexity, 3),
        "trustworthiness": found.trustworthiness,
        "trustworthiness neighbours": found.neighbours,
        "family purity": family.purity,
        "family purity by chance": family.chance,
        "source purity": source.purity,
        "source purity by chance": source.chance,
        "purity neighbours": family.neighbours,
        "seed": found.seed,
    }
    title = f"t-SNE of {len(known)} instrument embeddings, perplexity {found.perplexity:.3g}"
    write_bytes(
        execution.folder / "map.png", png(scatter(found.points, known["instrument_name"].tolist(), families, title))
    )
    write_json(execution.folder / "map.json", results)
    write_frame(execution.folder / "map.parquet", known)
    return results
