"""Quality checks: warn in the web UI if the scores of a system miss the requirements of its preset."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.environment import Configuration, Environment
from assets.graph import Graph
from assets.steps import reported_errors
from assets.store.pointers import find

if TYPE_CHECKING:
    import pandas as pd

    from eval.acceptance import Criterion


@dataclass(frozen=True)
class Quality:
    """The quality checks of a system. A check that fails gives a warning and stops nothing.

    Attributes:
        scores: names of the assets with scores: first those of the system, to which the checks belong, then others.
        criteria: function that returns all criteria by name, given the folders of the scores by the name of the asset.
        questions: description of each check for the web UI, by the name of its criterion.
    """

    scores: tuple[str, ...]
    criteria: "Callable[[Mapping[str, Path], Environment], Mapping[str, Criterion]]"
    questions: Mapping[str, str]

    def checks(self, graph: Graph) -> list[dg.AssetChecksDefinition]:
        """Return one Dagster check for each question.

        Example:
            >>> checks = QUALITY.checks(graph)
        """
        return [self._check(graph, name, question) for name, question in self.questions.items()]

    def _check(self, graph: Graph, name: str, question: str) -> dg.AssetChecksDefinition:
        @dg.asset_check(
            asset=graph.key(self.scores[0]),
            additional_deps=[graph.key(one) for one in self.scores[1:]],
            name=name,
            description=question,
        )
        def check(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
            run = Configuration(graph.environment)
            with reported_errors(context.op_execution_context, graph.environment):
                folders = {one: find(graph.registry.assets[one].slot(run)) for one in self.scores}
                missing = [one for one, folder in folders.items() if folder is None]
                if missing:  # of a run that makes only some of the assets
                    return dg.AssetCheckResult(
                        passed=False,
                        severity=dg.AssetCheckSeverity.WARN,
                        description=f"not measured: {', '.join(missing)} has not been made; make it and check again",
                    )
                there = {one: folder for one, folder in folders.items() if folder is not None}
                found = self.criteria(there, graph.environment)[name]
            return dg.AssetCheckResult(
                passed=found.passed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"found": found.found, "asked": found.bound},
                description=_told(found),
            )

        return check


def _told(found: "Criterion") -> str:
    """Return what was measured, what was asked and, if that was not reached, what to do."""
    from eval.report.numbers import number

    meaning = found.meaning[0].upper() + found.meaning[1:]
    said = f"{meaning}: {number(found.found)}. Asked: {number(found.bound)}."
    return said if found.passed else f"{said} What to do: {found.advice}."


def gather(*folders: Path, file: str = "scores.parquet") -> "pd.DataFrame":
    """Return the rows of a Parquet file in several folders as one data frame.

    Args:
        *folders: folders that hold the file, such as versions of score assets.
        file: name of the file.

    Example:
        >>> scores = gather(model_scores, baseline_scores)
    """
    import pandas as pd

    from data.files.tables import read_frame

    return pd.concat([read_frame(folder / file) for folder in folders], ignore_index=True)
