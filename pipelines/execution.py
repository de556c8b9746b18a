"""Executes runs with one process per step, at most two at a time, and a lock that shows whether the run is alive.

Each run of this code location holds a lock and has a tag with the name of the lock, however it was launched. So a run
whose process was killed can be distinguished from one that is still running (`pipelines.recovery`).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.execution.retries import RetryMode

from pipelines.alive import hold
from pipelines.recovery import tag_of

# Steps are forked from a server process that has imported the project and what most steps need already: torch and its
# optimisers alone take 6 to 15 s of a core. Importing them starts no GPU, which no fork survives, and no threads but
# those of OpenBLAS, which are started anew after a fork.
_PRELOADED = ["pipelines.definitions", "torch", "torch._dynamo"]
_CONFIG: dict[str, Any] = {"max_concurrent": 2, "start_method": {"forkserver": {"preload_modules": _PRELOADED}}}


class LivingExecutor(dg.Executor):
    """Executor that passes a run to another executor and holds the lock of the run to the end of the process."""

    def __init__(self, inner: dg.Executor, home: Path) -> None:
        self._inner, self._home = inner, home

    @property
    def retries(self) -> RetryMode:
        return self._inner.retries

    def execute(self, plan_context: Any, execution_plan: Any) -> Iterator[Any]:
        """Execute the run and yield its events.

        The lock is kept until the process ends: Dagster writes the end of the run after this function.
        """
        hold(self._home, plan_context.run_id)
        plan_context.instance.add_run_tags(plan_context.run_id, tag_of(plan_context.run_id))
        yield from self._inner.execute(plan_context, execution_plan)


def make_executor(home: Path, trainings: int = 1) -> dg.ExecutorDefinition:
    """Return the executor of one process per step on this machine.

    Args:
        home: folder in which the lock files of the runs are kept.
        trainings: how many trainings of a run may go on at a time, whatever the Dagster instance allows.
    """
    inner = dg.multiprocess_executor
    limits = [{"key": "tessitura/training", "value": "yes", "limit": trainings}]
    ours = {**_CONFIG, "max_concurrent": max(2, trainings), "tag_concurrency_limits": limits}

    @dg.executor(
        name="processes",
        config_schema=inner.config_schema,
        requirements=dg.multiple_process_executor_requirements(),
    )
    def processes(context: dg.InitExecutorContext) -> dg.Executor:
        config = {**ours, **{name: one for name, one in context.executor_config.items() if one not in (None, [])}}
        created = inner.executor_creation_fn(
            dg.InitExecutorContext(context.job, context.executor_def, config, context.instance)
        )
        return LivingExecutor(created, home)

    return processes
