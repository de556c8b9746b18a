"""The documents of the checkout and of the site, and what stands in them: code blocks, links, headings."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_BLOCK = re.compile(
    r"^(?P<fence>```+)(?P<language>\w*)[^\n]*\n(?P<code>.*?)^(?P=fence)[ \t]*$", re.DOTALL | re.MULTILINE
)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|(?:href|src)=\"([^\"]+)\"")


@dataclass(frozen=True)
class Block:
    """A fenced code block: its language, its text, and the number of its first line in the document."""

    language: str
    code: str
    line: int


def documents() -> list[Path]:
    """Return all Markdown documents of the checkout, except those inside hidden folders."""
    found = [path for folder in ("docs", "models") for path in (ROOT / folder).rglob("*.md")]
    return sorted([*ROOT.glob("*.md"), *found])


def pages() -> list[Path]:
    """Return the documents that are written for users: the README and the pages of the site."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(path: Path, *languages: str) -> list[Block]:
    """Return the fenced code blocks of a document in these languages."""
    text = path.read_text(encoding="utf-8")
    found = [
        Block(one["language"], one["code"], text.count("\n", 0, one.start("code")) + 1) for one in _BLOCK.finditer(text)
    ]
    return [one for one in found if one.language in languages]


def without_code(text: str) -> str:
    """Return Markdown without code blocks and code in lines."""
    return re.sub(r"`[^`\n]*`", "", _BLOCK.sub("", text))


def links(text: str) -> list[str]:
    """Return the targets of the links and pictures in Markdown, code left out."""
    return [one or other for one, other in _LINK.findall(without_code(text))]


def anchors(text: str) -> set[str]:
    """Return the anchors of the headings in Markdown, as MkDocs and GitHub make them for plain headings."""
    found = re.findall(r"^#+ +(.+?)\s*$", _BLOCK.sub("", text), flags=re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", one)).strip().lower() for one in found]
    return {re.sub(r"[-\s]+", "-", one) for one in plain}


def commands(block: Block) -> list[list[str]]:
    """Return the words of each line of a shell block, comments left out."""
    return [words for line in block.code.splitlines() if (words := shlex.split(line, comments=True))]


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
