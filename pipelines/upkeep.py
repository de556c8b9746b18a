"""Verifies the store and deletes garbage: in the local folder, and in the bucket of a store that machines share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from assets.store import retention, verification
from assets.store.record import RUN
from assets.store.verification import Verified
from assets.store.versions import set_aside
from pipelines.reports.folder import damage
from pipelines.settings import Settings
from pipelines.status import would_go_on


def verified(settings: Settings) -> Iterator[Verified]:
    """Yield what is found of every version and pointer, of the local folder and of the bucket, and of exported reports.

    Example:
        >>> [one.place for one in verified(Settings.read()) if one.damage]
        []
    """
    shared = settings.shared_store()
    yield from verification.verify(settings.store_folder, with_pointers=shared is None)
    if shared is not None:
        from assets.store.remote import upkeep

        yield from upkeep.verify(shared)
    for folder, found in damage(settings.report_folder):
        yield Verified(folder, found)


def set_one_aside(settings: Settings, found: Verified) -> str | None:
    """Set a damaged version aside, so that the next run makes it again.

    Returns:
        Where it is now, the folder or the object with the reason; None if it is no version but a pointer.
    """
    if isinstance(found.place, Path):
        return str(set_aside(found.place, found.damage[0])) if (found.place / RUN).is_file() else None
    shared = settings.shared_store()
    place = found.place.removeprefix(f"{shared.url}/") if shared is not None else ""
    if shared is None or "/versions/" not in place:
        return None
    shared.set_aside(shared.folder_of(place), found.damage[0])
    return f"{found.place}/damaged.json"


def collected(settings: Settings, *, delete: bool) -> Iterator[dict[str, Any]]:
    """Yield a dictionary for each version that nothing refers to: of the local folder, then of the bucket.

    Args:
        settings: the settings, which name the store.
        delete: whether to delete those that are not in use.

    Returns:
        "folder" (or URL of a version in the bucket), "bytes", "why", "state": "in use", "deleted", "could be deleted".

    Raises:
        InputError: it is not known what is kept, because something is damaged.

    Example:
        >>> [one["why"] for one in collected(Settings.read(), delete=False)]
        ['nothing refers to it']
    """
    resumed, root, shared = would_go_on(settings), settings.store_folder, settings.shared_store()
    for one in retention.garbage(root, resumed):
        freed = delete and not one.in_use and retention.collect(root, one)
        yield {"folder": str(one.folder), "bytes": one.bytes, "why": one.why, "state": _state(one.in_use, freed)}
    if shared is not None:
        from assets.store.remote import upkeep

        for waste in upkeep.garbage(shared, resumed):
            freed, place = delete and upkeep.collect(shared, waste), f"{shared.url}/{waste.place}"
            yield {"folder": place, "bytes": waste.bytes, "why": waste.why, "state": _state(waste.in_use, freed)}


def _state(in_use: bool, freed: bool) -> str:
    return "in use" if in_use else "deleted" if freed else "could be deleted"
