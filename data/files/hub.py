"""Downloads published networks from the Hugging Face hub: config.json and the weights, of one revision."""

from dataclasses import dataclass
from pathlib import Path

from data.files.download import Remote, fetch
from data.progress import Listener, ignore

HUB = "https://huggingface.co"
CONFIG = "config.json"


@dataclass(frozen=True)
class HubNetwork:
    """A network on the hub.

    Attributes:
        repository: repository on the hub, "OWNER/NAME".
        revision: commit of the repository; unlike a branch, it cannot change.
        weights: name of the file with the weights.
        sha256: SHA-256 of that file, hexadecimal; None where it is not known, so that only the revision pins it.
    """

    repository: str
    revision: str
    weights: str
    sha256: str | None


def fetch_network(network: HubNetwork, folder: Path, *, hub: str = HUB, listener: Listener = ignore) -> Path:
    """Download a published network to `folder` and return the folder.

    An interrupted download is resumed. Files that are already there are not downloaded again.

    Args:
        network: network to download.
        folder: folder for config.json and the weights.
        hub: URL of the hub.
        listener: receives progress reports.

    Raises:
        DownloadError: the hub is unreachable, or a file is not the expected one.

    Example:
        >>> fetch_network(CODECS["dac_44khz"].source, Path("downloads/dac_44khz"))
    """
    place = f"{hub}/{network.repository}/resolve/{network.revision}"
    fetch(Remote(f"{place}/{CONFIG}", magic=b"{"), folder / CONFIG, listener=listener)
    weights = Remote(f"{place}/{network.weights}", sha256=network.sha256)
    fetch(weights, folder / network.weights, listener=listener)
    return folder
