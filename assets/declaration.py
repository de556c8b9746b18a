"""How an asset is declared: a function, the folders it takes, its slice of the configuration, its audits.

    @stored_asset(config=lambda run: run.synthesis.fine_tuning, files=WEIGHTS, trains=True, audits=[FINITE])
    def synthesis_model(work: Work, nsynth_shards: Path, synthesis_autoencoder: Path) -> Summary:
        \"\"\"Stage 3: LSTM and decoder are trained together.\"\"\"
        from models.synthesis.train import fine_tune

        return fine_tune(work.execution, nsynth_shards, synthesis_autoencoder, work.config)

The parameters behind `work` are the lineage: each is the name of an asset, and the function gets the folder of
its version. What the configuration says of the asset is exactly what its function is given, so it is exactly
what a version is known by.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from assets.environment import DATA, EMBEDDED, Configuration, Environment
from assets.store.pointers import Slot
from data.configuration import decisive
from data.execution import Execution
from data.progress import Listener

Summary = Mapping[str, Any]
Shown = Mapping[str, Any]  # metadata for the web UI
IN_USE = "in use"  # behind the name of an input: the version in use, beside that of the experiment


@dataclass(frozen=True)
class Work:
    """What the function of an asset is given beside its inputs.

    Attributes:
        execution: the folder to write to, the device, who hears of the progress.
        config: the asset's slice of the configuration; nothing else of the configuration is to be had.
        environment: where data lie and downloads go.
        inputs: everything the asset is made from, by name: folders, or for `StoredAsset.all_variants` folders by
            variant, the main one, "", first.
        experiment: name and overrides of the experiment that this is part of, in words; "" where it is none.
    """

    execution: Execution
    config: Any
    environment: Environment
    inputs: Mapping[str, Any]
    experiment: str = ""


@dataclass(frozen=True)
class Finding:
    """What an audit found.

    Attributes:
        passed: whether all is well.
        metadata: numbers and texts that show it.
        advice: what it means, or what to do.
    """

    passed: bool
    metadata: Mapping[str, Any]
    advice: str


@dataclass(frozen=True)
class Audit:
    """A question that a finished version has to pass before it becomes current.

    Attributes:
        name: of the check in the web UI.
        question: what must be true, in words.
        look: is given the folder of the version and the environment.
        damage: whether a version that fails was damaged after it was made: one that was found finished is then set
            aside and made afresh.
    """

    name: str
    question: str
    look: Callable[[Path, Environment], Finding]
    damage: bool = False


@dataclass(frozen=True)
class Decision:
    """Whether a challenger takes the place of the champion, and why, as metadata for the web UI."""

    promoted: bool
    metadata: Mapping[str, Any]


FORMER = "former"  # name of the present champion among the inputs of the next


@dataclass(frozen=True)
class Source:
    """Data from outside: an observable asset in the graph.

    Attributes:
        name: of the asset.
        description: one sentence.
        setting: name of the setting that says where it lies; empty there means embedded data.
        version: returns the version of what lies there now, at once, without reading it.
        locate: returns where it lies, after making or downloading it if need be.
    """

    name: str
    description: str
    setting: str
    version: Callable[[Environment], str]
    locate: Callable[[Environment, Listener], Any]


@dataclass(frozen=True)
class StoredAsset:
    """An asset that the store keeps.

    Attributes:
        function: does the work; its name is the asset's, its docstring the description.
        config: returns its slice of the configuration: a dataclass or plain values.
        files: the files whose bytes are the fingerprint of a version.
        kinds: what it is made with, for the web UI.
        trains: whether it takes a turn among the trainings, one of which runs at a time.
        variants: rows of an ablation that it is made for as well, beside the main one.
        audits: what a version has to pass before it becomes current.
        source: the data from outside that it is made from, if it is.
        lineage: names of its inputs where its function takes them as `work.inputs`.
        all_variants: inputs of which every variant that has been made is taken, not only the main one.
        optional: inputs that need not have been made.
        compared: inputs of which an experiment takes the version in use as well, as "NAME in use".
        show: returns metadata of a finished folder for the web UI.
        experiments: whether experiments make it too.
        decide: of a champion: is given the run, the inputs and the folder of the present champion or None, and says
            whether a new one is made; if not, the present one stays current.
    """

    function: Callable[..., Summary]
    config: Callable[[Configuration], Any]
    files: tuple[str, ...]
    kinds: frozenset[str]
    trains: bool = False
    variants: tuple[str, ...] = ()
    audits: tuple[Audit, ...] = ()
    source: Source | None = None
    lineage: tuple[str, ...] = ()
    all_variants: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    show: Callable[[Path], Shown] = lambda folder: {}
    experiments: bool = True
    decide: Callable[[Configuration, Mapping[str, Any], Path | None], Decision] | None = None

    @property
    def name(self) -> str:
        """The name of the asset."""
        return self.function.__name__

    @property
    def description(self) -> str:
        """What it is, in words."""
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def group(self) -> str:
        """The room it is declared in: "data" for data sets, else the system."""
        room = self.function.__module__.split(".")[1]
        return DATA if room == "datasets" else room

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters of the function behind `work`."""
        return tuple(inspect.signature(self.function).parameters)[1:]

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the assets it is made from; a source is not among them."""
        own = (name for name in self.parameters if self.source is None or name != self.source.name)
        return (*own, *self.lineage)

    def space(self, environment: Environment) -> str:
        """Return its space: data sets live once, whatever the preset; embedded ones apart from real ones."""
        if self.source is None:
            return environment.preset
        return DATA if getattr(environment, self.source.setting) else EMBEDDED

    def slot(self, run: Configuration, experiment: str = "") -> Slot:
        """Return where it has the version that counts in a run."""
        environment = run.environment
        variant = run.variant if run.variant in self.variants else ""
        within = experiment if self.source is None else ""
        return Slot(environment.store, self.space(environment), self.name, variant, within)

    def slice(self, run: Configuration) -> Any:
        """Return what decides of the configuration, as plain values."""
        return decisive(self.config(run))


def stored_asset(
    *,
    files: Sequence[str],
    kinds: set[str],
    config: Callable[[Configuration], Any] = lambda run: {},
    **options: Any,
) -> Callable[[Callable[..., Summary]], StoredAsset]:
    """Declare an asset; the options are the other attributes of `StoredAsset`."""

    def declare(function: Callable[..., Summary]) -> StoredAsset:
        return StoredAsset(function, config, tuple(files), frozenset(kinds), **options)

    return declare


@dataclass(frozen=True)
class Registry:
    """All declared assets by name."""

    assets: Mapping[str, StoredAsset] = field(default_factory=dict)

    @classmethod
    def of(cls, *modules: Any) -> "Registry":
        """Return the assets declared in modules, in the order of their declaration."""
        found = [one for module in modules for one in vars(module).values() if isinstance(one, StoredAsset)]
        own = [one for one in found if one.function.__module__ in {module.__name__ for module in modules}]
        return cls({one.name: one for one in own})

    @property
    def sources(self) -> dict[str, Source]:
        """The sources of all assets by name."""
        return {one.source.name: one.source for one in self.assets.values() if one.source is not None}
