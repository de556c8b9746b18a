"""Studies of the conversion system: layer weights, length of fine-tuning, several target singers, cost."""

from pathlib import Path

from assets.declaration import Shown, Summary, Work, stored_asset
from assets.display import table
from assets.environment import Configuration
from assets.judging import judges, judging
from assets.store.versions import Version
from models.conversion.presets import LENGTHS

STUDY = "study.parquet"
_STAGES = ("conversion_melody", "conversion_content", "conversion_acoustic", "conversion_tuned_vocoder")


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


def _length(run: Configuration) -> dict[str, object]:
    """Return which weights of the training are compared, and how the content task finds its units."""
    melody, recogniser = run.conversion.melody, run.conversion.recogniser
    return {
        "snapshots": melody.snapshots,
        "steps": melody.fit.steps,
        "study": run.conversion.lengths,
        "units": recogniser.units,
        "seed": recogniser.fit.seed,
    }


def _errors(folder: Path) -> Shown:
    """Return the errors of the content task as a table for the web UI."""
    from data.files.tables import read_frame

    study = read_frame(folder / STUDY)
    return {"content task": table(study.groupby("steps")[["content_error"]].first().reset_index())}


@stored_asset(
    config=_length,
    files=[STUDY],
    kinds={"pytorch"},
    trains=True,
    variants=(LENGTHS,),
    lineage=("conversion_encoder", "conversion_melody"),
    show=_errors,
)
def conversion_length_study(
    work: Work, voices_clips: Path, conversion_targets: Path, conversion_mixtures: Path
) -> Summary:
    """Study: the melody extractor after more and more steps of fine-tuning, and what its encoder forgets.

    What it forgets is measured by a content task: how often a linear probe names the unit of sound from the encoder's
    layers. The main variant compares the encoder before and after the whole training; the variant "lengths" is a
    training that keeps its weights on the way.
    """
    from data.files.durable import read_json
    from data.files.tables import read_frame, write_frame
    from eval.conversion.melody_score import TABLE, score_melodies
    from eval.conversion.studies import length_scores
    from models.conversion.forgetting import ERRORS, Fitting, Trained, write_lengths

    inputs, config, folder = work.inputs, work.config, work.execution.folder
    folders = (inputs["conversion_encoder"], inputs["conversion_melody"])
    trained = Trained(*folders, config["snapshots"], config["steps"])
    fitting = Fitting(config["units"], config["seed"], config["study"].train, config["study"].valid)
    made = write_lengths(work.execution, voices_clips, conversion_mixtures, trained, fitting)
    score_melodies(work.execution, folder, conversion_mixtures, voices_clips, conversion_targets)
    errors = {int(steps): one for steps, one in read_json(folder / ERRORS)["errors"].items()}
    write_frame(folder / STUDY, length_scores(read_frame(folder / TABLE), errors))
    return made


def _several(run: Configuration) -> dict[str, object]:
    """Return the key policy, the size of the study, and what judges."""
    return {"key": run.conversion.key, "study": run.conversion.several, "judges": judging(run)}


def _targets(folder: Path) -> Shown:
    """Return the means of each target singer as a table for the web UI."""
    from data.files.tables import read_frame

    study = read_frame(folder / STUDY)
    shown = ["f0_rmse_cents_keyfree", "f0_corr", "speaker_target", "speaker_source", "nearer"]
    return {"means": table(study.groupby(["target", "condition"])[shown].mean().reset_index())}


@stored_asset(config=_several, files=[STUDY], kinds={"pytorch"}, trains=True, lineage=_STAGES, show=_targets)
def conversion_target_study(
    work: Work, voices_clips: Path, conversion_targets: Path, conversion_mixtures: Path
) -> Summary:
    """Study: a few test clips, converted by the one model to several singers of its training.

    Each converted voice is compared with the singer that it was converted to.
    """
    import torch

    from data.files.tables import read_frame, write_frame
    from eval.conversion.score import TABLE, ConversionInputs, score_converted
    from models.conversion.load import Stages, load_converter
    from models.conversion.several import write_several

    folder, config = work.execution.folder, work.config
    stages = Stages(*(work.inputs[name] for name in _STAGES))
    converter = load_converter(stages, torch.device(work.execution.device))
    folders = (voices_clips, conversion_mixtures)
    made = write_several(work.execution, folders, converter, config["key"], config["study"])
    inputs = ConversionInputs(folder, conversion_mixtures, voices_clips, conversion_targets)
    score_converted(work.execution, inputs, judges(work.environment))
    write_frame(folder / STUDY, read_frame(folder / TABLE).assign(system="proposed"))
    return {"mixtures": made["mixtures"], "singers": made["systems"]}


@stored_asset(
    config=lambda run: {"device": run.environment.device},
    files=["cost.json"],
    kinds={"pytorch"},
    trains=True,
    lineage=_STAGES,
)
def conversion_cost(work: Work) -> Summary:
    """Real-time factor of each stage and of the whole, memory against length, parameters, on this machine."""
    import torch

    from models.conversion.cost import write_cost
    from models.conversion.load import Stages, load_converter

    stages = Stages(*(work.inputs[name] for name in _STAGES))
    return write_cost(work.execution, load_converter(stages, torch.device(work.execution.device)))
