"""Published separators to be judged beside ours: which there are, where their weights lie, and what was asked for.

Free of torch, as the presets are. Hybrid Demucs' other weights (`hdemucs_high_trained.pt`) are not among them: the
test songs of MUSDB18 were world their training songs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError
from data.files.download import Remote, fetch
from data.progress import Listener, ignore


@dataclass(frozen=True)
class Weights:
    """A published file of weights.

    Attributes:
        network: "hdemucs" or "openunmix".
        remote: where it lies.
        hidden: size of Open-Unmix's layers.
    """

    network: str
    remote: Remote
    hidden: int = 0


SEPARATORS = {
    "hdemucs": Weights(
        "hdemucs", Remote("https://download.pytorch.org/torchaudio/models/hdemucs_high_musdbhq_only.pt", magic=b"PK")
    ),
    "umxhq": Weights(
        "openunmix",
        Remote(
            "https://zenodo.org/records/3370489/files/vocals-b62c91ce.pth",
            size=35_637_796,
            sha256="b62c91cedbc7a066f1778ead5b5cecb377aa3a46a31af1cce7c5c8769339d083",
        ),
        hidden=512,
    ),
    "umxl": Weights("openunmix", Remote("https://zenodo.org/records/5069601/files/vocals-bccbd9aa.pth"), hidden=1024),
}


def parse_separators(text: str) -> dict[str, Path | None]:
    """Return the separators that `text` names, "umxhq,hdemucs=FILE" for one, and their files where it names them.

    Raises:
        InputError: an unknown name, or one twice.
    """
    found: dict[str, Path | None] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        name, _, file = one.partition("=")
        if name not in SEPARATORS or name in found:
            why = "twice" if name in found else f"no separator; there are {', '.join(SEPARATORS)}"
            raise InputError(f"TESSITURA_SEPARATORS={text!r}: {name!r} is {why}")
        found[name] = Path(file).expanduser() if file else None
    return found


def identities(text: str) -> dict[str, str]:
    """Return by what the weights of each separator in `text` are known, without reading them.

    That is the size and time of change of a file that is named, else the checksum or address of the download.

    Raises:
        InputError: an unknown name, or one twice.
    """
    found = {}
    for name, given in parse_separators(text).items():
        remote = SEPARATORS[name].remote
        found[name] = remote.sha256 or remote.url
        if given is not None:
            state = given.stat() if given.is_file() else None
            found[name] = f"{state.st_size} bytes, {state.st_mtime_ns}" if state else "missing"
    return found


def locate_weights(wanted: Mapping[str, Path | None], downloads: Path, listener: Listener = ignore) -> dict[str, Path]:
    """Return the file of every separator; those without a file are downloaded to `downloads`.

    Raises:
        InputError: a file is not there.
        DownloadError: unreachable, or another file than expected.
    """
    found = {}
    for name, given in wanted.items():
        remote = SEPARATORS[name].remote
        path = given or fetch(remote, downloads / remote.url.rsplit("/", 1)[-1], listener=listener)
        if not path.is_file():
            raise InputError(f"TESSITURA_SEPARATORS: {name}={path}: no such file")
        found[name] = path
    return found
