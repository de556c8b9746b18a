"""Makes a version of a declared asset, audits it, and publishes it if all audits pass.

A version that fails an audit stays in the store but does not become current. The versions that an asset is made from
are locked while it is made, so that they cannot be deleted meanwhile.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assets.declaration import FORMER, IN_USE, Decision, Finding, Registry, StoredAsset, Summary, Work
from assets.environment import Configuration
from assets.provenance import Provenance
from assets.store.locks import reading, turn
from assets.store.pointers import RUN, Slot, find, get, lock_path, publish
from assets.store.versions import Making, Recipe, Version, make, set_aside
from data.errors import InputError
from data.execution import Execution
from data.progress import Listener


@dataclass(frozen=True)
class Order:
    """An asset to be made, with the configuration to use.

    Attributes:
        asset: the asset.
        run: configuration of the run.
        experiment: name of the experiment that the version belongs to; "" for the version in use.
    """

    asset: StoredAsset
    run: Configuration
    experiment: str = ""

    @property
    def slot(self) -> Slot:
        """The slot of the store that the version is published in."""
        return self.asset.slot(self.run, self.experiment)


@dataclass(frozen=True)
class Produced:
    """The result of an order.

    Attributes:
        version: the finished version; None only if a champion was ordered and there is none yet.
        findings: result of every audit, by name; empty for a champion that was not replaced.
        published: whether the version is now the current one of its slot; True also for a champion that was not
            replaced.
        decision: for a champion, whether the challenger was promoted; None for all other assets.
    """

    version: Version | None
    findings: Mapping[str, Finding]
    published: bool
    decision: Decision | None = None


class Workshop:
    """Makes assets.

    Attributes:
        registry: all declared assets.
        provenance: the code and the machine of this process.
        listener: callback that receives progress reports.
        say: callback that receives all other messages, one line of text each.

    Example:
        >>> workshop = Workshop(REGISTRY, Provenance(), print, print)
        >>> order = Order(REGISTRY.assets["nsynth_shards"], Configuration(environment))
        >>> workshop.produce(order).version.folder
    """

    def __init__(
        self, registry: Registry, provenance: Provenance, listener: Listener, say: Callable[[str], None]
    ) -> None:
        self.registry, self.provenance, self.listener, self.say = registry, provenance, listener, say

    def produce(self, order: Order) -> Produced:
        """Make the asset or find a finished version of it, audit the version, and publish it if all audits pass.

        A version that was found finished and fails an audit for damage is set aside and made again. A champion is
        made only if the challenger is promoted.

        Raises:
            InputError: an input has not been materialised; a source file of the code has changed since this process
                started; or another process makes or changes the same version. The message says which.
        """
        inputs = self.inputs(order)
        with reading(lock_path(folder) for folder in _folders(inputs.values())):
            self._check_finished(inputs)
            decision = None
            if order.asset.decide is not None:
                former = find(order.slot)
                decision = order.asset.decide(order.run, inputs, former)
                if not decision.promoted:
                    return Produced(Version(former) if former else None, {}, published=True, decision=decision)
                inputs[FORMER] = former
            if order.asset.source is not None:
                inputs[order.asset.source.name] = order.asset.source.locate(order.run.environment, self.listener)
            version, findings = self._finish(order, inputs)
            damaged = [one.name for one in order.asset.audits if one.damage and not findings[one.name].passed]
            if damaged and version.reused:
                place = set_aside(version.folder, f"{damaged[0]}: {findings[damaged[0]].advice}")
                self.say(f"{order.slot.name}: the version {version.key} is damaged, set aside in {place}")
                version, findings = self._finish(order, inputs)
        return Produced(version, findings, _passed(findings), decision)

    def inputs(self, order: Order) -> dict[str, Any]:
        """Return the inputs of an asset by name, in the form of `Work.inputs`, without its source.

        Raises:
            InputError: an input that is not optional has not been materialised.
        """
        found = {name: self._input(order, name) for name in order.asset.inputs}
        for name in order.asset.compared if order.experiment else ():
            slot = self.registry.assets[name].slot(order.run, order.experiment)
            found[f"{name} {IN_USE}"] = find(slot.in_use)
        return found

    def _input(self, order: Order, name: str) -> Any:
        if name in order.asset.optional and name not in self.registry.assets:
            return None  # the preset does not have it
        upstream = self.registry.assets[name]
        slot = upstream.slot(order.run, order.experiment if upstream.experiments else "")
        if name in order.asset.all_variants:
            main = get(slot)
            others = {one: find(replace(slot, variant=one, experiment="")) for one in upstream.variants}
            return {"": main, **{one: folder for one, folder in others.items() if folder is not None}}
        return find(slot) if name in order.asset.optional else get(slot)

    def _check_finished(self, inputs: Mapping[str, Any]) -> None:
        """Raise an error if a version was deleted or set aside after it was found and before it was locked."""
        for folder in _folders(inputs.values()):
            if not (folder / RUN).is_file():
                raise InputError(f"{folder}: was just taken away; run again")

    def recipe(self, order: Order, inputs: Mapping[str, Any]) -> Recipe:
        """Return what determines the content of the version, given its inputs (`Work.inputs`).

        An input without a version (None) is left out. A variant of an input is named "NAME VARIANT".
        """
        asset, found = order.asset, dict[str, Path | str]()
        for name, one in inputs.items():
            if asset.source is None or name != asset.source.name:
                some = one if isinstance(one, Mapping) else {"": one}
                found |= {f"{name} {key}".strip(): folder for key, folder in some.items() if folder is not None}
        if asset.source is not None:
            found[asset.source.name] = asset.source.version(order.run.environment)
        return Recipe(self.provenance.code_version(asset), asset.slice(order.run), found, asset.files)

    def _make(self, order: Order, inputs: Mapping[str, Any]) -> Version:
        """Make the version, or find it finished. It is not published."""
        asset, environment = order.asset, order.run.environment
        recipe = self.recipe(order, inputs)

        def work(folder: Path, earlier: tuple[Path, ...]) -> Summary:
            self.provenance.load(asset)
            with ExitStack() as stack:
                if asset.trains:
                    stack.enter_context(turn(environment.turns, order.slot.name, self.say))
                stack.enter_context(reading(map(lock_path, earlier)))
                execution = Execution(folder, self.listener, environment.torch_device(), recipe.code_version, earlier)
                changes = f"{order.experiment}: {dict(order.run.overrides)}" if order.experiment else ""
                job = Work(execution, asset.config(order.run), environment, inputs, changes)
                return asset.function(job, **{name: inputs[name] for name in asset.parameters})

        notes = {
            "space": order.slot.space,
            "experiment": order.experiment,
            "overrides": dict(order.run.overrides),
            "provenance": self.provenance.of(asset),
        }
        return make(order.slot, recipe, Making(work, notes))

    def _finish(self, order: Order, inputs: Mapping[str, Any]) -> tuple[Version, dict[str, Finding]]:
        """Make or find a version, audit it, and publish it if it passes; it is locked against deletion meanwhile."""
        version = self._make(order, inputs)
        with reading([lock_path(version.folder)]):
            self._check_finished({"": version.folder})
            findings = {one.name: one.look(version.folder, order.run.environment) for one in order.asset.audits}
            if _passed(findings):
                publish(order.slot, version.folder)
        return version, findings


def _passed(findings: Mapping[str, Finding]) -> bool:
    return all(one.passed for one in findings.values())


def _folders(inputs: Any) -> Iterator[Path]:
    """Yield the folders among the values of inputs, also those inside dictionaries of variants."""
    for one in inputs:
        if isinstance(one, Path):
            yield one
        elif isinstance(one, Mapping):
            yield from _folders(one.values())
