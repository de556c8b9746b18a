"""Makes a version of a declared asset, audits it, and publishes it if all audits pass.

A version that fails an audit stays in the store but does not become current. The versions that an asset is made from
are compared with their records, and locked while it is made, so that they cannot be deleted meanwhile.
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
from assets.store.pointers import Slot, find, get, lock_path, pointed, publish, working
from assets.store.record import RUN, damage, damaged_files
from assets.store.versions import Making, Recipe, Version, make, set_aside
from data.errors import InputError
from data.execution import Execution, keep_here
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

        A version that was found finished and turns out to be damaged in an audit is set aside and made again. A
        champion is made only if the challenger is promoted; a damaged one is set aside first, and no longer compared
        with.

        Raises:
            InputError: an input has not been materialised or is damaged; a source file of the code has changed since
                this process started; or another process makes or changes the same version. The message says which. In
                a store that several machines share, also if one of them has published in the meantime.
        """
        with working(order.slot, self.say):
            return self._produce(order)

    def _produce(self, order: Order) -> Produced:
        """Do what `produce` does, within `working`."""
        inputs = self.inputs(order)
        with reading(lock_path(folder) for folder in _folders(inputs.values())):
            self._check_finished(inputs)
            decision = None
            if order.asset.decide is not None:
                former = self._champion(order)
                decision = order.asset.decide(order.run, inputs, former)
                if not decision.promoted:
                    return Produced(Version(former) if former else None, {}, published=True, decision=decision)
                inputs[FORMER] = former
            if order.asset.source is not None:
                inputs[order.asset.source.name] = order.asset.source.locate(order.run.environment, self.listener)
            version = self._make(order, inputs)
            findings, reason = self._audit(order, version)
            if reason:
                place = self._set_aside(order.slot, version.folder, reason)
                self.say(f"{order.slot.name}: the version {version.key} is damaged, set aside in {place}")
                version = self._make(order, inputs)
                findings, _ = self._audit(order, version)
        return Produced(version, findings, _passed(findings), decision)

    def _champion(self, order: Order) -> Path | None:
        """Return the folder of the present champion, None if there is none; a damaged one is set aside."""
        former = pointed(order.slot)
        if former is None or (reason := damage(former)) is None:
            return former
        place = self._set_aside(order.slot, former, reason)
        self.say(f"{order.slot.name}: the champion is damaged ({reason}), set aside in {place}")
        return None

    def _set_aside(self, slot: Slot, folder: Path, reason: str) -> Path:
        """Set a damaged version aside, also for the other machines that share the store; return its new folder."""
        if slot.remote is not None:
            slot.remote.set_aside(folder, reason)
        return set_aside(folder, reason)

    def inputs(self, order: Order) -> dict[str, Any]:
        """Return the inputs of an asset by name, in the form of `Work.inputs`, without its source.

        Raises:
            InputError: an input that is not optional has not been materialised, or an input is damaged.
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

        def again(reason: str) -> None:
            self.say(reason)
            self.provenance.load(asset)  # new processes import the files as they are now

        def work(folder: Path, earlier: tuple[Path, ...]) -> Summary:
            self.provenance.load(asset)
            with ExitStack() as stack:
                if asset.trains:
                    stack.enter_context(turn(environment.turns, order.slot.name, self.say))
                stack.enter_context(reading(map(lock_path, earlier)))
                execution = Execution(
                    folder,
                    self.listener,
                    environment.torch_device(),
                    recipe.code_version,
                    earlier,
                    environment.loading,
                    environment.judging,
                    environment.training_together() if asset.trains else 1,
                    keep_here if order.slot.remote is None else order.slot.remote.saved,
                )
                changes = f"{order.experiment}: {dict(order.run.overrides)}" if order.experiment else ""
                job = Work(execution, asset.config(order.run), environment, inputs, changes, again)
                return asset.function(job, **{name: inputs[name] for name in asset.parameters})

        notes = {
            "space": order.slot.space,
            "experiment": order.experiment,
            "overrides": dict(order.run.overrides),
            "provenance": self.provenance.of(asset),
        }
        return make(order.slot, recipe, Making(work, notes))

    def _audit(self, order: Order, version: Version) -> tuple[dict[str, Finding], str]:
        """Audit a version, and publish it if it passes; it is locked against deletion meanwhile.

        Returns:
            The result of every audit by name; and why the version is damaged, "" if it is not, or if it was just made.
            If an audit cannot read a damaged version, there are no results.
        """
        folder, audits = version.folder, order.asset.audits
        with reading([lock_path(folder)]):
            self._check_finished({"": folder})
            try:
                findings = {one.name: one.look(folder, order.run.environment) for one in audits}
            except InputError:
                found = damaged_files(folder, thorough=True) if version.reused else []
                if not found:
                    raise
                return {}, found[0]
            if _passed(findings):
                publish(order.slot, folder)
        failed = [f"{one.name}: {findings[one.name].advice}" for one in audits
                  if one.damage and not findings[one.name].passed]  # fmt: skip
        return findings, failed[0] if failed and version.reused else ""


def _passed(findings: Mapping[str, Finding]) -> bool:
    return all(one.passed for one in findings.values())


def _folders(inputs: Any) -> Iterator[Path]:
    """Yield the folders among the values of inputs, also those inside dictionaries of variants."""
    for one in inputs:
        if isinstance(one, Path):
            yield one
        elif isinstance(one, Mapping):
            yield from _folders(one.values())
