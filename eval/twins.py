"""A report for other readers: LaTeX for a paper, a model card for a hub. Everything is escaped."""

from collections.abc import Mapping
from typing import Any

import yaml

from eval.report import Table
from eval.verdict import Verdict

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "±": r"$\pm$", "“": "``", "”": "''",
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


def model_card(
    provenance: Mapping[str, str], systems: Table, metrics: Mapping[str, Any], found: Mapping[str, Verdict]
) -> str:
    """Return a model card with a model-index, as hubs read it."""
    measured = metrics["test"].get("sing", {})
    results = [{"type": name, "value": one["mean"], "name": name} for name, one in measured.items()]
    data = {"name": provenance["data"], "type": "nsynth", "split": "unseen (instrument, pitch)"}
    index = {
        "tags": ["audio", "music", "synthesis"],
        "model-index": [
            {
                "name": "SING",
                "results": [
                    {
                        "task": {"type": "audio-synthesis", "name": "instrument notes from labels"},
                        "dataset": data,
                        "metrics": results,
                    }
                ],
            }
        ],
    }
    checks = [f"- {name}: {'passed' if one.passed else 'not passed'} ({one.meaning})" for name, one in found.items()]
    made = [f"- {name}: {escape_markdown(value)}" for name, value in provenance.items()]
    return "\n".join(
        [
            "---",
            yaml.safe_dump(index, sort_keys=False).strip(),
            "---",
            "# SING: instrument notes from (instrument, pitch, velocity)",
            "",
            "Architecture and training follow Défossez et al. 2018 (arXiv 1810.09785), implemented anew.",
            "It plays the instruments it was trained on, at pitches and velocities between those it heard.",
            "It cannot play instruments it has not heard, and does not model phase.",
            "",
            "## Measured on unseen (instrument, pitch) pairs",
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
