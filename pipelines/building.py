"""Refuses to build a package of the project, which is run from its checkout.

Its five top-level packages (`data`, `models`, …) would overwrite, or be overwritten by, those of other projects. An
editable installation, which the Makefile makes, only points to the checkout.
"""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Refusal(BuildHookInterface):
    """Build hook of hatchling that lets through editable installations only."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Raise an error unless the build is for an editable installation."""
        del build_data
        if version != "editable":
            raise SystemExit(
                "Tessitura is run from its checkout and not installed as a package, because its folders `data` and "
                "`models` would collide with those of others: clone it and type `make dev`."
            )
