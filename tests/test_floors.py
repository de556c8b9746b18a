"""The floors hold, and nothing in the tree is what it must not be."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("pipelines", "assets", "models", "eval", "data")
SOURCES = sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))
INITS = [path for path in SOURCES if path.name == "__init__.py"]


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def test_import_contracts():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_opens_with_what_it_is_and_stays_small(path):
    text = path.read_text()
    assert ast.get_docstring(ast.parse(text)), "no docstring"
    assert len(text.splitlines()) <= 300


def test_nothing_is_ever_unpickled():
    assert not [path for path in SOURCES if "pickle" in imports(path)]
    # Weights that others published come in torch's own format: one file reads it, and of it only tensors.
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in SOURCES}
    calls = {name: re.findall(r"torch\.load\([^)]*\)", text) for name, text in texts.items() if "torch.load(" in text}
    assert calls == {"data/files/weights.py": ['torch.load(path, map_location="cpu", weights_only=True)']}


def test_audio_files_are_read_by_one_module_and_written_by_one():
    users = {path.relative_to(ROOT).as_posix() for path in SOURCES if "soundfile" in imports(path)}
    assert users == {"data/files/audio.py", "data/files/readers.py"}


@pytest.mark.parametrize("init", INITS, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_every_folder_says_what_each_of_its_files_is_for(init):
    listed = re.findall(r"^\* `([a-z_0-9]+/?)`: \S", ast.get_docstring(ast.parse(init.read_text())), flags=re.MULTILINE)
    files = {path.stem for path in init.parent.glob("*.py") if path != init}
    folders = {f"{path.parent.name}/" for path in init.parent.glob("*/__init__.py")}
    assert sorted(listed) == sorted(files | folders)


def test_the_readme_names_every_folder_and_no_other():
    named = re.findall(r"^\| `([a-z_/]+)/` \| \S", (ROOT / "README.md").read_text(), flags=re.MULTILINE)
    assert sorted(named) == sorted({"tests", *(path.parent.relative_to(ROOT).as_posix() for path in INITS)})
