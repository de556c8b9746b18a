"""Where and by what a result was made."""

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

_PACKAGES = ("torch", "torchaudio", "dagster", "numpy", "pyarrow", "scikit-learn", "mir_eval")


@functools.cache
def provenance() -> dict[str, Any]:
    """Return commit, library versions and machine, as plain values."""
    return {
        "commit": _git("rev-parse", "--short=12", "HEAD") or "unknown",
        "changed_files": len(_git("status", "--porcelain", "--untracked-files=no").splitlines()),
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "machine": {
            "system": platform.system(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        },
    }


def described(by: dict[str, Any]) -> dict[str, str]:
    """Return commit, machine and library versions of one result, in words."""
    machine = by["machine"]
    return {
        "commit": by["commit"] + (f" with {by['changed_files']} changed files" if by["changed_files"] else ""),
        "machine": f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB",
        "versions": ", ".join(f"{name} {one}" for name, one in {"python": by["python"], **by["packages"]}.items()),
    }


@functools.cache
def source_hash(floor: str) -> str:
    """Return a hash of the sources and templates of one of our floors."""
    digest, root = hashlib.sha256(), Path(__file__).parent.parent / floor
    for path in sorted(path for path in root.rglob("*") if path.suffix in (".py", ".html", ".css", ".js")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _git(*arguments: str) -> str:
    """Return what git says of this checkout, or nothing where there is no git."""
    try:
        here = Path(__file__).parent
        return subprocess.run(["git", *arguments], cwd=here, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607
    except (OSError, subprocess.CalledProcessError):
        return ""


def _processor() -> str:
    """Return the processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
