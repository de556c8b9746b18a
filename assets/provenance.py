"""Records the code, the commit and the machine that results are made with, as they were when this process started.

The source files and the state of git are read when this module is imported, which is at the start of every process
that makes assets. A commit or an edit during a training is therefore not recorded as the code of that training. Before
an asset is made, all its source files must still be as they were at the start; otherwise the work is refused.
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
    """Return the output of a git command in this checkout; "" if git fails or is not installed."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S607
        return done.stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def _changed() -> dict[str, str]:
    """Return the uncommitted files in the folders of the project, by path: "changed" or "untracked"."""
    lines = _git("status", "--porcelain", "--untracked-files=all", "-z", "--", *FLOORS).split("\0")
    found = {}
    for line in filter(None, lines):
        if line[2:3] == " ":  # the old name of a renamed file is an entry of its own, without a status
            found[line[3:]] = "untracked" if line.startswith("??") else "changed"
    return found


_SOURCES = Sources.read(ROOT)
_COMMIT = _git("rev-parse", "--short=12", "HEAD").strip() or "unknown"
_CHANGED = _changed()


class Provenance:
    """The code and the machine of this process, and the code version of each asset.

    Example:
        >>> provenance = Provenance()
        >>> provenance.code_version(synthesis_model)
        '3f2a9c01d4e6b870'
    """

    def __init__(self, cache: Path | None = None, waivers: Waivers | None = None) -> None:
        """Use the sources as they were at the start of this process.

        Args:
            cache: file that stores which code each asset can reach, so that the next process need not compute it, which
                takes two seconds for all assets; None stores nothing.
            waivers: changes of code that change no result; by default those in assets/waivers.json.
        """
        self._sources, self._cache = _SOURCES, cache
        self._waivers = Waivers() if waivers is None else waivers
        self._closures = self._remembered()

    def _remembered(self) -> dict[str, Closure]:
        """Return the closures in the cache, by name of the asset; {} if they were computed from other sources."""
        try:
            found = read_json(self._cache) if self._cache is not None else {}
            same = found.get("sources") == self._sources.digest
            return {name: Closure(**one) for name, one in found["closures"].items()} if same else {}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def remember(self) -> None:
        """Write the closures computed so far to the cache, for the next process."""
        if self._cache is not None and self._closures != self._remembered():
            closures = {name: asdict(one) for name, one in self._closures.items()}
            with suppress(OSError):  # the cache only saves time
                write_json(self._cache, {"sources": self._sources.digest, "closures": closures})

    def closure(self, asset: StoredAsset) -> Closure:
        """Return the code that the function of an asset can reach."""
        if asset.name not in self._closures:
            self._closures[asset.name] = self._sources.closure(asset.function.__module__, asset.name)
        return self._closures[asset.name]

    def code_version(self, asset: StoredAsset) -> str:
        """Return the code version of an asset; if it is waived, the earliest version that gives the same results."""
        return self._waivers.original(asset.name, self.closure(asset).version)

    def load(self, asset: StoredAsset) -> None:
        """Import all modules that the function of an asset can reach, and check that their files are unchanged.

        Raises:
            InputError: a source file was changed since this process started; the message names it.
        """
        closure = self.closure(asset)
        for module in closure.modules:
            importlib.import_module(module)
        for path in closure.paths:
            now = (ROOT / path).read_bytes() if (ROOT / path).is_file() else None
            if now != self._sources.files[path]:
                raise InputError(f"{path}: was changed since this program started; start it again")

    def of(self, asset: StoredAsset) -> dict[str, Any]:
        """Return the origin of a version of an asset that is made now, as JSON values.

        Returns:
            The entries of `machine`, and: "commit", 12 hexadecimal digits, or "unknown" without git; "changed", the
            uncommitted files among the code of the asset, by path: "changed" or "untracked"; "code", the code version,
            without waivers.
        """
        return {
            "commit": _COMMIT,
            "changed": {path: _CHANGED[path] for path in self.closure(asset).paths if path in _CHANGED},
            "code": self.closure(asset).version,
            **machine(),
        }


def commit() -> str:
    """Return the commit of this process, followed by "with changes" if there were uncommitted files."""
    return f"{_COMMIT} with changes" if _CHANGED else _COMMIT


@cache
def machine() -> dict[str, Any]:
    """Return a description of the machine as JSON values.

    Returns:
        "python": its version. "packages": versions of the main libraries by name. "machine": "system", "processor",
        number of "cores", and "memory_gb", the size of the memory in GB.
    """
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
    """Return the commit of a version as text, with the uncommitted files: three by name, the number of the others.

    Args:
        provenance: provenance of the version, as `Provenance.of` returned it.
    """
    changed = provenance["changed"]
    named = ", ".join(f"{path} {what}" for path, what in sorted(changed.items())[:3])
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return provenance["commit"] + (f" with {named}{more}" if changed else "")


def in_words(provenance: dict[str, Any]) -> dict[str, str]:
    """Return "commit", "machine" and "versions" (of the libraries) of a version as texts for a report.

    Args:
        provenance: provenance of the version, as `Provenance.of` returned it.

    Example:
        >>> in_words(Version(folder).record["provenance"])["commit"]
        '2faf6db01c2e'
    """
    machine = provenance["machine"]
    versions = {"python": provenance["python"], **provenance["packages"]}
    return {
        "commit": commit_of(provenance),
        "machine": f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB",
        "versions": ", ".join(f"{name} {one}" for name, one in versions.items()),
    }


def _processor() -> str:
    """Return the name of the processor; on Linux from /proc/cpuinfo."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
