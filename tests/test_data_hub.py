"""Networks from the hub: the files of one revision, each checked as far as it is known."""

import hashlib
from dataclasses import replace

import pytest
from tiny_server import Server

from data.files.download import DownloadError
from data.files.hub import HubNetwork, fetch_network
from models.conversion.melody.published.encoders import ENCODERS
from models.separation.published.codecs import CODECS

WEIGHTS = bytes(range(256)) * 10
NETWORK = HubNetwork("somebody/network", "0123abcd", "model.bin", hashlib.sha256(WEIGHTS).hexdigest())


@pytest.fixture
def hub(server: Server) -> Server:
    place = "/somebody/network/resolve/0123abcd"
    server.files |= {f"{place}/config.json": b"{}", f"{place}/model.bin": WEIGHTS}
    return server


def test_both_files_of_the_revision_come_once(tmp_path, hub):
    folder = fetch_network(NETWORK, tmp_path / "network", hub=hub.root)
    assert {one.name: one.read_bytes() for one in folder.iterdir()} == {"config.json": b"{}", "model.bin": WEIGHTS}
    assert len(hub.requests) == 2
    assert fetch_network(NETWORK, folder, hub=hub.root) == folder
    assert len(hub.requests) == 2


def test_other_weights_are_refused_where_their_hash_is_known(tmp_path, hub):
    other = replace(NETWORK, sha256="00")
    with pytest.raises(DownloadError, match=f"its SHA-256 is {NETWORK.sha256}, expected 00"):
        fetch_network(other, tmp_path / "refused", hub=hub.root)
    assert not (tmp_path / "refused" / "model.bin").exists()
    assert (fetch_network(replace(NETWORK, sha256=None), tmp_path, hub=hub.root) / "model.bin").read_bytes() == WEIGHTS


def test_a_page_instead_of_the_description_is_refused(tmp_path, hub):
    hub.files["/somebody/network/resolve/0123abcd/config.json"] = b"<html>log in</html>"
    with pytest.raises(DownloadError, match="error or log-in page"):
        fetch_network(NETWORK, tmp_path, hub=hub.root)


def test_what_is_published_says_where_it_is():
    for one in (*CODECS.values(), *ENCODERS.values()):
        found = one.source
        assert (found.repository, found.revision, found.sha256) == (one.repository, one.revision, one.sha256)
        assert len(found.revision) == 40
    assert CODECS["dac_44khz"].source.weights == "model.safetensors"
    assert {ENCODERS[name].source.weights for name in ("whisper-base", "whisper-tiny.en")} == {"model.bin"}
