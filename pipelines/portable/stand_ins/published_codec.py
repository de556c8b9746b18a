"""Says that an exported model has no published codec, which would need the package transformers."""

from pathlib import Path
from typing import Any


def is_published(folder: Path) -> bool:
    """Return whether a folder holds a published codec: never here."""
    return False


def load_published(folder: Path, device: Any) -> Any:
    """Refuse to load a published codec.

    Raises:
        ValueError: always.
    """
    raise ValueError(f"{folder}: published codecs are not exported")
