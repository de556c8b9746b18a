"""Pages of the documentation site that are made of the code: settings, commands, Python; and the project's documents.

MkDocs calls `on_files` and `on_page_markdown` (`hooks` in mkdocs.yml) while it builds the site. Nothing else uses this
module, so the site needs the extra `docs`, and the programs do not.
"""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any, Literal, get_args, get_origin

import click

from pipelines.settings import CHECKOUT, Settings

FLOORS = ("pipelines", "assets", "models", "eval", "data")
DOCUMENTS = {
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "RELIABILITY.md": "project/reliability.md",
    "SECURITY.md": "project/security.md",
    "CHANGELOG.md": "project/changelog.md",
    "README.md": "index.md",
    "models/synthesis/README.md": "project/synthesis.md",
    "models/separation/README.md": "project/separation.md",
    "models/conversion/README.md": "project/conversion.md",
}  # documents of the checkout that are pages of the site, by the page; the README's place is taken by the start page
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def settings_page() -> str:
    """Return the page of the settings: one row for each variable, made of the fields of `Settings`.

    Example:
        >>> "TESSITURA_PRESET" in settings_page()
        True
    """
    rows = [
        f"| `TESSITURA_{name.upper()}` | {_values(one.annotation)} | {_default(one.default)} | {one.description} |"
        for name, one in Settings.model_fields.items()
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "A setting is a variable of the environment, or a line `NAME=VALUE` in a file `.env` beside the Makefile;",
            "the environment counts first. A variable `TESSITURA_…` that is not in this table is an error that names",
            "the nearest one. Settings are fixed when a process starts: a run has the settings of the web UI that",
            "launched it, whatever is edited meanwhile.",
            "",
            "| variable | values | default | meaning |",
            "|---|---|---|---|",
            *rows,
            "| `DAGSTER_HOME` | folder | `dagster` in the home | Dagster's own folder: configuration and history |",
            "",
        ]
    )


def _values(annotation: Any) -> str:
    """Return the kind of values of a setting in words."""
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{one}`" for one in get_args(annotation))
    kinds = {bool: "`true`, `false`", int: "whole number", float: "number", str: "text", Path: "folder"}
    return kinds.get(annotation, "folder")


def _default(value: Any) -> str:
    """Return the default of a setting as text; folders of the checkout without the folder before them."""
    if isinstance(value, Path):
        value = value.relative_to(CHECKOUT)
    if isinstance(value, bool):
        value = str(value).lower()
    return "empty" if value in ("", None) else f"`{value}`"


def commands_page() -> str:
    """Return the page of the commands of `tessitura`: the text that `--help` prints, for each of them.

    Example:
        >>> "## tessitura run" in commands_page()
        True
    """
    lines = [
        "# Commands",
        "",
        "`tessitura` lies in `.venv/bin`. Every command prints the text below with `--help`. An error is one line on",
        "standard error, with exit status 2: what, where, what to do. A command that was stopped ends with 130.",
        "",
    ]
    for name, command, context in commands():
        parameters = [one for one in command.params if not getattr(one, "hidden", False)]  # all but --help
        arguments = [one for one in parameters if isinstance(one, click.Argument)]
        options = [one for one in parameters if isinstance(one, click.Option)]
        usage = " ".join([name, *(one.make_metavar(context) for one in arguments), *(["[OPTIONS]"] if options else [])])
        lines += [f"## {name}", "", "```text", usage, "```", "", command.help or "", ""]
        if parameters:
            lines += ["| parameter | meaning | default |", "|---|---|---|"]
            lines += [_parameter_row(one, context) for one in (*arguments, *options)]
            lines.append("")
    return "\n".join(lines)


def _parameter_row(parameter: click.Parameter, context: click.Context) -> str:
    """Return the row of an argument or an option in the table of its command."""
    names = parameter.opts if isinstance(parameter, click.Option) else [parameter.make_metavar(context)]
    told = str(getattr(parameter, "help", None) or "").replace("|", "\\|")
    default = parameter.default
    shown = f"`{default}`" if isinstance(default, str | int | float | Path) and default not in (False, "") else ""
    if parameter.required:
        shown = "required"
    return f"| {', '.join(f'`{one}`' for one in names)} | {told} | {shown} |"


def commands() -> Iterator[tuple[str, click.Command, click.Context]]:
    """Yield every command of `tessitura` with its whole name and a context that describes it, in the order of the help.

    Example:
        >>> [name for name, _, _ in commands()][:2]
        ['tessitura demo', 'tessitura run']
    """
    import typer

    from pipelines.cli import app

    def below(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            inner = click.Context(command, parent=context, info_name=name)
            if isinstance(command, click.Group):
                yield from below(command, inner)
            else:
                yield inner.command_path, command, inner

    root = typer.main.get_command(app)
    assert isinstance(root, click.Group)
    yield from below(root, click.Context(root, info_name="tessitura"))


def python_pages() -> dict[str, str]:
    """Return the pages of the Python reference by their place in the site: one for each folder of the code.

    A page has the docstring of every module of the folder and of everything public in it. `mkdocstrings` puts them in
    place of the lines that begin with `:::`.
    """
    pages, rows = {}, []
    for init in sorted(path for floor in FLOORS for path in (CHECKOUT / floor).rglob("__init__.py")):
        package = ".".join(init.parent.relative_to(CHECKOUT).parts)
        told = (ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or "").partition("\n")[0]
        modules = [f"{package}.{path.stem}" for path in sorted(init.parent.glob("*.py")) if path != init]
        place = f"reference/python/{package}.md"
        pages[place] = "\n\n".join([f"# {package}", told, *(f"::: {one}" for one in modules)]) + "\n"
        rows.append(f"| [`{package}`](python/{package}.md) | {told} |")
    first = ["# Python", "", "Everything public, by folder. The lower floors do not know the upper ones.", ""]
    pages["reference/python.md"] = "\n".join([*first, "| package | what |", "|---|---|", *rows, ""])
    return pages


def generated() -> dict[str, Callable[[], str]]:
    """Return the pages that are made of the code, by their place in the site: the function that makes each."""
    pages: dict[str, Callable[[], str]] = {
        "reference/settings.md": settings_page,
        "reference/commands.md": commands_page,
    }
    for place, text in python_pages().items():
        pages[place] = lambda text=text: text
    for document, place in DOCUMENTS.items():
        if document != "README.md":
            pages[place] = lambda document=document: (CHECKOUT / document).read_text(encoding="utf-8")
    return pages


def relink(text: str, place: str) -> str:
    """Return the text of a page with its links to documents of the checkout turned into links inside the site.

    A link to a file that is no page of the site, such as a module, becomes plain text.

    Args:
        text: Markdown.
        place: place of the page in the site, such as "guides/synthesis.md".

    Example:
        >>> relink("[floors](../../ARCHITECTURE.md#the-store)", "guides/synthesis.md")
        '[floors](../project/architecture.md#the-store)'
    """
    sources = {page: document for document, page in DOCUMENTS.items() if document != "README.md"}
    here = PurePosixPath(sources.get(place, f"docs/{place}")).parent.as_posix()

    def replaced(link: re.Match[str]) -> str:
        image, words, target = link.groups()
        path, mark, anchor = target.partition("#")
        if not path or ":" in path:
            return link.group(0)
        found = normpath(f"{here}/{path}")
        page = DOCUMENTS.get(found, found.removeprefix("docs/") if found.startswith("docs/") else None)
        if page is None:
            return words
        return f"{image}[{words}]({relpath(page, PurePosixPath(place).parent.as_posix())}{mark}{anchor})"

    return _LINK.sub(replaced, text)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made of the code; MkDocs calls this."""
    from mkdocs.structure.files import File

    for place, make in generated().items():
        files.append(File.generated(config, place, content=make()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links to documents of the checkout into links inside the site; MkDocs calls this."""
    return relink(markdown, page.file.src_uri)
