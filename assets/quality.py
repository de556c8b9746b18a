"""Quality checks: whether the scores of a system show what its preset asks for. A failed one only warns."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from assets.environment import Configuration, Environment
from assets.graph import Graph
from assets.store.pointers import get

if TYPE_CHECKING:
    import pandas as pd

    from eval.acceptance import Criterion


@dataclass(frozen=True)
class Quality:
    """What is asked of a system.

    Attributes:
        scores: the asset that is asked about.
        baselines: the asset with the scores of bounds and baselines.
        criteria: returns every criterion by name, given the scores of both.
        questions: what each check asks, in words, by the name of its criterion.
    """

    scores: str
    baselines: str
    criteria: "Callable[[pd.DataFrame, Environment], Mapping[str, Criterion]]"
    questions: Mapping[str, str]

    def checks(self, graph: Graph) -> list[dg.AssetChecksDefinition]:
        """Return a check of the scores for each question."""
        return [self._check(graph, name, question) for name, question in self.questions.items()]

    def _check(self, graph: Graph, name: str, question: str) -> dg.AssetChecksDefinition:
        @dg.asset_check(
            asset=graph.key(self.scores),
            additional_deps=[graph.key(self.baselines)],
            name=name,
            description=question,
        )
        def check() -> dg.AssetCheckResult:
            run = Configuration(graph.environment)
            folders = [get(graph.registry.assets[one].slot(run)) for one in (self.scores, self.baselines)]
            found = self.criteria(gather(*folders), graph.environment)[name]
            return dg.AssetCheckResult(
                passed=found.passed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"found": found.found, "asked": found.bound},
                description=found.meaning if found.passed else f"{found.meaning}: {found.advice}",
            )

        return check


def gather(*folders: Path, file: str = "scores.parquet") -> "pd.DataFrame":
    """Return the scores in several folders as one frame."""
    import pandas as pd

    from data.files.tables import read_frame

    return pd.concat([read_frame(folder / file) for folder in folders], ignore_index=True)
