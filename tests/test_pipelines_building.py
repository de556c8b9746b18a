"""The project is run from its checkout: editable installations work, building a package is refused in a sentence."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build(call: str, folder: Path) -> subprocess.CompletedProcess:
    program = f"import sys; from hatchling.build import {call}; {call}(sys.argv[1])"
    command = [sys.executable, "-c", program, str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_packages_are_refused(tmp_path):
    for call in ("build_wheel", "build_sdist"):
        done = build(call, tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("Tessitura is run from its checkout")
        assert done.stderr.rstrip().endswith("clone it and type `make dev`.")
        assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_editable_installation_is_built(tmp_path):
    done = build("build_editable", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [one.suffix for one in tmp_path.iterdir()] == [".whl"]
