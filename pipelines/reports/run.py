"""Exports the report that a run made or found current, and links to it in the web UI."""

from pathlib import Path

import dagster as dg

from assets.declaration import Shown, StoredAsset
from pipelines.reports.chapters import place_of
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
        other asset of the system in use: "in the report", the address of the chapter that tells about it in the newest
        report of its system. A first run makes the report last, so the address leads somewhere only then.

    Raises:
        InputError: the report cannot be exported. It stays in the store, and the next run exports it.

    Example:
        >>> show_report(Settings.read(), asset, get(slot), "")["report"].url
        'http://127.0.0.1:3001/2026-11-29-060117-synthesis-demo-3f2a9c01/report.html'
    """
    here = f"http://{HOST}:{known_port(settings.home)}"
    if asset.name != f"{asset.group}_report":
        system, chapter = place_of(asset.name, asset.group)
        address = f"{here}/{LATEST}/{system}-{settings.preset}/{PAGE}#{chapter}".removesuffix("#")
        return {"in the report": dg.MetadataValue.url(address)} if system and not experiment else {}
    folder = export_report(settings.report_folder, version, in_use=not experiment)
    return {
        "report": dg.MetadataValue.url(f"{here}/{folder.name}/{PAGE}"),
        "report file": dg.MetadataValue.path(folder / PAGE),
    }
