"""Nightly retraining, declared: on its cron, what is stale, parents first, never two at once.

At the tick the sources are observed. From then until the end of the night every asset that is missing or stale is
requested, together with everything made from it, as one run. What is requested once is not requested again in the
same night, and nothing is requested while it is being made. Each system has one switch: its sensor, off until it
is turned on.
"""

import warnings
from datetime import UTC

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._utils.schedules import get_latest_completed_cron_tick

START, END = "0 2 * * *", "0 6 * * *"  # UTC
RUN_TAGS = {
    "tessitura/nightly": "yes",
    # A run whose process dies is started once more. A step that fails has its own retry: the two do not multiply.
    "dagster/max_retries": "1",
    "dagster/retry_on_asset_or_op_failure": "false",
}


class OutOfDate(dg.AutomationCondition):
    """True for an asset that is missing or stale, once every source it comes from was observed since the tick.

    Stale is what Dagster calls so: other code or configuration, or other data in what it is made from.
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
        """Tell whether every source that the asset comes from was observed since the tick."""
        view = context.asset_graph_view
        tick = get_latest_completed_cron_tick(START, view.effective_dt.astimezone(UTC), "UTC")
        ancestors = view.asset_graph.get_ancestor_asset_keys(context.key)
        for key in ancestors:
            if view.asset_graph.get(key).is_external:
                record = view.instance.get_latest_data_version_record(key, is_source=True)
                if record is None or (tick is not None and record.timestamp < tick.timestamp()):
                    return False
        return True


def source_condition() -> dg.AutomationCondition:
    """Return when a source is observed: at the tick."""
    return dg.AutomationCondition.cron_tick_passed(START)


def asset_condition() -> dg.AutomationCondition:
    """Return when an asset is requested: in the night, if it or something it is made from is out of date."""
    condition = dg.AutomationCondition
    handled = condition.newly_requested() | condition.cron_tick_passed(END)
    tonight = condition.cron_tick_passed(START).since(handled)
    due = OutOfDate() | condition.any_deps_match(condition.will_be_requested())
    busy = condition.in_progress() | condition.any_deps_in_progress()
    return (tonight & due & ~busy).with_label("stale tonight")


def nightly_sensor(system: str, selection: dg.AssetSelection, preset: str) -> dg.AutomationConditionSensorDefinition:
    """Return the switch of a system's nightly retraining."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)  # of conditions that are evaluated by our own code
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
