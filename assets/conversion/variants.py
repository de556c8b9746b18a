"""Tables of the variants that have been made so far, for the studies in the report."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from assets.conversion.scores import MELODY_SCORES, SCORES
from models.conversion.config import ConversionConfig
from models.conversion.presets import MAIN, variant

if TYPE_CHECKING:
    import pandas as pd

    from models.conversion.melody.config import MelodyTraining


def ablation(folders: Mapping[str, Path], config: ConversionConfig, encoder: str) -> "pd.DataFrame | None":
    """Return the melody scores of all extractors with what distinguishes them (`eval.conversion.studies.Studies`).

    Args:
        folders: folders of the melody scores by variant, "" for the main one, which comes first.
        config: configuration of the main variant.
        encoder: name of the encoder.

    Returns:
        The table; None if there is only one extractor.

    Example:
        >>> ablation({"": Path("main"), "last_layer": Path("last")}, PRESETS["small"], "trained here")
    """
    import pandas as pd

    from data.files.tables import read_frame

    frames = []
    for name, folder in folders.items():
        melody = variant(config, name or MAIN).melody
        layers, fft = melody.extractor.layers, melody.extractor.blocks > 0
        frame = read_frame(folder / MELODY_SCORES)
        frames.append(frame.assign(encoder=encoder, layers=layers, fft=fft, tuned=_tuned(melody)))
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else None


def _tuned(melody: "MelodyTraining") -> str:
    """Return in words how the encoder is fine-tuned."""
    if not melody.tuned:
        return "no"
    near = [what for what, weight in (("weights", melody.distance), ("layers", melody.replay)) if weight]
    return f"yes, near its {' and '.join(near)}" if near else "yes"


def compared(folders: Mapping[str, Path], names: Mapping[str, str]) -> "pd.DataFrame | None":
    """Return the conversion scores of the variants of one study, the main one first, with the column `variant`.

    Args:
        folders: folders of the scores by variant, "" for the main one.
        names: what the report calls each variant, the main one first.

    Returns:
        The table; None if no variant but the main one has been made.

    Example:
        >>> compared({"": Path("main"), "frozen_encoder": Path("frozen")}, FREEZING)
    """
    import pandas as pd

    from data.files.tables import read_frame

    places = {told: folders.get("" if name == MAIN else name) for name, told in names.items()}
    frames = [read_frame(folder / SCORES).assign(variant=told) for told, folder in places.items() if folder is not None]
    return pd.concat(frames, ignore_index=True) if len(frames) > 1 else None
