"""What the conversion systems make of the evaluation set: melodies, converted voices, and copies."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.conversion.stages import INDEX, WHOLE, separating
from assets.declaration import Summary, Work, stored_asset
from assets.environment import Configuration
from models.conversion.presets import EXTRACTORS
from models.separation.published.separators import identities

if TYPE_CHECKING:
    from models.conversion.baselines import Separating

_PROPOSED = "proposed"
_STAGES = ("conversion_melody", "conversion_content", "conversion_acoustic", "conversion_tuned_vocoder")


@stored_asset(files=INDEX, kinds={"pytorch"}, trains=True, variants=EXTRACTORS)
def conversion_melodies(work: Work, conversion_mixtures: Path, conversion_melody: Path) -> Summary:
    """Melodies that the melody extractor finds in the evaluation mixtures."""
    import torch

    from models.conversion.baselines import extracting
    from models.conversion.estimates import write_melodies
    from models.conversion.melody.load import load_extractor

    extractor = load_extractor(conversion_melody, torch.device(work.execution.device))
    return write_melodies(work.execution, conversion_mixtures, {_PROPOSED: extracting(extractor)})


@stored_asset(config=lambda run: {"trackers": run.conversion.trackers}, files=INDEX, kinds={"python"}, trains=True)
def conversion_baseline_melodies(work: Work, conversion_mixtures: Path) -> Summary:
    """Melodies that packaged pitch trackers find in the same mixtures."""
    from models.conversion.baselines import tracking
    from models.conversion.estimates import write_melodies

    return write_melodies(work.execution, conversion_mixtures, {one: tracking(one) for one in work.config["trackers"]})


@stored_asset(
    config=lambda run: {"key": run.conversion.key},
    files=INDEX,
    kinds={"pytorch"},
    trains=True,
    variants=WHOLE,
    lineage=_STAGES,
)
def conversion_converted(work: Work, conversion_mixtures: Path) -> Summary:
    """The voices in the mixtures, converted to the target singer."""
    import torch

    from models.conversion.baselines import proposed
    from models.conversion.estimates import write_converted
    from models.conversion.load import Stages, load_converter

    stages = Stages(*(work.inputs[name] for name in _STAGES))
    converter = load_converter(stages, torch.device(work.execution.device))
    systems = {_PROPOSED: proposed(converter, work.config["key"])}
    return write_converted(work.execution, conversion_mixtures, systems)


def _baselines(run: Configuration) -> dict[str, Any]:
    """Return key policy, trackers and published separators of the baselines, and the conditions they are judged in."""
    conversion = run.conversion
    return {
        "key": conversion.key,
        "original": conversion.baseline_tracker,
        "crepe": conversion.crepe,
        "separators": identities(run.environment.separators),
        "conditions": ("clean", *(f"snr{ratio:g}" for ratio in conversion.mixtures.snrs)),
    }


@stored_asset(
    config=_baselines,
    files=INDEX,
    kinds={"pytorch"},
    trains=True,
    lineage=(
        "voices_clips",
        "conversion_melody",
        "conversion_content",
        "conversion_pitched_acoustic",
        "conversion_vocoder",
    ),
)
def conversion_baseline_converted(work: Work, conversion_mixtures: Path, separation_mask_network: Path) -> Summary:
    """The same voices, converted by the baselines (pitch of the mixture, CREPE, separation and CREPE), and copied.

    Published separators separate too, each as a baseline of its own, if TESSITURA_SEPARATORS names any.
    """
    import torch

    from models.conversion.baselines import by_tracker, copy_source
    from models.conversion.estimates import Selection, write_converted
    from models.conversion.load import Stages, load_converter

    inputs, config = work.inputs, work.config
    names = ("conversion_melody", "conversion_content", "conversion_pitched_acoustic", "conversion_vocoder")
    stages = Stages(*(inputs[name] for name in names))
    converter = load_converter(stages, torch.device(work.execution.device))
    key, separators = config["key"], _separators(work, separation_mask_network)
    systems = {
        "original": by_tracker(converter, config["original"], key),
        "crepe": by_tracker(converter, config["crepe"], key),
        **{name: by_tracker(converter, config["crepe"], key, one) for name, one in separators.items()},
        "copy_source": copy_source(inputs["voices_clips"]),
    }
    return write_converted(work.execution, conversion_mixtures, systems, Selection(("test",), config["conditions"]))


def _separators(work: Work, network: Path) -> "dict[str, Separating]":
    """Return what separates before CREPE hears, by the name of the baseline: our network, and published ones.

    Args:
        work: the work of the asset; its environment names the published separators.
        network: folder of our discriminative network.
    """
    import torch

    from models.conversion.baselines import by_separator
    from models.separation.estimates import separating as system
    from models.separation.published.separator_networks import load_separators

    device, environment = torch.device(work.execution.device), work.environment
    published = load_separators(environment.separators, environment.downloads, device, work.execution.listener)
    return {
        "separated_crepe": separating(network, work.execution.device),
        **{f"separated_crepe_{name}": by_separator(system(one)) for name, one in published.items()},
    }


@stored_asset(files=INDEX, kinds={"pytorch"}, trains=True)
def conversion_copies(work: Work, voices_clips: Path, conversion_vocoder: Path) -> Summary:
    """Copies of held-out voices from their mel spectrograms, by the vocoder and by Griffin-Lim."""
    from models.conversion.copies import write_copies

    return write_copies(work.execution, voices_clips, conversion_vocoder)
