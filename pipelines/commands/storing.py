"""Commands for the store: status, verification, reports, experiments, pins, garbage collection, waivers."""

from typing import Annotated

import typer

from data.errors import InputError
from pipelines.commands.making import System
from pipelines.commands.output import Json, print_json

Asset = Annotated[str, typer.Argument(help="Name of the asset, such as synthesis_model.")]


def status(as_json: Json = False) -> None:
    """List the current version of every asset: when, in how many seconds and by which commit it was made."""
    from pipelines.settings import Settings
    from pipelines.status import survey

    settings = Settings.read()
    rows = survey(settings)
    if as_json:
        print_json({"store": str(settings.store_folder), "preset": settings.preset, "assets": rows})
        return
    typer.echo(f"{settings.store_folder} (preset {settings.preset})")
    for row in rows:
        told = f"damaged: {row['damage']}; the next run makes it again" if "damage" in row else (
            f"{row['made']:<17} {row['seconds']:>9.1f} s  {row['commit']}"
        )  # fmt: skip
        typer.echo(f"  {row['asset']:<52} {told}")
    if not rows:
        typer.echo("  nothing yet; run: tessitura demo")


def verify(
    aside: Annotated[
        bool, typer.Option("--set-aside", help="Set damaged versions aside; the next run makes them again.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Read every file of versions and exported reports, name what is damaged; exit status 1 if there is any.

    The content of each file is compared with the SHA-256 recorded when it
    was written, which takes as long as reading the store. Damaged versions
    stay where they are unless --set-aside is given; then they are moved to
    the folder "damaged" of their asset. A store in a bucket is read as a
    whole, besides the copies on this machine.
    """
    from pipelines.settings import Settings
    from pipelines.upkeep import set_one_aside, verified

    settings, whole, rows = Settings.read(), 0, []
    for one in verified(settings):
        whole += not one.damage
        if one.damage:
            moved = set_one_aside(settings, one) if aside else None
            rows.append({"place": str(one.place), "damage": one.damage, "set_aside": moved})
            if not as_json:
                typer.echo(f"{one.place}: {'; '.join(one.damage)}" + (f"; set aside in {moved}" if moved else ""))
    if as_json:
        print_json({"store": str(settings.store_folder), "whole": whole, "damaged": rows})
    else:
        remedy = "the next run makes them again" if aside else "to have them made again: tessitura verify --set-aside"
        typer.echo(f"{settings.store_folder}: {whole} versions, pointers and reports are whole, {len(rows)} damaged"
                   + (f"; {remedy}" if rows else ""))  # fmt: skip
    if rows:
        raise typer.Exit(1)


def report(
    system: System = "synthesis",
    experiment: Annotated[str, typer.Option(help="Name of an experiment.")] = "",
    as_json: Json = False,
) -> None:
    """Print the path of the current report of a system; with --json, also its numbers."""
    from data.files.durable import read_json
    from pipelines.launch import report_path
    from pipelines.settings import Settings

    path = report_path(Settings.read(), system, experiment)
    if as_json:
        print_json({"report": str(path), **read_json(path.with_name("metrics.json"))})
    else:
        typer.echo(f"report: {path}")


def experiments(
    forget: Annotated[str, typer.Option(help="Name of an experiment to forget; gc then frees its versions.")] = "",
    as_json: Json = False,
) -> None:
    """List the experiments: what each overrides, and how its scores differ from those of the system in use."""
    from pipelines.experiments import forget_experiment, list_experiments
    from pipelines.settings import Settings

    settings = Settings.read()
    if forget:
        typer.echo(f"forgot {forget}: {forget_experiment(settings, forget)} assets; tessitura gc frees the space")
        return
    rows = list_experiments(settings)
    if as_json:
        print_json(rows)
        return
    for row in rows:
        changes = ", ".join(f"{path}={value}" for path, value in row["overrides"].items())
        typer.echo(f"{row['name']} ({row['system']}): {changes}")
        for line in row["compared"]:
            typer.echo(f"  {line}")
    if not rows:
        typer.echo(f"no experiments with preset {settings.preset}; see: tessitura run --help")


def pin(
    asset: Asset,
    variant: Annotated[str, typer.Option(help="Variant of the system; the main one by default.")] = "",
    version: Annotated[str, typer.Option(help="Key of the version; the current one by default.")] = "",
    reason: Annotated[str, typer.Option(help="Why it is to be kept.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Take the pin away.")] = False,
) -> None:
    """Pin a version of an asset, so that gc never deletes it; with --remove, remove the pin."""
    from assets.store import retention
    from assets.store.pointers import get
    from pipelines.settings import Settings
    from pipelines.status import slot_of

    slot = slot_of(Settings.read(), f"{asset}/{variant}" if variant else asset)
    key = version or get(slot).name
    if remove:
        retention.unpin(slot, key)
        typer.echo(f"{slot.name} {key}: no longer pinned")
    else:
        retention.pin(slot, key, reason)
        typer.echo(f"{slot.name} {key}: pinned")


def gc(
    delete: Annotated[bool, typer.Option("--delete", help="Delete it; without this it is only shown.")] = False,
    as_json: Json = False,
) -> None:
    """List what nothing refers to: old, unfinished and damaged versions; with --delete, delete it.

    Of a store in a bucket, what nothing in the bucket refers to is listed
    and deleted too, once nobody has written to it for a day.
    """
    from pipelines.settings import Settings
    from pipelines.upkeep import collected

    settings = Settings.read()
    rows = list(collected(settings, delete=delete))
    if as_json:
        print_json(rows)
        return
    for row in rows:
        place = row["folder"].removeprefix(f"{settings.store_folder}/")
        typer.echo(f"  {place}  {row['bytes'] / 1e6:,.1f} MB  {row['why']}  ({row['state']})")
    total = sum(row["bytes"] for row in rows if row["state"] != "in use")
    what = "freed" if delete else "could be freed with --delete"
    typer.echo(f"{settings.store_folder}: {total / 1e6:,.1f} MB {what}")


def waive(
    reason: Annotated[str, typer.Option(help="Why the results are the same.")],
    since: Annotated[str, typer.Option(help="The revision whose results are still good.")] = "HEAD",
    only: Annotated[list[str] | None, typer.Option(help="Only for this asset; may be given several times.")] = None,
) -> None:
    """Declare that a change of the code changes no result, so that existing versions stay valid.

    Writes an entry to assets/waivers.json, for every asset whose code
    differs from that of the revision. Commit it with the change, so that
    the reason is reviewed too.
    """
    from pipelines.waiving import waive_changes

    if not reason.strip():
        raise InputError("--reason: say why the results are the same, such as: renamed a variable")
    names = waive_changes(reason, since, only or [])
    typer.echo(f"waived for {', '.join(names)}" if names else f"no code of any asset differs from {since}")
