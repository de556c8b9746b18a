"""Lists the published separators, where to find their weights, and reads the setting that selects them.

The setting is TESSITURA_SEPARATORS, such as "umxhq,hdemucs=FILE". Does not import torch, because the settings read it.
The other weights of Hybrid Demucs (`hdemucs_high_trained.pt`) are not listed, because they were trained on the test
songs of MUSDB18 too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError
from data.files.download import Remote, fetch
from data.progress import Listener, ignore


@dataclass(frozen=True)
class Weights:
    """A published weights file.

    Attributes:
        network: kind of the network, "hdemucs", "openunmix" or "spleeter".
        remote: where to download the file, and how to check it.
        hidden: size of the layers of Open-Unmix; 0 for other networks.
        content: SHA-256 of the data in the file, for one that is an archive; None if it is the file itself.
    """

    network: str
    remote: Remote
    hidden: int = 0
    content: str | None = None


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
    "spleeter": Weights(
        "spleeter",
        Remote(
            "https://github.com/deezer/spleeter/releases/download/v1.4.0/2stems.tar.gz",
            size=73_109_797,
            sha256="f3a90b39dd2874269e8b05a48a86745df897b848c61f3958efc80a39152bd692",
        ),
        content="7747f9fd2c782306dbec1504360fbb645a097a48446f23486c3ff9c89bc11788",
    ),
}


def parse_separators(text: str) -> dict[str, Path | None]:
    """Return the separators that a setting selects, each with its weights file, or None if it is to be downloaded.

    Args:
        text: names separated by commas, each optionally followed by "=FILE" ("=FOLDER" for Spleeter); "" selects none.

    Raises:
        InputError: a name is unknown or occurs twice.

    Example:
        >>> parse_separators("umxhq,hdemucs=weights.pt")
        {'umxhq': None, 'hdemucs': PosixPath('weights.pt')}
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
    """Return a text for each selected separator that identifies its weights, without reading them.

    For a file that the setting names, the text is its size and modification time, or "missing". For a download, it is
    the SHA-256, or the URL if no SHA-256 is known. Of weights whose content has a known SHA-256 wherever they come from
    (Spleeter), it is that.

    Args:
        text: the setting, as in `parse_separators`.

    Raises:
        InputError: a name is unknown or occurs twice.

    Example:
        >>> identities("umxl")
        {'umxl': 'https://zenodo.org/records/5069601/files/vocals-bccbd9aa.pth'}
    """
    found = {}
    for name, given in parse_separators(text).items():
        known = SEPARATORS[name]
        found[name] = known.content or known.remote.sha256 or known.remote.url
        if given is not None and known.content is None:
            state = given.stat() if given.is_file() else None
            found[name] = f"{state.st_size} bytes, {state.st_mtime_ns}" if state else "missing"
    return found


def locate_weights(wanted: Mapping[str, Path | None], downloads: Path, listener: Listener = ignore) -> dict[str, Path]:
    """Return the weights file (or folder) of every separator. Those without a file are downloaded.

    Args:
        wanted: separators and their files or None, as `parse_separators` returns them.
        downloads: folder for downloads.
        listener: receives progress reports.

    Raises:
        InputError: a file does not exist.
        DownloadError: the server is unreachable, or the file is not the expected one.

    Example:
        >>> locate_weights(parse_separators("umxhq"), Path("downloads"))
        {'umxhq': PosixPath('downloads/vocals-b62c91ce.pth')}
    """
    found = {}
    for name, given in wanted.items():
        remote = SEPARATORS[name].remote
        path = given or fetch(remote, downloads / remote.url.rsplit("/", 1)[-1], listener=listener)
        if not (path.is_file() or (path.is_dir() and SEPARATORS[name].content)):
            raise InputError(f"TESSITURA_SEPARATORS: {name}={path}: no such file")
        found[name] = path
    return found
