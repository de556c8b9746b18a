"""HTML pages that hold everything they show: style and script stand in the page, and nothing is loaded from elsewhere.

A content security policy forbids network access and any script and style except those in the file, which it identifies
by their hashes. All strings are escaped (Jinja autoescape).
"""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@cache
def template_environment(templates: Path) -> Environment:
    """Return the Jinja environment of a folder of templates; a variable that is missing in a template is an error."""
    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def inline_page(templates: Path, name: str, media: str, style: str = "", **values: Any) -> str:
    """Return the text of a page made from NAME.html, NAME.css and, if there is one, NAME.js in a folder.

    Args:
        templates: the folder.
        name: name of the page, without ending.
        media: which pictures and sounds the page may show, as directives of the content security policy.
        style: style sheet instead of that in NAME.css, for pages that look alike.
        **values: variables of the template. It also gets `policy`, `script` ("" without one) and `style`.

    Example:
        >>> inline_page(Path("templates"), "report", "img-src data:", document=document)
    """
    code = templates / f"{name}.js"
    script = code.read_text(encoding="utf-8") if code.is_file() else ""
    shape = style or (templates / f"{name}.css").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; {media}; base-uri 'none'; form-action 'none'; "
        + (f"script-src {_hash(script)}; " if script else "")
        + f"style-src {_hash(shape)}"
    )
    template = template_environment(templates).get_template(f"{name}.html")
    return template.render(**values, script=script, style=shape, policy=policy)


def _hash(text: str) -> str:
    """Return the hash source that allows an inline script or style in the content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
