"""A report for other readers: LaTeX for a paper, a model card for a hub. Everything is escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from eval.acceptance import Criterion
from eval.report.document import Table

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "±": r"$\pm$", "“": "``", "”": "''",
    "\u00a0": "~",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Return text that LaTeX prints as it is."""
    return "".join(_LATEX.get(one, one) for one in text)


def escape_markdown(text: str) -> str:
    """Return text that Markdown prints as it is, on one line of a table."""
    return "".join(f"\\{one}" if one in "\\`*_{}[]<>#|!" else one for one in " ".join(text.split()))


def latex(table: Table) -> str:
    """Return a table as LaTeX (booktabs)."""
    layout = "l" * table.words + "r" * (len(table.columns) - table.words)
    lines = [rf"\begin{{tabular}}{{{layout}}}", r"\toprule", _latex_row(table.columns), r"\midrule"]
    lines += [_latex_row(row) for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([f"% {' '.join(table.caption.split())}", *lines, ""])


def _latex_row(cells: Any) -> str:
    return " & ".join(escape_latex(str(cell)) for cell in cells) + r" \\"


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    rows = [table.columns, ["---"] * len(table.columns)]
    lines = [" | ".join(rows[0]), " | ".join(rows[1])]
    lines += [" | ".join(escape_markdown(str(cell)) for cell in row) for row in table.rows]
    return "\n".join(f"| {line} |" for line in lines)


@dataclass(frozen=True)
class Card:
    """What a model card says of a system besides its numbers.

    Attributes:
        name: of the model.
        tags: for hubs.
        task: as hubs name it.
        task_name: the task in words.
        data_type: the data set, as hubs name it.
        split: what of it was judged.
        title: of the card.
        told: what it is and what it cannot do, a line each.
        heading: over the numbers.
    """

    name: str
    tags: Sequence[str]
    task: str
    task_name: str
    data_type: str
    split: str
    title: str
    told: Sequence[str]
    heading: str


def model_card(
    card: Card,
    provenance: Mapping[str, str],
    systems: Table,
    measured: Mapping[str, float | None],
    found: Mapping[str, Criterion],
) -> str:
    """Return a model card with a model-index, as hubs read it; `measured` is the value of each metric."""
    results = [{"type": name, "value": value, "name": name} for name, value in measured.items() if value is not None]
    task = {"type": card.task, "name": card.task_name}
    data = {"name": provenance["data"], "type": card.data_type, "split": card.split}
    result = {"task": task, "dataset": data, "metrics": results}
    index = {"tags": list(card.tags), "model-index": [{"name": card.name, "results": [result]}]}
    checks = [f"- {name}: {'passed' if one.passed else 'not passed'} ({one.meaning})" for name, one in found.items()]
    made = [f"- {name}: {escape_markdown(value)}" for name, value in provenance.items()]
    return "\n".join(
        [
            "---",
            yaml.safe_dump(index, sort_keys=False).strip(),
            "---",
            f"# {card.title}",
            "",
            *card.told,
            "",
            f"## {card.heading}",
            "",
            markdown(systems),
            "",
            "## Checks",
            "",
            *checks,
            "",
            "## Provenance",
            "",
            *made,
            "",
        ]
    )
