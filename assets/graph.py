"""Converts the declared assets into Dagster definitions: assets, checks, partitions, observable sources.

The Dagster key of an asset starts with its space: "data/…" for data sets, "embedded/…" for those generated on this
machine, and the preset for all other assets, such as "small/synthesis_model". So every preset has its own history. The
variants of an ablation are partitions of separate assets, such as "small/ablations/synthesis_model". A partition exists
once somebody has asked for the variant (dynamic partitions), so what nobody asked for is not shown as missing. The
assets of the main graph have no partitions, so that one click materialises them.

The Dagster code version of an asset combines its code version with a hash of its part of the configuration. Its data
version is the fingerprint of its content. So Dagster shows exactly those assets as stale that would be made again.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from assets.declaration import Audit, Finding, Registry, Shown, Source, StoredAsset
from assets.display import files
from assets.environment import DATA, EMBEDDED, Configuration, Environment
from assets.production import Order, Produced, Workshop
from assets.progress import progress_listener
from assets.provenance import Provenance, commit_of
from assets.steps import reported_errors

OWNERS = ["team:tessitura"]
RETRY = dg.RetryPolicy(max_retries=1, delay=5)
TRAINING = "training"
ABLATIONS = "ablations"


@dataclass(frozen=True)
class Graph:
    """The declared assets in one environment.

    Attributes:
        registry: the declared assets.
        environment: the settings.
        provenance: the code and the machine of this process.
        automation: function that returns the automation condition of an asset or a source, given its name; None means
            no automation.
        deliver: function that is called when a run has made an asset or found it current, with the asset, the folder of
            its version and the name of the experiment ("" outside experiments). It hands the version on, such as a
            report to the folder of reports, and returns further metadata for the web UI.
        pool: Dagster's pool of the trainings; None where a training waits for its turn by the lock alone.
        tags: function that returns the tags of the op that makes an asset: what it needs of a machine.
        links: function that returns further metadata for the web UI when a source, given its name, was observed.

    Example:
        >>> graph = Graph(REGISTRY, environment, Provenance())
        >>> graph.key("synthesis_model")
        AssetKey(['demo', 'synthesis_model'])
    """

    registry: Registry
    environment: Environment
    provenance: Provenance
    automation: Callable[[str], "dg.AutomationCondition | None"] = lambda name: None
    deliver: Callable[[StoredAsset, Path, str], Shown] = lambda asset, folder, experiment: {}
    pool: str | None = TRAINING
    tags: Callable[[StoredAsset], Mapping[str, Any]] = lambda asset: {}
    links: Callable[[str], Shown] = lambda source: {}

    def op_tags(self, asset: StoredAsset) -> dict[str, Any]:
        """Return the tags of the op that makes an asset; trainings are marked, so that their number can be limited."""
        return {**self.tags(asset), **({f"tessitura/{TRAINING}": "yes"} if asset.trains else {})}

    def key(self, name: str, variant: bool = False) -> dg.AssetKey:
        """Return the Dagster key of an asset or a source.

        Args:
            name: name of the asset or source.
            variant: whether to return the key of the asset that holds the variants, if there are any.
        """
        asset = self.registry.assets.get(name)
        if asset is None:
            setting = self.registry.sources[name].setting
            return dg.AssetKey([DATA if getattr(self.environment, setting) else EMBEDDED, name])
        middle = [ABLATIONS] if variant and asset.variants else []
        return dg.AssetKey([asset.space(self.environment), *middle, name])

    def definitions(self) -> "list[dg.AssetsDefinition]":
        """Return the Dagster definitions of all sources, all assets, and all assets that hold variants."""
        found = [self._source(one) for one in self.registry.sources.values()]
        for asset in self.registry.assets.values():
            found.append(self._asset(asset))
            if asset.variants:
                found.append(self._asset(asset, variants=True))
        return found

    def _asset(self, asset: StoredAsset, *, variants: bool = False) -> dg.AssetsDefinition:
        """Return the Dagster definition of an asset, or of its variants as partitions."""
        key, named = self.key(asset.name, variants), asset.variants if variants else ("",)
        known = self.variants(asset.group)

        @dg.asset(
            key=key,
            deps=self._deps(asset, variants=variants),
            group_name=f"{asset.group}_{ABLATIONS}" if variants else asset.group,
            description=asset.description,
            kinds=set(asset.kinds),
            owners=OWNERS,
            code_version=self.code_version(asset, named),
            check_specs=[] if variants else [_spec(one, key) for one in asset.audits],
            partitions_def=dg.DynamicPartitionsDefinition(name=self.asked(asset.group)) if variants else None,
            retry_policy=RETRY,
            pool=self.pool if asset.trains else None,
            op_tags=self.op_tags(asset),
            automation_condition=None if variants else self.automation(asset.name),
        )
        def compute(context: dg.AssetExecutionContext) -> Iterator[Any]:
            variant = context.partition_key if variants else ""
            if variant and variant not in known:
                names = ", ".join(known)
                raise dg.Failure(f"{variant!r} is no variant of {asset.group}; there are {names}", allow_retries=False)
            if variants and variant not in asset.variants:
                yield dg.MaterializeResult(metadata={"made": f"nothing: {variant} is a variant of other assets only"})
                return
            listener = progress_listener(context, key, variant or None)
            workshop = Workshop(self.registry, self.provenance, listener, context.log.info)
            with reported_errors(context, self.environment):
                produced = workshop.produce(Order(asset, Configuration(self.environment, variant)))
                metadata = self.described(asset, produced)
            # Checks of partitions are a preview feature that Dagster warns of; a failed audit still fails the run.
            yield from _results(asset, produced, metadata, [] if variants else asset.audits)

        return compute

    def variants(self, group: str) -> list[str]:
        """Return the names of all variants of a system. All its assets with variants can have these as partitions.

        One job can so make a variant whole. An asset makes nothing for a variant that is not its own.
        """
        found = [name for one in self.registry.assets.values() if one.group == group for name in one.variants]
        return list(dict.fromkeys(found))

    def asked(self, group: str) -> str:
        """Return the name under which Dagster keeps the variants of a system that somebody has asked for."""
        return f"{self.environment.preset}_{group}_variants"

    def ask(self, instance: "dg.DagsterInstance", group: str, variants: "Iterable[str]") -> None:
        """Make partitions of variants of a system in a Dagster instance, unless they are there already.

        Example:
            >>> graph.ask(instance, "synthesis", ["waveform"])
        """
        if new := [one for one in variants if not instance.has_dynamic_partition(self.asked(group), one)]:
            instance.add_dynamic_partitions(self.asked(group), new)

    def _deps(self, asset: StoredAsset, *, variants: bool) -> list[Any]:
        """Return the dependencies of an asset; those of variants are the variants of its inputs, if they have any."""
        found: list[Any] = [self.key(asset.source.name)] if asset.source is not None else []
        for name in asset.inputs:
            if name in asset.optional and name not in self.registry.assets:
                continue  # the preset does not have it
            found.append(self.key(name, variants))
            others = self.registry.assets[name].variants
            if variants and others and not set(asset.variants) <= set(others):
                found.append(self.key(name))  # of which some of the variants are made
            if name in asset.all_variants and others:
                everything = dg.AllPartitionMapping()
                found.append(dg.AssetDep(self.key(name, variant=True), partition_mapping=everything))
        return found

    def described(self, asset: StoredAsset, produced: Produced, experiment: str = "") -> dict[str, Any]:
        """Return the metadata of a version for the web UI; a version that was published is delivered first.

        Args:
            asset: the asset.
            produced: the result of `Workshop.produce`.
            experiment: name of the experiment; "" for the version in use.
        """
        version = produced.version if produced.published else None
        delivered = {} if version is None else self.deliver(asset, version.folder, experiment)
        return {**delivered, **_described(asset, produced)}

    def _source(self, source: Source) -> dg.AssetsDefinition:
        """Return the Dagster definition of a source, without the warning that observable sources are in beta."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            return self._observable(source)

    def _observable(self, source: Source) -> dg.AssetsDefinition:
        spec = dg.AssetSpec(
            self.key(source.name),
            group_name=DATA,
            description=source.description,
            kinds={"source"},
            owners=OWNERS,
            automation_condition=self.automation(source.name),
        )

        # Of the two decorators for observable sources, this one knows owners.
        @dg.multi_observable_source_asset(specs=[spec], name=source.name)
        def observe(context: dg.AssetExecutionContext) -> dg.ObserveResult:
            with reported_errors(context, self.environment):
                version = source.version(self.environment)
            context.log.info(f"{source.name}: {version}")
            place = getattr(self.environment, source.setting) or "made here"
            shown = {"location": place, **self.links(source.name)}
            return dg.ObserveResult(data_version=dg.DataVersion(version), metadata=shown)

        return observe

    def code_version(self, asset: StoredAsset, variants: tuple[str, ...] = ("",)) -> str:
        """Return the Dagster code version of an asset, which tells Dagster whether the asset is stale.

        Args:
            asset: the asset.
            variants: variants whose configurations are part of it; "" is the main variant.

        Returns:
            "CODE.CONFIGURATION": the code version, and 8 hexadecimal digits of the hash of the configuration.
        """
        slices = [asset.slice(Configuration(self.environment, one)) for one in variants]
        decides = hashlib.sha256(json.dumps(slices, sort_keys=True).encode()).hexdigest()
        return f"{self.provenance.code_version(asset)}.{decides[:8]}"


def _spec(audit: Audit, key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(audit.name, asset=key, description=audit.question, blocking=True)


def _results(
    asset: StoredAsset, produced: Produced, metadata: dict[str, Any], audits: "tuple[Audit, ...] | list[Audit]"
) -> Iterator[Any]:
    """Yield the events for Dagster: the results of the audits, and a materialisation if the version was published.

    Raises:
        dagster.Failure: an audit failed, so the version did not become current.
    """
    checks = [_check(one.name, produced.findings[one.name]) for one in audits]
    if produced.published:
        yield dg.MaterializeResult(
            metadata=metadata,
            check_results=checks,
            data_version=dg.DataVersion(produced.version.fingerprint[:16] if produced.version else "none"),
        )
        return
    assert produced.version is not None, "only a champion may be missing, and it has no audits"
    yield from checks
    failed = [f"{name}: {one.advice}" for name, one in produced.findings.items() if not one.passed]
    raise dg.Failure(
        f"{asset.name} was made but is not current: it did not pass {'; '.join(failed)} "
        f"(it lies in {produced.version.folder})",
        allow_retries=False,
    )


def _check(name: str, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=finding.passed, check_name=name, metadata=dict(finding.metadata), description=finding.advice
    )


def _described(asset: StoredAsset, produced: Produced) -> dict[str, Any]:
    """Return the metadata of a version that tell of itself: summary, pictures, folder, commit and so on."""
    decided = dict(produced.decision.metadata) if produced.decision is not None else {}
    if produced.version is None:
        return decided
    version, record = produced.version, produced.version.record
    return {
        **decided,
        **{label: value for label, value in record["summary"].items() if value is not None},
        **asset.show(version.folder),
        "files": files(version.folder),
        "folder": dg.MetadataValue.path(version.folder),
        "version": version.key,
        "reused": version.reused,
        "seconds to make": record["seconds"],
        "commit": commit_of(record["provenance"]),
        "configuration": dg.MetadataValue.json({"config": record["config"]}),
    }
