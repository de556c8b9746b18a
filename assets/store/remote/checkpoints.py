"""Copies unfinished versions to a bucket at each checkpoint, so that the work goes on on another machine.

    small/model/unfinished/3f2a9c01d4e6b870/
        4/manifest.json                 the files of the last checkpoint of the holder of token 4 of the lease
        4/SHA256/step-000000200.json    a file of it

The manifest is written after the files that it names, and files that it no longer names are deleted after it. Every
holder of the lease writes to a folder of its own, named by its token, so one that was paused and has been replaced
changes nothing that counts: the manifest of the highest token does.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from assets.store.record import RUN
from assets.store.remote.cache import blob, check_file
from assets.store.remote.objects import Bucket, Damaged
from assets.store.remote.uploading import put_files
from assets.store.versions import RECIPE
from data.errors import InputError
from data.files.checked_json import parse_checked, with_checksum
from data.files.durable import SUFFIX, file_sha256

_MANIFEST = "manifest.json"
_TRIES = 3  # a holder that was replaced may delete its older files while they are copied


class Checkpoints:
    """The files of an unfinished version in the bucket.

    Attributes:
        place: folder in the bucket.

    Example:
        >>> checkpoints = Checkpoints(bucket, "small/model/unfinished/3f2a9c01d4e6b870", home="9f1c")
        >>> checkpoints.restore(folder, print)
        >>> checkpoints.save(folder, token=4)
    """

    def __init__(self, bucket: Bucket, place: str, home: str) -> None:
        """Use a folder of the bucket; `home` is the id of the local store."""
        self._bucket, self.place, self._home = bucket, place, home

    def save(self, folder: Path, token: int) -> None:
        """Copy all files of a folder to the bucket, as the last checkpoint of the holder of a token.

        Raises:
            Unreachable: the bucket does not answer; the checkpoint before stays.
        """
        place, files = f"{self.place}/{token}", {}
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != RUN and not path.name.endswith(SUFFIX):
                known = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
                files[path.relative_to(folder).as_posix()] = known
        kept = put_files(self._bucket, place, folder, files) | {f"{place}/{_MANIFEST}"}
        manifest = with_checksum({"home": self._home, "files": files})
        self._bucket.write(f"{place}/{_MANIFEST}", json.dumps(manifest).encode())
        self._bucket.delete(one.path for one in self._bucket.list(place) if one.path not in kept)

    def restore(self, folder: Path, say: Callable[[str], None]) -> None:
        """Make a folder what it was at the last checkpoint, if another machine wrote that one.

        Args:
            folder: local folder of the version. It is left as it is if nothing is in the bucket, or if it wrote the
                last checkpoint itself.
            say: callback that receives a line of text if files are copied.

        A file that is damaged in the bucket is left out, and told: of a training, the checkpoint before is taken.

        Raises:
            Unreachable: the bucket does not answer.
        """
        for attempt in range(_TRIES):
            token, manifest = self._newest()
            if manifest is None or (manifest["home"] == self._home and (folder / RECIPE).is_file()):
                return
            say(f"{self.place}: going on from the checkpoint of another machine")
            missing = self._copy(folder, f"{self.place}/{token}", manifest["files"])
            if not missing:
                return
            if attempt == _TRIES - 1:
                say(f"{'; '.join(missing)}: left out")

    def recipe(self) -> dict[str, Any] | None:
        """Return recipe.json of the last checkpoint; None if there is none that can be read."""
        token, manifest = self._newest()
        known = (manifest or {"files": {}})["files"].get(RECIPE)
        found = None if known is None else self._bucket.read(blob(f"{self.place}/{token}", RECIPE, known["sha256"]))
        try:
            return None if found is None else parse_checked(found[0], Path(RECIPE))
        except InputError:
            return None

    def _newest(self) -> tuple[int, dict[str, Any] | None]:
        """Return the highest token that has a manifest, and the manifest; None if there is none that can be read."""
        paths = [one.path for one in self._bucket.list(self.place) if one.path.endswith(f"/{_MANIFEST}")]
        tokens = [int(path.split("/")[-2]) for path in paths if path.split("/")[-2].isdigit()]
        for token in sorted(tokens, reverse=True):
            path = f"{self.place}/{token}/{_MANIFEST}"
            if (found := self._bucket.read(path)) is not None:
                with suppress(InputError, KeyError, TypeError, AttributeError, ValueError):  # the one before is taken
                    manifest = parse_checked(found[0], Path(path))
                    for name, known in manifest["files"].items():
                        check_file(name, known)
                    return token, {"home": manifest["home"], "files": manifest["files"]}
        return 0, None

    def _copy(self, folder: Path, place: str, files: dict[str, Any]) -> list[str]:
        """Make a folder hold exactly the files of a checkpoint; return what is wrong with those that are damaged."""
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.rglob("*"):
            if path.is_file() and path.relative_to(folder).as_posix() not in files:
                path.unlink()
        found = []
        for name, known in files.items():
            if not ((folder / name).is_file() and file_sha256(folder / name) == known["sha256"]):
                (folder / name).unlink(missing_ok=True)
                try:
                    self._bucket.download(blob(place, name, known["sha256"]), folder / name, known)
                except Damaged as error:
                    found.append(str(error))
        return found

    def delete(self) -> None:
        """Delete everything, once the version is finished."""
        self._bucket.delete(one.path for one in self._bucket.list(self.place))
