"""The monthly digest: which model of each system is in use, how good it is, and what changed since the digest before.

It is a page and the same content as JSON, in digests/ beside the reports, and a notice (`pipelines.notices`). The next
digest compares with that JSON. It reads the store only, so it needs seconds.
"""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from assets.champion import history
from assets.environment import Configuration
from assets.graph import Graph
from assets.provenance import commit_of
from assets.steps import reported_errors
from assets.store.pointers import Slot, find
from assets.store.versions import Version
from data.errors import InputError
from data.files.durable import read_json, write_bytes, write_json
from data.files.targets import check_target_folder
from pipelines.notices import Notice, send
from pipelines.settings import Settings
from pipelines.versions.measures import measures_of

FOLDER = "digests"  # in the folder of exported reports
JOB, CRON = "digest", "0 7 1 * *"  # on the first of each month at 7 o'clock UTC
_NAME = re.compile(r"\d{4}-\d\d-[a-z]+\.json")


def write_digest(settings: Settings, graph: Graph, systems: Sequence[str], now: datetime) -> tuple[Path, str]:
    """Write the digest of a month, and return the path of its page and the text of its notice.

    Args:
        settings: the settings, which name the store, the preset and the folder of reports.
        graph: the assets.
        systems: names of the systems.
        now: date and time, UTC; a digest of the same month and preset is replaced.

    Raises:
        InputError: a champion or its scores are damaged, or the folder cannot be written to.

    Example:
        >>> write_digest(Settings.read(), graph, ["synthesis"], datetime.now(UTC))
    """
    from eval.report.document import render

    folder = settings.report_folder / FOLDER
    check_target_folder(folder)
    place = folder / f"{now:%Y-%m}-{settings.preset}.json"
    before = _before(folder, place.name, settings.preset)
    found = {system: _described(graph, system) for system in systems}
    changes = {system: _changes(found[system], before.get(system, {})) for system in systems}
    page = place.with_suffix(".html")
    write_bytes(page, render(_document(settings, found, changes, now)).encode())
    write_json(place, found)
    return page, "\n".join(f"{system}: {_line(found[system], changes[system])}" for system in systems)


def _before(folder: Path, name: str, preset: str) -> dict[str, Any]:
    """Return the content of the newest earlier digest of a preset, {} if there is none that can be read."""
    earlier = sorted(one for one in folder.glob(f"*-{preset}.json") if _NAME.fullmatch(one.name) and one.name < name)
    if not earlier:
        return {}
    try:
        content = read_json(earlier[-1])
    except InputError:
        return {}
    return {key: one for key, one in content.items() if isinstance(one, dict)} if isinstance(content, dict) else {}


def _described(graph: Graph, system: str) -> dict[str, Any]:
    """Return what a digest says of a system: its champion, and the scores of the version in use, as JSON values."""
    run = Configuration(graph.environment)
    champion = find(graph.registry.assets[f"{system}_champion"].slot(run))
    return {"champion": None if champion is None else _champion(champion),
            "scores": _scores(system, graph.registry.assets[f"{system}_scores"].slot(run))}  # fmt: skip


def _champion(folder: Path) -> dict[str, Any]:
    record = Version(folder).record
    try:
        number = len(history(folder))
    except (InputError, KeyError):  # of a system whose champion keeps no history
        number = None
    return {
        "version": folder.name,
        "since": str(record["made"])[:10],
        "commit": commit_of(record["provenance"]),
        "number": number,
    }


def _scores(system: str, slot: Slot) -> dict[str, list[float | None]]:
    """Return mean, lower and upper end of the 95 % interval of each metric on the test items; {} without scores."""
    from eval.intervals import mean_interval

    folder = find(slot)
    if folder is None:
        return {}
    measures = measures_of(system)
    frame = measures.scores(folder)
    groups = frame[measures.items.group].tolist() if measures.items.group else None
    found = {}
    for name, metric in measures.metrics.items():
        one = mean_interval(frame[metric.column].to_numpy(float), groups)
        found[name] = [None if math.isnan(value) else float(value) for value in (one.mean, one.low, one.high)]
    return found


def _changes(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """Return what changed since the digest before, one sentence each."""
    if not before:
        return ["There is no earlier digest to compare with."]
    new, old = (_key(one.get("champion")) for one in (now, before))
    words = [] if new == old else [f"The champion is {new or 'none'}; it was {old or 'none'}."]
    from eval.report.numbers import number

    former = before.get("scores") or {}
    for name, value in now["scores"].items():
        last = former.get(name)
        if isinstance(last, list) and last and last[0] is not None and value[0] is not None and last[0] != value[0]:
            words.append(f"{name}: {number(value[0])}; it was {number(last[0])}.")
    return words or ["Nothing changed."]


def _key(champion: Any) -> str:
    return str(champion.get("version", "")) if isinstance(champion, Mapping) else ""


def _line(found: Mapping[str, Any], changes: Sequence[str]) -> str:
    """Return what a notice says of a system, in one line."""
    champion = found["champion"]
    told = "no champion yet" if champion is None else f"champion {champion['version']} since {champion['since']}"
    first = next(((name, value) for name, value in found["scores"].items() if value[0] is not None), None)
    score = "" if first is None else f"; {first[0]} {_written(first[1])}"
    return f"{told}{score}. {' '.join(changes)}"


def _written(value: Sequence[float | None]) -> str:
    """Return a mean and its interval as text."""
    from eval.report.numbers import with_interval

    return with_interval(*(math.nan if one is None else one for one in value), digits=3)


def _document(settings: Settings, found: Mapping[str, Any], changes: Mapping[str, Sequence[str]], now: datetime) -> Any:
    from eval.intervals import OF_MEANS
    from eval.report.blocks import Table, Text
    from eval.report.document import Document, Section

    sections = []
    for system, one in found.items():
        rows = [[name, _written(value)] for name, value in one["scores"].items()]
        table = Table("Scores of the version in use: mean over the test items", ["Metric", "Mean [95 %]"], rows)
        sections.append(Section(system, [*map(Text, changes[system]), *([table] if rows else [])]))
    champions = {system: one["champion"] for system, one in found.items()}
    return Document(
        title=f"Champions of {now:%B %Y}, preset {settings.preset}",
        summary=[f"{system}: {_line(one, changes[system])}" for system, one in found.items()],
        provenance=[
            ("page made", now.isoformat(timespec="seconds")),
            *((f"champion of {system}", ", ".join(f"{name} {value}" for name, value in one.items()))
              for system, one in champions.items() if one is not None),
        ],
        sections=sections,
        methods=[("Interval", OF_MEANS.format("groups of items that are alike"))],
    )  # fmt: skip


def digest_job(settings: Settings, graph: Graph, systems: Sequence[str]) -> dg.JobDefinition:
    """Return the job that writes the digest of the month and sends a notice of it."""

    @dg.op(name="write_digest", description="Writes the digest of this month, and sends a notice of it.")
    def write(context: dg.OpExecutionContext) -> None:
        with reported_errors(context, graph.environment):
            page, text = write_digest(settings, graph, systems, datetime.now(UTC))
        unsent = send(settings.notify, Notice("digest", f"Tessitura: champions of {page.stem}", text))
        context.log.info(f"{page}\n{text}")
        if unsent:
            context.log.warning(unsent)

    @dg.job(
        name=JOB,
        tags={"tessitura/preset": settings.preset},
        description="The digest of this month: the champion of every system, its scores with intervals, and what "
        "changed since the digest before. Needs: something in the store. Costs: seconds.",
    )
    def digest() -> None:
        write()

    return digest


def digest_schedule(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    """Return the schedule that writes a digest each month; it is off until it is turned on."""
    return dg.ScheduleDefinition(
        name="monthly_digest",
        job=job,
        cron_schedule=CRON,
        execution_timezone="UTC",
        description="Writes the digest of champions on the first of each month. Off until you turn it on.",
    )
