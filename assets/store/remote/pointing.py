"""Reads and moves the pointers of a bucket, and its pins.

A pointer is an object that holds the key of a version, and a nonce, so that no two writers write the same content and
no content comes back: whoever puts it on condition of its state learns of every change since.
"""

import json
import secrets
from pathlib import Path

from assets.store.pointers import is_key
from assets.store.remote.objects import ABSENT, Bucket
from data.files.durable import write_bytes
from data.files.names import is_id


class Pointers:
    """The pointers and pins of a bucket, by their paths.

    Example:
        >>> pointers = Pointers(bucket, Path("store"))
        >>> key, state = pointers.read("small/model/current/main")
        >>> pointers.move("small/model/current/main", "3f2a9c01d4e6b870", state)
    """

    def __init__(self, bucket: Bucket, root: Path) -> None:
        """Use a bucket; `root` is the local folder of the store."""
        self._bucket, self._root = bucket, root

    def read(self, path: str) -> tuple[str | None, str]:
        """Return the key that a pointer holds, None if there is none that can be read, and its state."""
        if (found := self._bucket.read(path)) is None:
            return None, ABSENT
        try:
            key = json.loads(found[0])["key"]
        except (ValueError, KeyError, TypeError):
            key = None
        return (key if is_key(key) else None), found[1]

    def is_empty(self, path: str) -> bool:
        """Return whether a pointer was written to name nothing, because a lease was taken over before any version."""
        found = self._bucket.read(path)
        try:
            return found is not None and json.loads(found[0])["key"] is None
        except (ValueError, KeyError, TypeError):
            return False

    def move(self, path: str, key: str | None, state: str) -> str:
        """Make a pointer hold a key, if it is still in a known state, and return its new state.

        Raises:
            Conflict: it is not in this state.
        """
        return self._bucket.replace(path, json.dumps({"key": key, "nonce": secrets.token_hex(8)}).encode(), state)

    def mirror(self, space: str) -> None:
        """Note in the local folder which experiments a space (the preset) has; no version is copied."""
        for one in self._bucket.list(space):
            parts = one.path.split("/")
            if len(parts) == 5 and parts[2] == "experiments" and all(map(is_id, parts)):
                key, _ = self.read(one.path)
                if key is not None:
                    (self._root / parts[0] / parts[1] / "versions").mkdir(parents=True, exist_ok=True)
                    write_bytes(self._root / one.path, key.encode())

    def forget(self, space: str, experiment: str) -> None:
        """Delete the pointers of an experiment of a space (the preset)."""
        paths = [one.path.split("/") for one in self._bucket.list(space)]
        self._bucket.delete("/".join(one) for one in paths if one[2:4] == ["experiments", experiment])

    def pin(self, home: str, key: str, content: bytes) -> None:
        """Pin a version of the asset at `home` ("SPACE/ASSET"); `content` is that of the local record of the pin."""
        self._bucket.write(f"{home}/pins/{key}.json", content)

    def unpin(self, home: str, key: str) -> bool:
        """Remove the pin of a version of the asset at `home`; return whether there was one."""
        path = f"{home}/pins/{key}.json"
        there = self._bucket.read(path) is not None
        self._bucket.delete([path])
        return there
