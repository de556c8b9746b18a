"""Studies of the conversion system: what the encoder's layers are worth, and what converting costs."""

from pathlib import Path

from assets.declaration import Summary, Work, stored_asset
from assets.display import table
from assets.store.versions import Version


@stored_asset(
    files=["weights.parquet"],
    kinds={"parquet"},
    show=lambda folder: {"layer weights": _shown(folder)},
)
def conversion_layer_weights(work: Work, conversion_encoder: Path, conversion_melody: Path) -> Summary:
    """Study: the weights of the encoder's layers in the melody extractor, before and after its training."""
    import pandas as pd

    from data.files.tables import write_frame
    from models.conversion.melody.load import layer_weights

    name = Version(conversion_encoder).record["summary"].get("published", "trained here")
    rows = [
        {"encoder": name, "stage": stage, "layer": layer, "weight": weight}
        for stage, weights in layer_weights(conversion_melody).items()
        for layer, weight in enumerate(weights)
    ]
    write_frame(work.execution.folder / "weights.parquet", pd.DataFrame(rows))
    return {"layers": len(rows) // 2}


def _shown(folder: Path) -> object:
    """Return the weights as a table for the web UI."""
    from data.files.tables import read_frame

    return table(read_frame(folder / "weights.parquet"))


@stored_asset(
    config=lambda run: {"device": run.environment.device},
    files=["cost.json"],
    kinds={"pytorch"},
    trains=True,
    lineage=(
        "voices_clips",
        "conversion_melody",
        "conversion_content",
        "conversion_acoustic",
        "conversion_tuned_vocoder",
    ),
)
def conversion_cost(work: Work) -> Summary:
    """Real-time factor of each stage and of the whole, memory against length, parameters, on this machine."""
    import torch

    from models.conversion.cost import write_cost
    from models.conversion.load import Stages, load_converter

    names = ("voices_clips", "conversion_melody", "conversion_content", "conversion_acoustic")
    stages = Stages(*(work.inputs[name] for name in names), work.inputs["conversion_tuned_vocoder"])
    return write_cost(work.execution, load_converter(stages, torch.device(work.execution.device)))
