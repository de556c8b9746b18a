"""Has the Python reference show the examples of docstrings as code.

A docstring here has a section `Example:`; the parser of Google's style, griffe, knows `Examples:`. mkdocs.yml names
this extension of griffe; it needs the extra `docs`.
"""

import re
from typing import Any

import griffe

_HEADING = re.compile(r"^Example:$", re.MULTILINE)


class Examples(griffe.Extension):
    """Renames the section `Example:` of every docstring to `Examples:`."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section in the docstring of a module, a class or a function; griffe calls this."""
        if obj.docstring is not None:
            obj.docstring.value = _HEADING.sub("Examples:", obj.docstring.value)
