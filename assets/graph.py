"""The declared assets as Dagster knows them: definitions, materialisations, checks, observations.

The key of an asset is (space, name): data sets are "data/…", or "embedded/…" where they were made here, and
everything else has the preset in front, "small/synthesis_model". So every preset has a history of its own. The
rows of an ablation are partitions of assets of their own, "small/ablations/synthesis_model"; what the main graph
holds has no partitions and can be materialised by a click.

The Dagster code version of an asset is the version of its code and of its slice of the configuration; its data
version is the fingerprint of its content. So Dagster shows as stale exactly what would be made anew.
"""

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import dagster as dg

from assets.declaration import Audit, Finding, Registry, Source, StoredAsset
from assets.environment import DATA, EMBEDDED, Configuration, Environment
from assets.production import Order, Produced, Workshop
from assets.progress import progress_listener
from assets.provenance import Provenance, commit_of
from data.errors import PermanentError

OWNERS = ["team:tessitura"]
RETRY = dg.RetryPolicy(max_retries=1, delay=5)
TRAINING = "training"
ABLATIONS = "ablations"


@dataclass(frozen=True)
class Graph:
    """All declared assets in one environment.

    Attributes:
        registry: the declared assets.
        environment: the settings.
        provenance: the code that this process runs.
        automation: returns the automation condition of an asset or source, by the system it belongs to.
    """

    registry: Registry
    environment: Environment
    provenance: Provenance
    automation: Callable[[str], "dg.AutomationCondition | None"] = lambda group: None

    def key(self, name: str, variant: bool = False) -> dg.AssetKey:
        """Return the key of an asset or source, or of its family of variants."""
        asset = self.registry.assets.get(name)
        if asset is None:
            setting = self.registry.sources[name].setting
            return dg.AssetKey([DATA if getattr(self.environment, setting) else EMBEDDED, name])
        middle = [ABLATIONS] if variant and asset.variants else []
        return dg.AssetKey([asset.space(self.environment), *middle, name])

    def definitions(self) -> "list[dg.AssetsDefinition]":
        """Return every asset, every family of variants, and every source."""
        found = [self._source(one) for one in self.registry.sources.values()]
        for asset in self.registry.assets.values():
            found.append(self._asset(asset))
            if asset.variants:
                found.append(self._asset(asset, variants=True))
        return found

    def _asset(self, asset: StoredAsset, *, variants: bool = False) -> dg.AssetsDefinition:
        key, named = self.key(asset.name, variants), asset.variants if variants else ("",)

        @dg.asset(
            key=key,
            deps=self._deps(asset, variants=variants),
            group_name=f"{asset.group}_{ABLATIONS}" if variants else asset.group,
            description=asset.description,
            kinds=set(asset.kinds),
            owners=OWNERS,
            code_version=self.code_version(asset, named),
            check_specs=[] if variants else [_spec(one, key) for one in asset.audits],
            partitions_def=dg.StaticPartitionsDefinition(list(asset.variants)) if variants else None,
            retry_policy=RETRY,
            pool=TRAINING if asset.trains else None,
            op_tags={f"tessitura/{TRAINING}": "yes"} if asset.trains else None,
            automation_condition=None if variants else self.automation(asset.group),
        )
        def compute(context: dg.AssetExecutionContext) -> Iterator[Any]:
            variant = context.partition_key if variants else ""
            listener = progress_listener(context, key, variant or None)
            workshop = Workshop(self.registry, self.provenance, listener, context.log.info)
            with permanent_errors():
                produced = workshop.produce(Order(asset, Configuration(self.environment, variant)))
            # Partitions have no checks in Dagster that would not warn of a preview: a failed audit says so itself.
            yield from _results(asset, produced, [] if variants else asset.audits)

        return compute

    def _deps(self, asset: StoredAsset, *, variants: bool) -> list[Any]:
        """Return the dependencies of an asset: of a family of variants the families of its inputs, where there are."""
        found: list[Any] = [self.key(asset.source.name)] if asset.source is not None else []
        for name in asset.inputs:
            found.append(self.key(name, variants))
            if name in asset.all_variants and self.registry.assets[name].variants:
                everything = dg.AllPartitionMapping()
                found.append(dg.AssetDep(self.key(name, variant=True), partition_mapping=everything))
        return found

    def _source(self, source: Source) -> dg.AssetsDefinition:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.BetaWarning)
            return self._observable(source)

    def _observable(self, source: Source) -> dg.AssetsDefinition:
        @dg.observable_source_asset(
            key=self.key(source.name),
            group_name=DATA,
            description=source.description,
            automation_condition=self.automation(source.name),
        )
        def observe(context: dg.OpExecutionContext) -> dg.DataVersion:
            with permanent_errors():
                version = source.version(self.environment)
            context.log.info(f"{source.name}: {version}")
            return dg.DataVersion(version)

        return observe  # type: ignore[return-value]

    def code_version(self, asset: StoredAsset, variants: tuple[str, ...] = ("",)) -> str:
        """Return what Dagster compares: the version of the code, and the hash of what the configuration decides."""
        slices = [asset.slice(Configuration(self.environment, one)) for one in variants]
        decides = hashlib.sha256(json.dumps(slices, sort_keys=True).encode()).hexdigest()
        return f"{self.provenance.code_version(asset)}.{decides[:8]}"


def _spec(audit: Audit, key: dg.AssetKey) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(audit.name, asset=key, description=audit.question, blocking=True)


def _results(asset: StoredAsset, produced: Produced, audits: "tuple[Audit, ...] | list[Audit]") -> Iterator[Any]:
    """Yield what Dagster is told: the findings, and a materialisation unless one of them stands against it.

    Raises:
        dagster.Failure: an audit failed, so the version did not become current.
    """
    checks = [_check(one.name, produced.findings[one.name]) for one in audits]
    if produced.published:
        yield dg.MaterializeResult(
            metadata=described(asset, produced),
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


def described(asset: StoredAsset, produced: Produced) -> dict[str, Any]:
    """Return a version as metadata for the web UI."""
    decided = dict(produced.decision.metadata) if produced.decision is not None else {}
    if produced.version is None:
        return decided
    version, record = produced.version, produced.version.record
    return {
        **decided,
        **{label: value for label, value in record["summary"].items() if value is not None},
        **asset.show(version.folder),
        "folder": dg.MetadataValue.path(version.folder),
        "version": version.key,
        "reused": version.reused,
        "seconds to make": record["seconds"],
        "commit": commit_of(record["provenance"]),
        "configuration": dg.MetadataValue.json({"config": record["config"]}),
    }


@contextmanager
def permanent_errors() -> Iterator[None]:
    """Turn an error that lasts, or a signal to stop, into a failure that is not retried.

    Raises:
        dagster.Failure: with the error's message.
    """
    try:
        yield
    except PermanentError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError) as error:
        raise dg.Failure("stopped by a signal", allow_retries=False) from error
