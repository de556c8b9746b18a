"""Prints the results of commands as JSON, for programs."""

import json
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def print_json(value: Any) -> None:
    """Print a value as indented JSON.

    Args:
        value: value that JSON can represent.
    """
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
