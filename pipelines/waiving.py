"""Writes waivers for the assets whose code differs from that of a git revision."""

import io
import subprocess
import tarfile
from collections.abc import Sequence

from assets.code import FLOORS, ROOT, Sources, Waivers
from assets.registry import REGISTRY
from data.errors import InputError


def waive_changes(reason: str, since: str, only: Sequence[str]) -> list[str]:
    """Write a waiver for the assets whose code differs from that of a revision, and return their names.

    Args:
        reason: why the results are the same.
        since: git revision whose results are still valid.
        only: names of the assets to waive; if empty, all assets.

    Raises:
        InputError: there is no such revision or asset.

    Example:
        >>> waive_changes("renamed a variable", "HEAD", [])
        ['synthesis_model', 'synthesis_wavenet']
    """
    if unknown := sorted(set(only) - set(REGISTRY.assets)):
        raise InputError(f"{unknown[0]!r} is no asset; there are {', '.join(REGISTRY.assets)}")
    then, now, waivers = at_revision(since), Sources.read(ROOT), Waivers()
    same = {}
    for name, asset in REGISTRY.assets.items():
        if only and name not in only:
            continue
        module = asset.function.__module__
        try:
            earlier = waivers.original(name, then.closure(module, name).version)
        except KeyError:  # in the revision the asset did not exist or was in another module
            continue
        later = now.closure(module, name).version
        if earlier != waivers.original(name, later):
            same[name] = (earlier, later)
    if same:
        waivers.add(reason, same)
    return list(same)


def at_revision(revision: str) -> Sources:
    """Return the sources of the project at a git revision of this checkout.

    Raises:
        InputError: there is no such revision.
    """
    command = ["git", "archive", "--format=tar", revision, "--", *FLOORS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise InputError(f"{revision}: {done.stderr.decode(errors='replace').strip()}")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        files = {one.name: archive.extractfile(one) for one in archive.getmembers() if one.isfile()}
        return Sources({name: file.read() for name, file in files.items() if file is not None})
