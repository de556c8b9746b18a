"""Makes and checks ids that are safe as file names, for text that comes from metadata."""

import hashlib
import re
import unicodedata

_MOST = 96  # characters of an id
_SAFE = re.compile(rf"[A-Za-z0-9][A-Za-z0-9_-]{{0,{_MOST - 1}}}")


def is_id(text: str) -> bool:
    """Return whether `text` is a valid id: 1 to 96 ASCII letters, digits, "_" and "-", not starting with "_" or "-"."""
    return _SAFE.fullmatch(text) is not None


def check_id(text: str) -> str:
    """Return `text` if it is a valid id.

    Raises:
        ValueError: it is not; `make_id` makes an id from any text.
    """
    if not is_id(text):
        raise ValueError(f"{text!r} is no id: only letters, digits, '_' and '-', at most 96; use make_id")
    return text


def make_id(text: str) -> str:
    """Return an id for any text: its ASCII letters and digits, at most 60 characters, and 8 digits of its SHA-256.

    Texts that differ only in dropped characters, in case or in Unicode form still get different ids, so the ids are
    safe on every file system.

    Example:
        >>> make_id("Leaf - Wicked")
        'leaf-wicked-25e3e195'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug or 'x'}-{digest}"


def fit_id(text: str) -> str:
    """Return an id that is made of valid ids, such as <system>-<song>, shortened if it is longer than an id may be.

    A shortened id ends with 8 digits of the SHA-256 of the whole, so different texts still get different ids.

    Raises:
        ValueError: it has other characters than those of an id.

    Example:
        >>> fit_id("masks-leaf-wicked-25e3e195")
        'masks-leaf-wicked-25e3e195'
    """
    if len(text) > _MOST:
        digest = hashlib.sha256(text.encode()).hexdigest()[:8]
        text = f"{text[: _MOST - 9]}-{digest}"
    return check_id(text)
