"""Names that are safe to store under: what comes from metadata never becomes a path as it is."""

import hashlib
import re
import unicodedata

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,95}")


def is_id(text: str) -> bool:
    """Tell whether `text` can serve as an id: letters, digits, "_" and "-", at most 96 of them."""
    return _SAFE.fullmatch(text) is not None


def check_id(text: str) -> str:
    """Return `text` if it can serve as an id.

    Raises:
        ValueError: it cannot; `make_id` makes one of any text.
    """
    if not is_id(text):
        raise ValueError(f"{text!r} is no id: only letters, digits, '_' and '-', at most 96; use make_id")
    return text


def make_id(text: str) -> str:
    """Return an id for any text: its letters and digits, and 8 characters of its hash.

    Different texts give different ids even where they differ only in what is dropped,
    in case or in Unicode form, so ids are safe on every file system.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:60].strip("-")
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{slug or 'x'}-{digest}"
