"""Exports the report that a run made or found current, and links to it in the web UI."""

from pathlib import Path

import dagster as dg

from assets.declaration import Shown, StoredAsset
from pipelines.reports.chapters import places_of
from pipelines.reports.export import export_report
from pipelines.reports.folder import LATEST, PAGE
from pipelines.reports.server import HOST, known_port
from pipelines.settings import Settings


def show_report(settings: Settings, asset: StoredAsset, version: Path, experiment: str) -> Shown:
    """Export a version of an asset if the asset is a report, and return metadata that link to the exported page.

    Args:
        settings: the settings, which name the folder of exported reports.
        asset: the asset.
        version: folder of the version that a run made or found.
        experiment: name of the experiment that the run belongs to; "" for the system in use.

    Returns:
        Of a report: "report", the address that `tessitura dev` serves the page at, and "report file", its path. Of any
        other asset of the system in use: what `show_chapters` returns.

    Raises:
        InputError: the report cannot be exported. It stays in the store, and the next run exports it.

    Example:
        >>> show_report(Settings.read(), asset, get(slot), "")["report"].url
        'http://127.0.0.1:3001/2026-11-29-060117-synthesis-demo-3f2a9c01/report.html'
    """
    if asset.name != f"{asset.group}_report":
        return {} if experiment else show_chapters(settings, asset.group, asset.name)
    here = f"http://{HOST}:{known_port(settings.home)}"
    folder = export_report(settings.report_folder, version, in_use=not experiment)
    return {
        "report": dg.MetadataValue.url(f"{here}/{folder.name}/{PAGE}"),
        "report file": dg.MetadataValue.path(folder / PAGE),
    }


def show_chapters(settings: Settings, group: str, name: str) -> Shown:
    """Return metadata that link to the chapters about an asset or a source in the newest reports.

    Args:
        settings: the settings.
        group: group of the asset or source.
        name: name of the asset or source.

    Returns:
        "in the report", or "in the report of SYSTEM" where several reports tell about it: the address of the chapter.
        A first run makes the report last, so the address leads somewhere only then.

    Example:
        >>> show_chapters(Settings.read(), "data", "nsynth_source")["in the report"].url
        'http://127.0.0.1:3001/latest/synthesis-demo/report.html#provenance'
    """
    here = f"http://{HOST}:{known_port(settings.home)}/{LATEST}"
    found = places_of(name, group)
    return {
        "in the report" if len(found) == 1 else f"in the report of {system}": dg.MetadataValue.url(
            f"{here}/{system}-{settings.preset}/{PAGE}#{chapter}".removesuffix("#")
        )
        for system, chapter in found
    }
