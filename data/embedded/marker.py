"""Tells whether a folder of demo data was completely made by the present version of its generator."""

from pathlib import Path

from data.errors import InputError
from data.files.durable import read_json


def is_made(marker: Path, version: int) -> bool:
    """Return whether the file that is written last to a folder is there and of this version.

    Args:
        marker: path of the file, a JSON object with the entry "version".
        version: version of the generator.
    """
    try:
        found = read_json(marker)
    except (OSError, InputError):  # missing or damaged
        return False
    return isinstance(found, dict) and found.get("version") == version
