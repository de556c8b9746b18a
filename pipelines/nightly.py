"""Nightly retraining: requests stale assets and everything made from them, at most once per night.

It is declared with Dagster's automation conditions. At 2 o'clock UTC (`START`), the sources are observed. From then
until 6 o'clock (`END`), every asset that is missing or stale is requested as one run, together with everything made
from it; inputs are made first. An asset is not requested twice in a night, nor while it or one of its inputs is being
made. Each system has a sensor that switches its nightly retraining on; it is off by default.
"""

import warnings
from datetime import UTC

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._utils.schedules import get_latest_completed_cron_tick

START, END = "0 2 * * *", "0 6 * * *"  # UTC
RUN_TAGS = {
    "tessitura/nightly": "yes",
    # A run whose process dies is started once more. A failed step is retried by its own policy, not by a new run.
    "dagster/max_retries": "1",
    "dagster/retry_on_asset_or_op_failure": "false",
}


class OutOfDate(dg.AutomationCondition):
    """Condition that is true for a missing or stale asset, once all its sources were observed since the last tick.

    An asset is stale, in Dagster's sense, if its code, its configuration or the data of its inputs have changed.
    """

    @property
    def name(self) -> str:
        return "out_of_date"

    def evaluate(self, context: dg.AutomationContext) -> dg.AutomationResult:
        view = context.asset_graph_view
        resolver = CachingStaleStatusResolver(view.instance, view.asset_graph, view)
        true = self._observed(context) and resolver.get_status(context.key) is not StaleStatus.FRESH
        subset = context.candidate_subset if true else context.get_empty_subset()
        return dg.AutomationResult(context, true_subset=subset)

    def _observed(self, context: dg.AutomationContext) -> bool:
        """Return whether every source among the ancestors of the asset was observed since the last tick of `START`.

        Sources without a condition, which are not observed at night, do not count.
        """
        view = context.asset_graph_view
        tick = get_latest_completed_cron_tick(START, view.effective_dt.astimezone(UTC), "UTC")
        ancestors = view.asset_graph.get_ancestor_asset_keys(context.key)
        for key in ancestors:
            node = view.asset_graph.get(key)
            if node.is_external and node.automation_condition is not None:
                record = view.instance.get_latest_data_version_record(key, is_source=True)
                if record is None or (tick is not None and record.timestamp < tick.timestamp()):
                    return False
        return True


def source_condition() -> dg.AutomationCondition:
    """Return the condition on which a source is observed: at the tick of `START`."""
    return dg.AutomationCondition.cron_tick_passed(START)


def asset_condition() -> dg.AutomationCondition:
    """Return the condition on which an asset is requested: at night, if it or one of its inputs is out of date."""
    condition = dg.AutomationCondition
    handled = condition.newly_requested() | condition.cron_tick_passed(END)
    tonight = condition.cron_tick_passed(START).since(handled)
    due = OutOfDate() | condition.any_deps_match(condition.will_be_requested())
    busy = condition.in_progress() | condition.any_deps_in_progress()
    return (tonight & due & ~busy).with_label("stale tonight")


def nightly_sensor(system: str, selection: dg.AssetSelection, preset: str) -> dg.AutomationConditionSensorDefinition:
    """Return the sensor that switches the nightly retraining of a system on and off.

    Args:
        system: name of the system.
        selection: assets of the system, with their data and source.
        preset: name of the preset, a tag of the runs.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # sensors with conditions in user code are in beta
        return dg.AutomationConditionSensorDefinition(
            name=f"nightly_{system}",
            target=selection,
            run_tags={**RUN_TAGS, "tessitura/preset": preset},
            default_status=dg.DefaultSensorStatus.STOPPED,
            minimum_interval_seconds=30,
            use_user_code_server=True,
            description=f"Retrains the {system} system each night from 2 to 6 o'clock UTC: what is stale, and what is "
            "made from it. Off until you turn it on.",
        )
