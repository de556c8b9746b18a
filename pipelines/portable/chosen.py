"""Finds the model to export: what the command line would play, with the folders of its networks and what it needs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from assets.champion import RECORD, history
from assets.conversion.champion import STAGES as CONVERSION
from assets.environment import Configuration
from assets.graph import Graph
from assets.separation.champion import SAMPLED
from assets.separation.champion import STAGES as SEPARATION
from assets.store.pointers import find, lock_path
from assets.store.versions import Version
from data.errors import InputError
from pipelines.definitions import make_graph
from pipelines.jobs import find_system
from pipelines.settings import Settings


@dataclass(frozen=True)
class Wish:
    """Which model of a system is to be exported.

    Attributes:
        system: name of the system.
        variant: name of its variant; "" for the main one. Conversion has none to export.
        method: for separation, "auto", "masks", "refine" or "diffusion"; "auto" for other systems.
        newest: the newest model instead of the champion.
    """

    system: str
    variant: str = ""
    method: str = "auto"
    newest: bool = False


@dataclass(frozen=True)
class Chosen:
    """A model to be exported.

    Attributes:
        system: name of the system.
        method: name of the script that uses it: "synthesis", "masks", "refine", "diffusion" or "conversion".
        stages: folder of each network in the store, by the name of its subfolder in the export; "" for none.
        assets: name of the asset that each network is a version of, by the name of its subfolder.
        versions: folders of the versions that must be locked while it is read.
        identity: text that holds the first 16 digits of the fingerprint of each of its networks.
        champion: whether it is the champion.
        told: what config.json says of it besides, as JSON values.
        requires: packages that its script needs.
    """

    system: str
    method: str
    stages: Mapping[str, Path]
    assets: Mapping[str, str]
    versions: tuple[Path, ...]
    identity: str
    champion: bool
    told: Mapping[str, Any]
    requires: tuple[str, ...] = ("torch", "soundfile")


def choose(settings: Settings, wish: Wish) -> Chosen:
    """Return the model to export.

    Raises:
        InputError: there is no such system, variant, method or model, or it rests on a published network that is not
            exported; the message says which.

    Example:
        >>> choose(Settings.read(), Wish("separation")).method
        'masks'
    """
    system = find_system(wish.system)
    if wish.variant and wish.variant not in system.variants:
        raise InputError(f"{wish.variant!r} is no variant of {wish.system}; there are {', '.join(system.variants)}")
    if wish.method != "auto" and (wish.system != "separation" or wish.method not in SEPARATION):
        raise InputError(f"--method {wish.method}: separation has auto, {', '.join(SEPARATION)}; others have none")
    return {"synthesis": _synthesis, "separation": _separation, "conversion": _conversion}[wish.system](settings, wish)


def _identity(versions: "tuple[Path, ...]", champion: bool) -> str:
    """Return the text that tells which networks a model consists of (`Chosen.identity`)."""
    if champion:
        return str(history(versions[0])[-1]["model"])
    return "-".join(Version(one).fingerprint[:16] for one in versions)


def _synthesis(settings: Settings, wish: Wish) -> Chosen:
    from data.nsynth.dataset import SAMPLE_RATE
    from models.synthesis.presets import VARIANTS
    from pipelines.synthesize import find_model

    variant = wish.variant or VARIANTS[0]
    model = find_model(settings, variant, newest=wish.newest)
    champion, versions = (model.folder / RECORD).is_file(), (model.folder,)
    return Chosen(
        "synthesis",
        "synthesis",
        {"": model.folder},
        {"": "synthesis_model"},
        versions,
        _identity(versions, champion),
        champion,
        {
            "variant": variant,
            "sample_rate": SAMPLE_RATE,
            "instruments": model.instruments,
            "velocities": model.velocities,
        },
    )


def _separation(settings: Settings, wish: Wish) -> Chosen:
    from models.separation.presets import CONDITIONS
    from pipelines.separate import Method
    from pipelines.separate import choose as choose_separation

    graph = make_graph(settings)
    variant = wish.variant or CONDITIONS[0]
    method = wish.method
    if method == "auto" and wish.newest:
        method = "masks"
    found = choose_separation(graph, Method(method, variant))
    if found.system not in SEPARATION:
        raise InputError(
            f"the champion is {found.system}, a published separator, which its authors give away; export a model that "
            f"was trained here with --method {' or '.join(SEPARATION)}"
        )
    if found.system in SAMPLED and not (found.folders["codec"] / "model.json").is_file():
        raise InputError(
            f"{found.folders['codec']}: a published codec, which needs the package transformers and is not exported; "
            "export the discriminative network with --method masks, or train a codec of your own"
        )
    told = {"variant": variant, "sampling": asdict(found.sampling)} if found.system in SAMPLED else {}
    return Chosen(
        "separation",
        found.system,
        found.folders,
        SEPARATION[found.system],
        found.versions,
        _identity(found.versions, found.champion),
        found.champion,
        told,
    )


def _conversion(settings: Settings, wish: Wish) -> Chosen:
    from data.files.checked_json import read_checked_json
    from models.conversion.frames import RATE
    from pipelines.convert import find_stages

    if wish.variant:
        raise InputError(f"--variant {wish.variant}: variants of conversion are no models of their own; leave it out")
    stages, versions = find_stages(make_graph(settings), newest=wish.newest)
    champion = (versions[0] / RECORD).is_file()
    folders = dict(zip(CONVERSION, stages.all(), strict=True))
    acoustic = read_checked_json(stages.acoustic / "model.json")
    heard = [read_checked_json(one / "model.json").get("encoder", {}) for one in (stages.melody, stages.content)]
    published = [one["name"] for one in heard if one.get("kind", "harmonic") != "harmonic"]
    return Chosen(
        "conversion",
        "conversion",
        folders,
        CONVERSION,
        versions,
        _identity(versions, champion),
        champion,
        {
            "sample_rate": RATE,
            "singers": acoustic["singers"],
            "target": acoustic["target"],
            "published_encoders": sorted(set(published)),
        },
        ("torch", "soundfile", *(["transformers"] if published else [])),
    )


def report_of(graph: Graph, chosen: Chosen) -> Path | None:
    """Return the folder of the current report if it is on this model; None if there is none, or on another model."""
    slot = graph.registry.assets[f"{chosen.system}_report"].slot(Configuration(graph.environment))
    folder = find(slot)
    if folder is None:
        return None
    inputs = Version(folder).record["inputs"]
    prints = [inputs.get(name) for name in chosen.assets.values()]
    same = all(isinstance(one, str) and one[:16] in chosen.identity for one in prints)
    return folder if same else None


def locks(chosen: Chosen) -> list[Path]:
    """Return the lock files that keep the model from being removed while it is read."""
    return [lock_path(one) for one in chosen.versions]
