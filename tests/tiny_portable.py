"""Runs the script of an exported model as those who get it do: with torch and soundfile, and nothing of the project."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

_ALONE = """
import importlib.abc, runpy, sys
allowed, folder = set(sys.argv[1].split(",")), sys.argv[2]
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top not in allowed and top not in sys.stdlib_module_names:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Refuse())
sys.path.insert(0, folder)
sys.argv = sys.argv[3:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _needed(*names: str) -> set[str]:
    """The distributions that some need, themselves included, without extras."""
    found, todo = set(), [re.sub(r"[-_.]+", "-", one).lower() for one in names]
    while todo:
        name = todo.pop()
        if name in found:
            continue
        try:
            wanted = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        found.add(name)
        for one in wanted:
            if "extra ==" not in one:
                todo.append(re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", one)[0]).lower())
    return found


def run_alone(folder: Path, *arguments: object, packages: tuple[str, ...] = ("torch", "soundfile")) -> str:
    """Run inference.py of an exported model in a process that can import nothing but some packages."""
    distributions = _needed(*packages)
    tops = {
        top
        for top, names in metadata.packages_distributions().items()
        if any(re.sub(r"[-_.]+", "-", one).lower() in distributions for one in names)
    }
    assert not tops & {"data", "models", "assets", "safetensors", "torchaudio", "scipy"}
    command = [sys.executable, "-I", "-c", _ALONE, ",".join([*tops, "network"]), folder, folder / "inference.py"]
    done = subprocess.run(
        [*map(str, command), *map(str, arguments)], capture_output=True, text=True, check=False, cwd=folder.parent
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
