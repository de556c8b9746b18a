"""Separates the vocals of any music file with a trained system from the store, or with a published one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.champion import RECORD
from assets.environment import Configuration, Environment
from assets.graph import Graph
from assets.separation.champion import STAGES
from assets.store.locks import reading
from assets.store.pointers import find, get, lock_path
from data.errors import InputError
from data.files.audio import WRITTEN
from data.files.checked_json import read_checked_json
from data.files.readers import open_sound
from data.files.targets import check_target
from data.progress import Listener, ignore
from models.separation.config import Sampling
from models.separation.presets import CONDITIONS
from models.separation.published.separators import SEPARATORS
from pipelines.definitions import make_graph
from pipelines.settings import Settings

if TYPE_CHECKING:
    import numpy as np

    from models.separation.separate import Separator

AUTO = "auto"
SYSTEMS = (AUTO, *STAGES, *SEPARATORS)


@dataclass(frozen=True)
class Method:
    """How to separate.

    Attributes:
        system: "masks" (the discriminative network), "refine" (its estimates refined by diffusion), "diffusion"
            (latent diffusion), the name of a published separator,
            or "auto": the champion, which was best on the validation songs, or "masks" where there is none yet; but
            "diffusion" where one of its options is given.
        condition: for diffusion, how the denoiser is conditioned on the mixture, one of `CONDITIONS`.
        steps: for diffusion and refine, number of DDIM steps; None takes the number of the preset.
        draws: for diffusion and refine, number of samples whose mean is the result; None takes one.
    """

    system: str = AUTO
    condition: str = CONDITIONS[0]
    steps: int | None = None
    draws: int | None = None

    def check(self) -> None:
        """Check the values.

        Raises:
            InputError: a value is not allowed; the message names it and the allowed values.
        """
        if self.system not in SYSTEMS:
            raise InputError(f"{self.system!r} is no system; there are {', '.join(SYSTEMS)}")
        if self.condition not in CONDITIONS:
            raise InputError(f"{self.condition!r} is no conditioning; there are {', '.join(CONDITIONS)}")
        for name in ("steps", "draws"):
            if (count := getattr(self, name)) is not None and count < 1:
                raise InputError(f"{count} {name}; at least one is needed")


@dataclass(frozen=True)
class _Chosen:
    """A system that was chosen.

    Attributes:
        system: its name.
        folders: folder of each of its stages (`assets.separation.champion.STAGES`); none for a published separator.
        versions: folders of the versions that must be locked while it is loaded.
        sampling: settings of latent diffusion.
        champion: whether it is the champion.
    """

    system: str
    folders: dict[str, Path]
    versions: tuple[Path, ...]
    sampling: Sampling
    champion: bool = False


def choose(graph: Graph, method: Method) -> _Chosen:
    """Return the system of a method.

    Raises:
        InputError: a stage of the system has not been materialised.
    """
    variant = method.condition if method.condition != CONDITIONS[0] else ""
    run, system = Configuration(graph.environment, variant), method.system
    if system == AUTO and (variant or method.steps is not None or method.draws is not None):
        system = "diffusion"
    sampling = run.separation.refining if system == "refine" else run.separation.sampling
    asked = {name: count for name in ("steps", "draws") if (count := getattr(method, name)) is not None}
    sampling = replace(sampling, **asked)
    if system == AUTO:
        champion = find(graph.registry.assets["separation_champion"].slot(Configuration(graph.environment)))
        if champion is not None:
            told = read_checked_json(champion / RECORD)
            folders = {place: champion / place for place in STAGES.get(told["system"], {})}
            return _Chosen(told["system"], folders, (champion,), Sampling(**told["sampling"]), champion=True)
        system = "masks"
    folders = {place: get(graph.registry.assets[name].slot(run)) for place, name in STAGES.get(system, {}).items()}
    return _Chosen(system, folders, tuple(folders.values()), sampling)


def _load(chosen: _Chosen, environment: Environment, listener: Listener) -> "Separator":
    """Load a system; the weights of a published one are downloaded if neither a file nor a download is there."""
    import torch

    from models.separation.load import trained_diffusion, trained_mask_network, trained_refiner
    from models.separation.published.separator_networks import load_separators

    folders, name = chosen.folders, chosen.system
    device = torch.device(environment.torch_device())
    if name in SEPARATORS:
        files = [one for one in environment.separators.split(",") if one.strip().partition("=")[0] == name]
        return load_separators(files[0] if files else name, environment.downloads, device, listener)[name]
    if name == "masks":
        return trained_mask_network(folders["masks"], device)
    if name == "refine":
        return trained_refiner((folders["codec"], folders["masks"], folders["refiner"]), chosen.sampling, device)
    return trained_diffusion(folders["codec"], folders["denoiser"], chosen.sampling, device)


@dataclass(frozen=True)
class TrainedSeparator:
    """A separation system that separates arrays of samples.

    Attributes:
        separator: the system.
        system: its name, one of `SYSTEMS`.
        champion: whether it is the champion.

    Example:
        >>> song, sample_rate = soundfile.read("song.wav")
        >>> vocals = load_separator().vocals(song, sample_rate)
    """

    separator: "Separator"
    system: str
    champion: bool

    def vocals(self, song: "np.ndarray", sample_rate: int, listener: Listener = ignore) -> "np.ndarray":
        """Return the vocals of a song, float32, with the song's shape and sample rate.

        Args:
            song: float, (T,) or (T, K), full scale [-1, 1].
            sample_rate: sample rate of the song in Hz.
            listener: receives progress reports, in chunks.

        Raises:
            InputError: the song has another shape, no sample or one that is not finite, or the rate is not positive.
        """
        from models.separation.files import separate_wave

        return separate_wave(song, sample_rate, self.separator, listener)


def load_separator(
    settings: Settings | None = None, method: Method | None = None, listener: Listener = ignore
) -> TrainedSeparator:
    """Return the separation system in use, ready to separate arrays of samples.

    Args:
        settings: the settings, which name the store and the preset; those of this environment by default.
        method: system and its options; the champion by default, or the newest masks where there is none yet.
        listener: receives progress reports of a download.

    Raises:
        InputError: there is no such system, conditioning or trained model.

    Example:
        >>> song, sample_rate = soundfile.read("song.wav")
        >>> vocals = load_separator().vocals(song, sample_rate)
    """
    method = method or Method()
    method.check()
    graph = make_graph(settings or Settings.read())
    chosen = choose(graph, method)
    with reading(lock_path(one) for one in chosen.versions):
        return TrainedSeparator(_load(chosen, graph.environment, listener), chosen.system, chosen.champion)


def separate(settings: Settings, source: Path, target: Path, method: Method, listener: Listener) -> dict[str, Any]:
    """Separate the vocals of a music file and write them as a file of the same length, rate and channels.

    Args:
        settings: the settings, which name the store and the preset.
        source: music file of any length, sample rate and number of channels.
        target: WAV or FLAC file to write; its folder is created if necessary.
        method: system and its options.
        listener: receives progress reports.

    Returns:
        "input", "output", "system", "champion" (whether the system is the champion), "model" (folder of the model; ""
        for a published separator), and "seconds", "sample_rate" (Hz) and "channels" of the file.

    Raises:
        InputError: the file cannot be read, the target cannot be written or is the source, or there is no such system,
            conditioning or trained model. All of that is checked before the work.

    Example:
        >>> separate(Settings.read(), Path("song.mp3"), Path("vocals.wav"), Method("masks"), print)
    """
    method.check()
    with open_sound(source):
        target = check_target(target, WRITTEN, source)

    from models.separation.files import separate_file

    graph = make_graph(settings)
    chosen = choose(graph, method)
    with reading(lock_path(one) for one in chosen.versions):
        done = separate_file(source, target, _load(chosen, graph.environment, listener), listener)
    model = str(chosen.versions[-1]) if chosen.versions else ""
    what = {"system": chosen.system, "champion": chosen.champion, "model": model}
    return {"input": str(source), "output": str(target), **what, **done}
