"""The command that says what a run will cost before it starts."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from data.errors import InputError
from data.progress import Report
from pipelines.commands.making import Systems
from pipelines.commands.output import Json, print_json


def plan(
    systems: Systems = None,
    preset: Annotated[str, typer.Option(help="demo, small or paper; that of the settings by default.")] = "",
    gpu: Annotated[str, typer.Option(help="A GPU to estimate too: H100, A100, L4 or RTX 4090.")] = "",
    as_json: Json = False,
) -> None:
    """Say what a run will cost before it starts: hours and memory of each training, disk of each asset, with totals.

    A few real steps of each training are measured on this machine, which
    takes a minute or two. Hours on a GPU follow from the operations
    counted then, its published peak, and an assumed share of it. All
    systems are planned unless some are named.
    """
    from models.synthesis.presets import PRESETS
    from pipelines.jobs import SYSTEMS
    from pipelines.planning.gpus import find_gpu
    from pipelines.planning.plan import make_plan
    from pipelines.settings import Settings

    if preset and preset not in PRESETS:
        raise InputError(f"{preset!r} is no preset; there are {', '.join(PRESETS)}")
    chosen = find_gpu(gpu) if gpu else None
    settings = Settings.read()
    if preset:
        settings = settings.model_copy(update={"preset": preset})

    def print_report(report: Report) -> None:
        typer.echo(str(report), err=True)

    found = make_plan(settings, systems or list(SYSTEMS), chosen, print_report)
    if as_json:
        print_json(found)
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    """Yield a plan as lines of text."""
    from pipelines.planning.room import gigabytes

    machine, gpu, disk = found["machine"], found["gpu"], found["disk"]
    here = f"{machine['cores']} cores, {machine['threads']} threads, load {machine['load']}"
    yield f"preset {found['preset']}; here: {here}"
    if machine["load"] > machine["cores"]:
        yield "this machine is busy with other work, so the hours here are too long; plan again when it is idle"
    if gpu is not None:
        yield (
            f"{gpu['name']}: {gpu['bfloat16']:,.0f} TFLOPS (bfloat16), {gpu['float32']:,.1f} (float32) at their peak, "
            f"of which {gpu['efficiency']:.0%} are assumed: {gpu['efficiency_source']}"
        )
    for system, planned in found["systems"].items():
        yield f"\n{system}"
        for one in planned["trainings"]:
            yield (
                f"  {one['asset']:<28} {one['steps']:>9,} steps of {one['batch']:>3}  {_hours(one['hours']):>12}"
                f"{_on_gpu(one, gpu)}  memory {gigabytes(one['memory']):>9}  disk {gigabytes(one['disk']):>9}"
                f"  ({one['measured']})"
            )
        for one in planned["data"]:
            yield f"  {one['asset']:<28} disk {gigabytes(one['size']):>9}  ({one['why']})"
        on_gpu = f", {_hours(planned['gpu_hours'])} on {gpu['name']}" if gpu is not None else ""
        yield (
            f"  in total {_hours(planned['hours'])} here{on_gpu}; memory {gigabytes(planned['memory'])}; "
            f"disk {gigabytes(planned['disk'])}"
        )
    yield f"\ndisk: {gigabytes(disk['needed'])} needed, {gigabytes(disk['free'])} free in {disk['folder']}"
    if not disk["fits"]:
        yield "it does not fit: free space, or set TESSITURA_HOME to a folder on another disk"
    yield "hours are those of the trainings; reading data, evaluation and reports come on top"


def _on_gpu(one: dict[str, Any], gpu: dict[str, Any] | None) -> str:
    """Return hours and memory of a training on the GPU as text; "" without one."""
    if gpu is None:
        return ""
    return f"  {gpu['name']} {_hours(one['gpu_hours'])}, {one['gpu_memory'] / 1e9:.1f} of {gpu['memory'] / 1e9:.0f} GB"


def _hours(hours: float | None) -> str:
    """Return hours as text: "3.2 min", "12.5 h" or "2.1 days"."""
    if hours is None:
        return "does not fit"
    if hours < 1:
        return f"{60 * hours:.1f} min"
    return f"{hours:.1f} h" if hours < 72 else f"{hours / 24:.1f} days"
