"""Commands that copy results and models out of the store, and compare reports."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.making import System
from pipelines.commands.output import Json, print_json


def report(
    system: System = "synthesis",
    experiment: Annotated[str, typer.Option(help="Name of an experiment.")] = "",
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder of exported reports; that of TESSITURA_REPORTS by default."),
    ] = None,
    archive: Annotated[
        Path | None,
        typer.Option(help="ZIP file for the report with all exports: tables as CSV too, and sounds as files."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Export the current report of a system, as every run that makes it does, and print the path of the copy.

    The folder receives a dated copy that is never changed again, an
    index page over all reports, and the link latest/SYSTEM-PRESET.
    """
    from data.files.targets import check_target
    from pipelines.launch import report_path
    from pipelines.reports.archive import ENDING, write_archive
    from pipelines.reports.export import export_report
    from pipelines.reports.folder import INDEX, PAGE
    from pipelines.settings import Settings

    if archive is not None:
        archive = check_target(archive.expanduser(), [ENDING])  # an error comes before the export
    settings = Settings.read()
    root = output.expanduser().resolve() if output is not None else settings.report_folder
    version = report_path(settings, system, experiment).parent
    folder = export_report(root, version, in_use=not experiment)
    made = {"report": folder / PAGE, **({} if archive is None else {"archive": write_archive(folder, archive)})}
    if as_json:
        print_json({name: str(one) for name, one in {**made, "index": root / INDEX}.items()})
        return
    for name, one in made.items():
        typer.echo(f"{name}: {one}")


def model(
    system: System,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write; there must be none yet.")],
    variant: Annotated[str, typer.Option(help="Variant of synthesis or separation; the main one by default.")] = "",
    method: Annotated[
        str, typer.Option(help="Of separation: auto (the champion), masks, refine or diffusion.")
    ] = "auto",
    newest: Annotated[bool, typer.Option(help="The newest model instead of the champion.")] = False,
    onnx: Annotated[bool, typer.Option(help="Networks that can be traced as ONNX too (the extra onnx).")] = True,
    as_json: Json = False,
) -> None:
    """Export a trained model as a folder for others, which needs torch and soundfile only.

    It holds weights (safetensors), configuration, model card, licence,
    the code of the networks, and inference.py, a short script that uses
    them. The model is the one that the command line plays.
    """
    from pipelines.portable.chosen import Wish
    from pipelines.portable.export import export_model
    from pipelines.settings import Settings

    done = export_model(Settings.read(), Wish(system, variant, method, newest), output, onnx=onnx)
    if as_json:
        print_json(done)
    else:
        files = f", {len(done['onnx'])} as ONNX" if done["onnx"] else ""
        typer.echo(f"{done['model']}: {done['system']} ({done['method']}), {done['bytes'] / 1e6:.1f} MB{files}")
    if not done["champion"]:
        typer.echo("warning: this model has not been promoted: it is the newest, and may have failed checks", err=True)


def diff(
    first: Annotated[Path, typer.Argument(help="Folder of a report, such as reports/latest/separation-small.")],
    second: Annotated[Path, typer.Argument(help="Folder of another report.")],
    as_json: Json = False,
) -> None:
    """Compare two reports: what they are made from, their checks, and every number that differs.

    It compares the files metrics.json of both, so any two reports of a
    system can be compared, also an experiment with what is in use.
    """
    from dataclasses import asdict

    from eval.report.difference import difference, lines, read_metrics
    from pipelines.reports.folder import check_whole

    for place in (first, second):
        check_whole(place)
    found = difference(read_metrics(first), read_metrics(second))
    if as_json:
        print_json(asdict(found))
        return
    for line in lines(found):
        typer.echo(line)


def compare(
    system: System = "synthesis",
    versions: Annotated[
        list[str] | None,
        typer.Argument(help='"in use", names of experiments or variants, or keys of versions; all but keys if none.'),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="HTML file to write.")] = None,
    as_json: Json = False,
) -> None:
    """Write a page that puts versions of a system side by side, and print its path.

    It shows what is configured differently, the trainings, the scores with paired
    intervals, and the same items to listen to. The first version is the one that
    the others are compared with. The keys are those that `status` prints.
    """
    from data.files.targets import check_target
    from pipelines.settings import Settings
    from pipelines.versions.page import write_comparison

    settings = Settings.read()
    path = None if output is None else check_target(output.expanduser(), (".html",))
    page = write_comparison(settings, system, versions or (), path)
    if as_json:
        print_json({"page": str(page)})
    else:
        typer.echo(f"page: {page}")
