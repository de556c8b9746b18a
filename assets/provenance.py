"""By what code and on what machine results are made, as it was when this process started.

The sources are read, and git is asked, when this module is imported, which is at the start of every process
that makes anything. A commit or an edit that is made while a training runs is not mistaken for the code that
trains: modules of ours that are imported later must still be what they were, or the work is refused.
"""

import importlib
import importlib.metadata
import os
import platform
import subprocess
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from assets.code import FLOORS, ROOT, Closure, Sources, Waivers
from assets.declaration import StoredAsset
from data.errors import InputError
from data.files.durable import read_json, write_json

_PACKAGES = ("torch", "torchaudio", "dagster", "numpy", "pyarrow", "scikit-learn", "mir_eval")


def _git(*arguments: str) -> str:
    """Return what git says of this checkout, or nothing where there is no git."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
        return done.stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def _changed() -> dict[str, str]:
    """Return the files that are not as committed, below our floors: "changed" or "untracked" by path."""
    lines = _git("status", "--porcelain", "--untracked-files=all", "-z", "--", *FLOORS).split("\0")
    found = {}
    for line in filter(None, lines):
        if line[2:3] == " ":  # the old name of a renamed file stands alone
            found[line[3:]] = "untracked" if line.startswith("??") else "changed"
    return found


_SOURCES = Sources.read(ROOT)
_COMMIT = _git("rev-parse", "--short=12", "HEAD").strip() or "unknown"
_CHANGED = _changed()


class Provenance:
    """The code and the machine of this process.

    Example:
        >>> provenance = Provenance()
        >>> provenance.code_version(synthesis_model)
        '3f2a9c01d4e6b870'
    """

    def __init__(self, cache: Path | None = None, waivers: Waivers | None = None) -> None:
        """Know the code that this process started with.

        Args:
            cache: a file to keep what was found in, so that the next process need not look again; it takes two
                seconds for all assets.
            waivers: changes of code that change no result; those of the project by default.
        """
        self._sources, self._cache = _SOURCES, cache
        self._waivers = Waivers() if waivers is None else waivers
        self._closures = self._remembered()

    def _remembered(self) -> dict[str, Closure]:
        """Return what an earlier process found in the same sources."""
        try:
            found = read_json(self._cache) if self._cache is not None else {}
            same = found.get("sources") == self._sources.digest
            return {name: Closure(**one) for name, one in found["closures"].items()} if same else {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def remember(self) -> None:
        """Keep what was found for the next process."""
        if self._cache is not None and self._closures != self._remembered():
            closures = {name: asdict(one) for name, one in self._closures.items()}
            with suppress(OSError):  # it only saves time
                write_json(self._cache, {"sources": self._sources.digest, "closures": closures})

    def closure(self, asset: StoredAsset) -> Closure:
        """Return what the function of an asset can reach."""
        if asset.name not in self._closures:
            self._closures[asset.name] = self._sources.closure(asset.function.__module__, asset.name)
        return self._closures[asset.name]

    def code_version(self, asset: StoredAsset) -> str:
        """Return the version of the code of an asset: the earliest one that is known to give the same results."""
        return self._waivers.original(asset.name, self.closure(asset).version)

    def load(self, asset: StoredAsset) -> None:
        """Import all that the function of an asset can reach, and make sure that it is what it was.

        Raises:
            InputError: a source was changed since this process started.
        """
        closure = self.closure(asset)
        for module in closure.modules:
            importlib.import_module(module)
        for path in closure.paths:
            now = (ROOT / path).read_bytes() if (ROOT / path).is_file() else None
            if now != self._sources.files[path]:
                raise InputError(f"{path}: was changed since this program started; start it again")

    def of(self, asset: StoredAsset) -> dict[str, Any]:
        """Return where a version of an asset comes from, as plain values."""
        return {
            "commit": _COMMIT,
            "changed": {path: _CHANGED[path] for path in self.closure(asset).paths if path in _CHANGED},
            "code": self.closure(asset).version,
            **machine(),
        }


def commit() -> str:
    """Return the commit of this process, and "with changes" where sources were not as committed."""
    return f"{_COMMIT} with changes" if _CHANGED else _COMMIT


@cache
def machine() -> dict[str, Any]:
    """Return the versions of Python and of the libraries that matter, and what the machine is, as plain values."""
    return {
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "machine": {
            "system": platform.system(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        },
    }


def commit_of(provenance: dict[str, Any]) -> str:
    """Return the commit in a provenance, and how many of the sources were not as committed."""
    changed = provenance["changed"]
    named = ", ".join(f"{path} {what}" for path, what in sorted(changed.items())[:3])
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return provenance["commit"] + (f" with {named}{more}" if changed else "")


def in_words(provenance: dict[str, Any]) -> dict[str, str]:
    """Return commit, machine and library versions of one result, in words."""
    machine = provenance["machine"]
    versions = {"python": provenance["python"], **provenance["packages"]}
    return {
        "commit": commit_of(provenance),
        "machine": f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB",
        "versions": ", ".join(f"{name} {one}" for name, one in versions.items()),
    }


def _processor() -> str:
    """Return the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
