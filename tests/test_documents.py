"""The documents cite commits and tests that exist."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_HASH = re.compile(r"(?<![\w/.#-])(?<!begins )[0-9a-f]{7,40}(?![\w/-])")  # "begins ...": the hash of a file


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)


def cited(text: str) -> set[str]:
    """The words of a text that look like a hash of a commit: hexadecimal, with a letter and a digit."""
    return {one for one in _HASH.findall(text) if re.search("[a-f]", one) and re.search("[0-9]", one)}


def test_hashes_are_found_in_prose():
    assert cited(
        "commit 15ee5fcab99b; (commits e48e01315045, 42e58a4), 25e3e195. face 1234567 leaf-25e3e195 begins 3fe1a2b"
    ) == {
        "15ee5fcab99b",
        "e48e01315045",
        "42e58a4",
        "25e3e195",
    }


def test_every_commit_that_the_documents_cite_is_in_the_history():
    if git("rev-parse", "--is-inside-work-tree").returncode:
        pytest.skip("no git checkout here")
    if git("rev-parse", "--is-shallow-repository").stdout.strip() == "true":
        pytest.skip("a shallow checkout has no history")
    documents = [ROOT / name for name in git("ls-files", "*.md").stdout.splitlines()]
    missing = [
        f"{path.relative_to(ROOT)}: {one}"
        for path in documents
        for one in sorted(cited(path.read_text(encoding="utf-8")))
        if git("merge-base", "--is-ancestor", one, "HEAD").returncode  # a clone has no other commits
    ]
    assert documents
    assert missing == []


def test_every_test_that_reliability_names_exists():
    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", (ROOT / "RELIABILITY.md").read_text(encoding="utf-8"))
    missing = []
    for file, test in named:
        path = ROOT / "tests" / file
        if not path.is_file() or (test and f"def {test}(" not in path.read_text(encoding="utf-8")):
            missing.append(f"{file}::{test}")
    assert len(named) > 50
    assert missing == []
