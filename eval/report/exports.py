"""Exports of report tables to LaTeX and Markdown, and model cards for model hubs.

Everything that comes from data or tables is escaped. Only the fixed texts of a `Card` are copied unchanged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from eval.acceptance import Criterion
from eval.report.blocks import Table

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "±": r"$\pm$", "“": "``", "”": "''",
    "\u00a0": "~", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip


def escape_latex(text: str) -> str:
    """Return `text` with its special characters escaped, so that LaTeX prints it unchanged."""
    return "".join(_LATEX.get(one, one) for one in text)


def escape_markdown(text: str) -> str:
    """Return `text` on one line with its special characters escaped, for a cell of a Markdown table."""
    return "".join(f"\\{one}" if one in "\\`*_{}[]<>#|!" else one for one in " ".join(text.split()))


def latex(table: Table) -> str:
    """Return a table as a LaTeX `tabular` that needs the package booktabs; the caption becomes a comment.

    Example:
        >>> print(latex(Table("Scores", ["System", "uSDR, dB"], [["masks", "5.2"]])))
    """
    layout = "l" * table.words + "r" * (len(table.columns) - table.words)
    lines = [rf"\begin{{tabular}}{{{layout}}}", r"\toprule", _latex_row(table.columns), r"\midrule"]
    lines += [_latex_row(row) for row in table.rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([f"% {' '.join(table.caption.split())}", *lines, ""])


def _latex_row(cells: Any) -> str:
    return " & ".join(escape_latex(str(cell)) for cell in cells) + r" \\"


def markdown(table: Table) -> str:
    """Return a table as Markdown, without its caption and note."""
    lines = [" | ".join(escape_markdown(str(cell)) for cell in row) for row in (table.columns, *table.rows)]
    lines.insert(1, " | ".join(["---"] * len(table.columns)))
    return "\n".join(f"| {line} |" for line in lines)


@dataclass(frozen=True)
class Card:
    """The fixed texts of a model card. They are copied unchanged and must be valid Markdown.

    Attributes:
        name: name of the model.
        tags: tags for the search on hubs.
        task: identifier of the task on hubs, such as "audio-to-audio".
        task_name: the task in words.
        data_type: identifier of the data set on hubs.
        split: part of the data set that was scored.
        title: title of the card.
        told: description of the model and its limitations, one line each.
        heading: heading above the table of scores.
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
    """Return a model card: Markdown after a YAML header with a model-index, which hubs read.

    Args:
        card: the fixed texts.
        provenance: where the numbers come from, by name; the entry "data" is the name of the data set.
        systems: table of the scores of all systems.
        measured: value of each metric for the model-index, by name; metrics with None are left out.
        found: results of the acceptance checks, by name.
    """
    results = [{"type": name, "value": value, "name": name} for name, value in measured.items() if value is not None]
    task = {"type": card.task, "name": card.task_name}
    data = {"name": provenance["data"], "type": card.data_type, "split": card.split}
    result = {"task": task, "dataset": data, "metrics": results}
    index = {"tags": list(card.tags), "model-index": [{"name": card.name, "results": [result]}]}
    checks = [
        f"- {escape_markdown(name)}: {'passed' if one.passed else 'not passed'} ({escape_markdown(one.meaning)})"
        for name, one in found.items()
    ]
    made = [f"- {escape_markdown(name)}: {escape_markdown(value)}" for name, value in provenance.items()]
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
