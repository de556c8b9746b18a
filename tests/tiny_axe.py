"""Axe, a checker of accessibility, on a page in a browser."""

from functools import cache
from pathlib import Path
from typing import Any

import axe_core_python
from playwright.sync_api import Page

_SERIOUS = ("serious", "critical")


@cache
def _script() -> str:
    return (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page) -> list[tuple[str, str]]:
    """Return the serious and critical violations on a page: the rule, and the first element that breaks it.

    The script is evaluated by the debugger of the browser, so that the content security policy of the page stays.
    """
    page.evaluate(_script())
    found: dict[str, Any] = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (f"{one['id']}: {one['help']}", one["nodes"][0]["html"][:200])
        for one in found["violations"]
        if one["impact"] in _SERIOUS
    ]
