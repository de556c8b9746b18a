"""Declares assets: a function, its inputs, its part of the configuration, its audits.

    @stored_asset(config=lambda run: run.synthesis.wavenet_training, files=WEIGHTS, kinds={"pytorch"}, trains=True)
    def synthesis_wavenet(work: Work, nsynth_shards: Path) -> Summary:
        \"\"\"The baseline: a small WaveNet autoencoder.\"\"\"
        from models.synthesis.train_wavenet import train_wavenet

        return train_wavenet(work.execution, nsynth_shards, work.config)

The parameters after `work` are the inputs of the asset. Each is the name of another asset, and the function receives
the folder of that asset's version. `config` selects the part of the configuration that affects the asset. The function
receives only this part, so the same part identifies a version.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from assets.environment import DATA, EMBEDDED, Configuration, Environment
from assets.store.pointers import Slot
from data.configuration import decisive
from data.execution import Execution
from data.progress import Listener

Summary = Mapping[str, Any]
Shown = Mapping[str, Any]  # metadata for the web UI
IN_USE = "in use"  # suffix of the name of an input: the version in use that an experiment is compared with


@dataclass(frozen=True)
class Work:
    """The first argument of every asset function.

    Attributes:
        execution: output folder, device, listener that receives progress reports, code version.
        config: the asset's part of the configuration, as `StoredAsset.config` returns it.
        environment: settings that all assets share, such as the folder of downloads.
        inputs: every input by name. The value is the folder of its version, or None for an optional input that has
            not been made. For an input in `StoredAsset.all_variants` it is a dictionary of folders by variant; the
            main variant is "" and comes first. For a source it is what `Source.locate` returned.
        experiment: name and overrides of the experiment that the work is part of, as text; "" if it is part of none.
        again: callback that is told why a training of several processes begins again, before it does.
    """

    execution: Execution
    config: Any
    environment: Environment
    inputs: Mapping[str, Any]
    experiment: str = ""
    again: Callable[[str], None] = print

    def ingest(self, function: Callable[..., Any], location: str, *arguments: Any, **options: Any) -> Any:
        """Return `function(execution, *arguments, **options)`, which writes the recordings of a location as shards.

        Those from elsewhere are decoded in another process (`data.decoding`); with the location "" they were made here.
        """
        from data.decoding import in_a_child

        made = partial(in_a_child, function) if location else function
        return made(self.execution, *arguments, **options)

    def train(self, function: Callable[..., dict[str, float]], *arguments: Any) -> dict[str, float]:
        """Return `function(execution, *arguments)`, computed by as many processes as the settings say.

        It is a function of a module, and its arguments can be sent to another process (`train_together`).

        Example:
            >>> work.train(train_wavenet, nsynth_shards, work.config)
        """
        from models.training.together import train_together

        return train_together(function, self.execution, *arguments, again=self.again)


@dataclass(frozen=True)
class Finding:
    """The result of an audit.

    Attributes:
        passed: whether the version passed.
        metadata: numbers and texts for the web UI that support the result.
        advice: what the result means, or what the user can do about it.
    """

    passed: bool
    metadata: Mapping[str, Any]
    advice: str


@dataclass(frozen=True)
class Audit:
    """A check that a finished version must pass before it becomes the current version.

    Attributes:
        name: name of the check in the web UI.
        question: what must be true, as a sentence for the web UI.
        look: function that performs the check, given the folder of the version and the environment.
        damage: whether a failure means that the files were damaged after they were written. A version that was found
            in the store, not just made, is then set aside and made again.
    """

    name: str
    question: str
    look: Callable[[Path, Environment], Finding]
    damage: bool = False


@dataclass(frozen=True)
class Decision:
    """The result of a comparison of a challenger with the present champion.

    Attributes:
        promoted: whether the challenger becomes the champion.
        metadata: the reasons, for the web UI.
    """

    promoted: bool
    metadata: Mapping[str, Any]


FORMER = "former"  # name of the input of a new champion that holds the folder of the present one, or None


@dataclass(frozen=True)
class Source:
    """Raw data that come from outside the project: an observable asset in the Dagster graph.

    Attributes:
        name: name of the asset.
        description: one sentence for the web UI.
        setting: name of the field of `Environment` that holds the location of the data; the value "" selects the
            embedded data, which are generated on this machine.
        version: function that returns a text that identifies the present state of the data. It must be fast, so it
            does not read their content.
        locate: function that returns the raw data in the form that the asset function takes, such as a list of
            tracks. It generates or downloads them first if necessary.
    """

    name: str
    description: str
    setting: str
    version: Callable[[Environment], str]
    locate: Callable[[Environment, Listener], Any]


@dataclass(frozen=True)
class StoredAsset:
    """The declaration of an asset whose versions are kept in the store.

    Attributes:
        function: function that makes a version. Its name is the name of the asset, its docstring the description.
        config: function that returns the asset's part of the configuration of a run: a dataclass or plain values.
        files: names of the essential files; the fingerprint of a version is the hash of their content.
        kinds: labels in the web UI, such as "pytorch".
        trains: whether it must not run beside another asset with this flag. It then waits for its turn.
        variants: names of the ablation variants that it is made for, in addition to the main variant. Of an input
            without the variant, a variant is made from the main one.
        audits: checks that a version must pass before it becomes current.
        source: raw data that it is made from; None if it is made from other assets only.
        lineage: names of the inputs that its function reads from `work.inputs` instead of taking them as parameters.
        all_variants: names of the inputs of which it receives all variants made so far, not only the main variant.
        optional: names of the inputs that may be missing; the function is then given None.
        belongs: function that returns whether the preset of a run has the asset at all. Whatever is made from an asset
            that a preset may lack names it in `optional`.
        compared: names of the inputs of which an experiment also receives the version in use, as "NAME in use".
        show: function that returns metadata for the web UI, given the folder of a finished version.
        experiments: whether experiments make their own version of it.
        decide: for a champion, function that compares the challenger with it, given the run, the inputs and the folder
            of the present champion (None if there is none). If the challenger is not promoted, no version is made and
            the present champion stays current. None for all other assets.
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
    belongs: Callable[[Configuration], bool] = lambda run: True
    compared: tuple[str, ...] = ()
    show: Callable[[Path], Shown] = lambda folder: {}
    experiments: bool = True
    decide: Callable[[Configuration, Mapping[str, Any], Path | None], Decision] | None = None

    @property
    def name(self) -> str:
        """Name of the asset."""
        return self.function.__name__

    @property
    def description(self) -> str:
        """Description of the asset for the web UI: the docstring of its function."""
        return inspect.cleandoc(self.function.__doc__ or "")

    @property
    def group(self) -> str:
        """Group in the web UI: "data" for data sets, otherwise the system, "synthesis" or "separation"."""
        room = self.function.__module__.split(".")[1]
        return DATA if room == "datasets" else room

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters of the function, without `work`."""
        return tuple(inspect.signature(self.function).parameters)[1:]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the assets that it is made from, without its source."""
        own = (name for name in self.parameters if self.source is None or name != self.source.name)
        return (*own, *self.lineage)

    def space(self, environment: Environment) -> str:
        """Return the folder of the store that holds the asset: the name of the preset, or for data sets a common one.

        Data sets do not depend on the preset. They are in "data", or in "embedded" if they were generated.
        """
        if self.source is None:
            return environment.preset
        return DATA if getattr(environment, self.source.setting) else EMBEDDED

    def slot(self, run: Configuration, experiment: str = "") -> Slot:
        """Return the slot of the store that holds the asset's version for a run.

        Args:
            run: configuration of the run. Its variant is ignored if the asset has no such variant.
            experiment: name of the experiment, ignored for data sets; "" for the version in use.
        """
        environment = run.environment
        variant = run.variant if run.variant in self.variants else ""
        within = experiment if self.source is None else ""
        remote = None
        if environment.shared:
            from assets.store.remote.shared import connect

            remote = connect(environment.shared, environment.store, environment.cached_bytes)
        return Slot(environment.store, self.space(environment), self.name, variant, within, remote)

    def slice(self, run: Configuration) -> Any:
        """Return the values of the asset's part of the configuration that affect results, as JSON values."""
        return decisive(self.config(run))


def stored_asset(
    *,
    files: Sequence[str],
    kinds: set[str],
    config: Callable[[Configuration], Any] = lambda run: {},
    **options: Any,
) -> Callable[[Callable[..., Summary]], StoredAsset]:
    """Return a decorator that turns a function into a declared asset (example in the module docstring).

    Args:
        files: names of the essential files.
        kinds: labels in the web UI, such as "pytorch".
        config: function that returns the asset's part of the configuration of a run; by default no part.
        **options: other attributes of `StoredAsset`.
    """

    def declare(function: Callable[..., Summary]) -> StoredAsset:
        return StoredAsset(function, config, tuple(files), frozenset(kinds), **options)

    return declare


@dataclass(frozen=True)
class Registry:
    """A set of declared assets.

    Attributes:
        assets: the assets by name.
    """

    assets: Mapping[str, StoredAsset] = field(default_factory=dict)

    @classmethod
    def of(cls, *modules: Any) -> "Registry":
        """Return the assets that modules declare, in the order of the modules and of their declarations.

        An asset that a module only imports counts only if the module that declares it is given too.
        """
        found = [one for module in modules for one in vars(module).values() if isinstance(one, StoredAsset)]
        own = [one for one in found if one.function.__module__ in {module.__name__ for module in modules}]
        return cls({one.name: one for one in own})

    def within(self, run: Configuration) -> "Registry":
        """Return the assets that the preset of a run has."""
        return Registry({name: one for name, one in self.assets.items() if one.belongs(run)})

    @property
    def sources(self) -> dict[str, Source]:
        """Sources of all assets, by name of the source."""
        return {one.source.name: one.source for one in self.assets.values() if one.source is not None}
