"""From a declared asset to a version of it: inputs found, work done, audits passed, and only then current."""

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
    """What is to be made.

    Attributes:
        asset: which one.
        run: the configuration of the run.
        experiment: name of the experiment it is part of; "" for what is in use.
    """

    asset: StoredAsset
    run: Configuration
    experiment: str = ""

    @property
    def slot(self) -> Slot:
        """Where the asset has its version."""
        return self.asset.slot(self.run, self.experiment)


@dataclass(frozen=True)
class Produced:
    """What became of an order.

    Attributes:
        version: the finished version; None only of a champion that there is not yet.
        findings: of every audit, by name.
        published: whether it is now the one that counts.
        decision: of a champion, whether there is a new one.
    """

    version: Version | None
    findings: Mapping[str, Finding]
    published: bool
    decision: Decision | None = None


class Workshop:
    """Makes assets: knows which there are, what code this process runs, and whom to tell.

    Attributes:
        registry: all declared assets.
        provenance: the code and the machine of this process.
        listener: hears of the progress of the work.
        say: hears of everything else worth a line.
    """

    def __init__(
        self, registry: Registry, provenance: Provenance, listener: Listener, say: Callable[[str], None]
    ) -> None:
        self.registry, self.provenance, self.listener, self.say = registry, provenance, listener, say

    def produce(self, order: Order) -> Produced:
        """Make the asset, or find it made, let it pass its audits, and publish it if it does.

        A version that was found finished and fails an audit of damage is set aside and made afresh.

        Raises:
            InputError: an input has not been materialised, or the sources of the code changed since this process
                started; the message says which.
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
        """Return the inputs of an asset by name, but for its source: folders, variants by name, None.

        Raises:
            InputError: one that is needed has not been materialised.
        """
        found = {name: self._input(order, name) for name in order.asset.inputs}
        for name in order.asset.compared if order.experiment else ():
            slot = self.registry.assets[name].slot(order.run, order.experiment)
            found[f"{name} {IN_USE}"] = find(slot.in_use)
        return found

    def _input(self, order: Order, name: str) -> Any:
        upstream = self.registry.assets[name]
        slot = upstream.slot(order.run, order.experiment if upstream.experiments else "")
        if name in order.asset.all_variants:
            main = get(slot)
            others = {one: find(replace(slot, variant=one, experiment="")) for one in upstream.variants}
            return {"": main, **{one: folder for one, folder in others.items() if folder is not None}}
        return find(slot) if name in order.asset.optional else get(slot)

    def _check_finished(self, inputs: Mapping[str, Any]) -> None:
        """Refuse versions that were deleted or set aside between being found and being locked."""
        for folder in _folders(inputs.values()):
            if not (folder / RUN).is_file():
                raise InputError(f"{folder}: was just taken away; run again")

    def recipe(self, order: Order, inputs: Mapping[str, Any]) -> Recipe:
        """Return what decides the content of the asset, given its inputs."""
        asset, found = order.asset, dict[str, Path | str]()
        for name, one in inputs.items():
            if asset.source is None or name != asset.source.name:
                some = one if isinstance(one, Mapping) else {"": one}
                found |= {f"{name} {key}".strip(): folder for key, folder in some.items() if folder is not None}
        if asset.source is not None:
            found[asset.source.name] = asset.source.version(order.run.environment)
        return Recipe(self.provenance.code_version(asset), asset.slice(order.run), found, asset.files)

    def _make(self, order: Order, inputs: Mapping[str, Any]) -> Version:
        asset, environment = order.asset, order.run.environment
        recipe = self.recipe(order, inputs)

        def work(folder: Path, earlier: tuple[Path, ...]) -> Summary:
            self.provenance.load(asset)
            with ExitStack() as stack:
                if asset.trains:
                    stack.enter_context(turn(environment.turn, order.slot.name, self.say))
                stack.enter_context(reading(map(lock_path, earlier)))
                execution = Execution(folder, self.listener, environment.torch_device(), recipe.code_version, earlier)
                told = f"{order.experiment}: {dict(order.run.overrides)}" if order.experiment else ""
                job = Work(execution, asset.config(order.run), environment, inputs, told)
                return asset.function(job, **{name: inputs[name] for name in asset.parameters})

        notes = {
            "space": order.slot.space,
            "experiment": order.experiment,
            "overrides": dict(order.run.overrides),
            "provenance": self.provenance.of(asset),
        }
        return make(order.slot, recipe, Making(work, notes))

    def _finish(self, order: Order, inputs: Mapping[str, Any]) -> tuple[Version, dict[str, Finding]]:
        """Make a version or find it, audit it, and publish it if it passes; nobody deletes it meanwhile."""
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
    """Yield the folders among inputs."""
    for one in inputs:
        if isinstance(one, Path):
            yield one
        elif isinstance(one, Mapping):
            yield from _folders(one.values())
