"""What the store holds."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assets.store import RUN, published
from data.files.durable import read_json


def source_version(store: Path) -> list[dict[str, Any]]:
    """Return a row for every published asset: its name, version, time and cost of making."""
    found = []
    for pointer in sorted(store.glob("*/current")) + sorted(store.glob("*/*/current")):
        folder = published(pointer.parent)
        if folder is None:
            continue
        facts = read_json(folder / RUN)
        made = datetime.fromtimestamp((folder / RUN).stat().st_mtime, UTC)
        found.append(
            {
                "asset": "/".join(pointer.parent.relative_to(store).parts),
                "version": folder.name,
                "fingerprint": facts["fingerprint"],
                "made": made.strftime("%Y-%m-%d %H:%M"),
                "seconds": facts["seconds"],
                "commit": facts["provenance"]["commit"],
                "folder": str(folder),
            }
        )
    return found
