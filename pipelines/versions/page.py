"""The page that shows versions of a system side by side: configuration, training, scores, sounds.

The first version is the one that the others are compared with. The page is one HTML file like the reports: it loads
nothing, works offline and by keyboard, and everything in it is escaped (`eval.report.document`).
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.environment import DATA, EMBEDDED
from assets.provenance import commit_of
from data.files.durable import write_bytes
from data.files.targets import check_target_folder
from pipelines.settings import Settings
from pipelines.versions.lineage import Evaluated, evaluated, is_in_use, pinned, unfinished
from pipelines.versions.measures import Measures, measures_of
from pipelines.versions.sounds import players

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from eval.report.blocks import Table
    from eval.report.curves import Curves
    from eval.report.document import Section
    from eval.table import Metric

FOLDER = "comparisons"  # in the folder of exported reports, where they are served too
_NONE = "–"


def write_comparison(settings: Settings, system: str, names: Sequence[str] = (), path: Path | None = None) -> Path:
    """Write the page that compares versions of a system, and return its path.

    Args:
        settings: the settings, which name the store and the preset.
        system: name of the system.
        names: as `pipelines.versions.lineage.evaluated` takes them.
        path: where to write it; None for comparisons/SYSTEM-PRESET.html in the folder of exported reports.

    Raises:
        InputError: a version does not exist or is damaged, or there are fewer than two.

    Example:
        >>> write_comparison(Settings.read(), "synthesis", ["in use", "longer"])
    """
    from eval.report.document import render

    versions = evaluated(settings, system, names)
    place = path or settings.report_folder / FOLDER / f"{system}-{settings.preset}.html"
    page = render(_document(settings, system, versions))
    check_target_folder(place.parent)
    write_bytes(place, page.encode())
    return place


def _document(settings: Settings, system: str, versions: Sequence[Evaluated]) -> Any:
    from eval.intervals import OF_MEANS
    from eval.report.document import Document, Section

    measures = measures_of(system)
    scores = {one.name: measures.scores(one.scores) for one in versions}
    paired, summary = _pairs(measures, scores)
    sections = [
        Section("Are the scores different?", [_means(measures, scores), paired]),
        Section("What is configured differently?", [_differences(versions)]),
        *_training(versions),
        Section("The same items to listen to", [players(measures, versions, scores)]),
    ]
    return Document(
        title=f"Versions of {system} side by side, preset {settings.preset}",
        summary=summary,
        sections=sections,
        provenance=[("page made", datetime.now(UTC).isoformat(timespec="seconds")), *map(_told, versions)],
        methods=[
            ("Interval", OF_MEANS.format(measures.items.group or f"{measures.items.column}s")),
            ("p", "two-sided Wilcoxon signed-rank test over the same groups, corrected by Holm for the versions"),
            ("Which items", "the test items that both versions have; a choice between versions is made on validation"),
        ],
    )


def _told(version: Evaluated) -> tuple[str, str]:
    """Return what a version is and where it comes from, in words."""
    record = version.record(_scores_asset(version))
    marks = [
        *(["in use"] if is_in_use(version.scores) and version.name != "in use" else []),
        *(["pinned"] if any(map(pinned, version.made.values())) else []),
    ]
    words = [f"scores {version.scores.name}", f"scored {record['made']}", f"commit {commit_of(record['provenance'])}"]
    return version.name, ", ".join([*words, *marks])


def _scores_asset(version: Evaluated) -> str:
    return version.scores.parent.parent.name


def _means(measures: Measures, scores: "Mapping[str, pd.DataFrame]") -> "Table":
    """Return the table of the mean of each metric, a row, with its interval, for each version, a column."""
    from eval.intervals import mean_interval
    from eval.report.blocks import Table
    from eval.report.numbers import UNKNOWN, with_interval

    rows = []
    for name, metric in measures.metrics.items():
        cells = []
        for frame in scores.values():
            groups = frame[measures.items.group].tolist() if measures.items.group else None
            found = mean_interval(frame[metric.column].to_numpy(float), groups)
            cells.append(with_interval(found.mean, found.low, found.high) if found.count else UNKNOWN)
        rows.append([f"{name} ({_better(metric)})", *cells])
    note = f"Test items: {', '.join(f'{len(frame)} ({name})' for name, frame in scores.items())}."
    return Table("Mean over the test items and 95 % interval", ["Metric", *scores], rows, note=note)


def _better(metric: "Metric") -> str:
    return "smaller is better" if metric.smaller_is_better else "larger is better"


def _pairs(measures: Measures, scores: "Mapping[str, pd.DataFrame]") -> "tuple[Table, list[str]]":
    """Return the table of paired differences to the first version, and a sentence for each other version."""
    import pandas as pd

    from eval.report.blocks import Table
    from eval.report.numbers import chance, with_interval
    from eval.table import compare_systems

    first, *others = scores
    both = pd.concat([frame.assign(system=name) for name, frame in scores.items()], ignore_index=True)
    rows, told = [], []
    for name, metric in measures.metrics.items():
        sign = -1 if metric.smaller_is_better else 1
        for one in compare_systems(both, first, others, metric, measures.items).to_dict("records"):
            # The first version minus the other one, turned round: the question is what the other one changes.
            change, low, high = 0 - one["difference"], 0 - one["high"], 0 - one["low"]
            verdict = "better" if sign * (low if sign > 0 else high) > 0 else "worse"
            verdict = verdict if low * high > 0 else "undecided"
            rows.append(
                [one["baseline"], name, verdict, with_interval(change, low, high, signed=True), chance(one["p"]),
                 str(one["count"])]
            )  # fmt: skip
            if name == next(iter(measures.metrics)):
                told.append(
                    f"{one['baseline']} against {first}: {name} {with_interval(change, low, high, signed=True)}, "
                    f"{_better(metric)}: {verdict}."
                )
    columns = ["Version", "Metric", "Verdict", "Change [95 %]", "p (Holm)", "Items"]
    note = "“Better” and “worse” where the whole interval lies on one side of 0."
    return Table(f"Each version minus {first}, item by item", columns, rows, words=3, note=note), told


def _differences(versions: Sequence[Evaluated]) -> "Table":
    """Return the table of all configured values, code versions and data that are not the same in all versions."""
    from eval.report.blocks import Table

    values: dict[tuple[str, str], dict[str, str]] = {}
    for version in versions:
        for asset in sorted(version.made):
            record = version.record(asset)
            told = {**dict(_flat(record["config"])), "code version": record["code_version"]}
            if record["space"] in (DATA, EMBEDDED):  # a data set: what came from outside
                told["content"] = record["fingerprint"][:16]
            for path, value in told.items():
                values.setdefault((asset, path), {})[version.name] = str(value)
    names = [one.name for one in versions]
    rows = [
        [asset, path, *(found.get(name, _NONE) for name in names)]
        for (asset, path), found in sorted(values.items())
        if len({found.get(name) for name in names}) > 1
    ]
    note = (
        "Only what differs is listed. A dash: the value is the default, the version was made without it, or it is no "
        "longer in the store."
    )
    return Table("Configuration, code and data", ["Asset", "Value", *names], rows, words=2 + len(names), note=note)


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values inside dictionaries by dotted path, as JSON."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _flat(one, f"{path}.{key}".lstrip("."))
    else:
        yield path or "value", json.dumps(value)


def _training(versions: Sequence[Evaluated]) -> "list[Section]":
    """Return a section with the curves of every training, of which all versions are drawn over one another."""
    from eval.report.document import Section

    blocks = [block for asset in sorted({name for one in versions for name in one.made})
              for block in _curves(asset, versions)]  # fmt: skip
    return [Section("How did the trainings go?", blocks)] if blocks else []


def _curves(asset: str, versions: Sequence[Evaluated]) -> "Iterator[Curves]":
    """Yield the charts of one training: the loss, and each validation metric; nothing if it is no training.

    Trainings of the asset that are under way, or were stopped, are drawn as far as they have come.
    """
    import pandas as pd

    from data.files.tables import read_frame
    from eval.report.curves import Curves, Panel
    from models.training.history import History

    histories = {
        one.name: read_frame(one.made[asset] / "history.parquet")
        for one in versions
        if asset in one.made and (one.made[asset] / "history.parquet").is_file()
    }
    for folder in unfinished(versions, asset):
        if rows := History(folder).rows():
            histories[f"not finished ({folder.name[:8]})"] = pd.DataFrame(rows)
    known = {str(name) for history in histories.values() for name in history.columns}
    for metric in ("loss", *sorted(name for name in known if name.startswith("valid_"))):
        values = {
            name: history.set_index("step")[metric].astype(float).dropna()
            for name, history in histories.items()
            if metric in history
        }
        steps = sorted({int(step) for one in values.values() for step in one.index})
        if steps:
            curves = {name: _over(one, steps) for name, one in values.items()}
            name = metric.replace("_", " ").replace("valid ", "validation: ", 1)
            panel = Panel("", name, steps, curves)
            question = f"{asset}: how does “{name}” change?"
            yield Curves(question, [panel], "step", wide=True, marked=False)


def _over(values: "pd.Series", steps: Sequence[int]) -> "np.ndarray":
    """Return a metric by step at other steps too: between its own by straight lines, NaN outside."""
    return values.reindex(steps).interpolate("index", limit_area="inside").to_numpy()
