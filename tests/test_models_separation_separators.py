"""Published separators as they are asked for: by name, from a file or a real server, at any rate."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data.errors import InputError
from models.separation.estimates import separating
from models.separation.published import separators
from models.separation.published.openunmix import OpenUnmix, OpenUnmixConfig
from models.separation.published.separator_networks import published_separator
from models.separation.published.separators import SEPARATORS, identities, locate_weights, parse_separators
from models.separation.separate import Separator


def test_names_and_files_are_read_from_the_setting():
    assert parse_separators("") == {}
    assert parse_separators(" umxhq , hdemucs=/data/w=1.pt") == {"umxhq": None, "hdemucs": Path("/data/w=1.pt")}
    with pytest.raises(InputError, match="'deezer' is no separator; there are hdemucs, umxhq, umxl, spleeter"):
        parse_separators("umxhq,deezer")
    with pytest.raises(InputError, match="'umxl' is twice"):
        parse_separators("umxl,umxl=a.pth")


def test_weights_come_from_a_server_or_a_file(tmp_path, server, monkeypatch):
    torch.save(OpenUnmix(OpenUnmixConfig(hidden=32)).state_dict(), mine := tmp_path / "mine.pth")
    content = mine.read_bytes()
    server.files["/vocals.pth"] = content
    remote = replace(
        SEPARATORS["umxhq"].remote,
        url=f"{server.root}/vocals.pth",
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )
    known = {name: replace(SEPARATORS["umxhq"], remote=remote, hidden=32) for name in ("umxhq", "umxl")}
    monkeypatch.setattr(separators, "SEPARATORS", known)
    found = locate_weights({"umxhq": None, "umxl": mine}, tmp_path / "downloads")
    assert found == {"umxhq": tmp_path / "downloads" / "vocals.pth", "umxl": mine}
    assert identities("umxhq")["umxhq"] == remote.sha256
    assert identities(f"umxl={mine}")["umxl"].startswith(f"{len(content)} bytes")
    assert len(server.requests) == 1
    with pytest.raises(InputError, match=r"umxl=.*none.pth: no such file"):
        locate_weights({"umxl": tmp_path / "none.pth"}, tmp_path)


def test_songs_at_another_rate_are_heard_and_come_back_as_long(tmp_path, monkeypatch):
    monkeypatch.setitem(SEPARATORS, "umxhq", replace(SEPARATORS["umxhq"], hidden=32))
    torch.manual_seed(0)
    torch.save(OpenUnmix(OpenUnmixConfig(hidden=32)).state_dict(), tmp_path / "vocals.pth")
    system = separating(published_separator("umxhq", tmp_path / "vocals.pth", torch.device("cpu")))
    mixture = np.random.default_rng(0).uniform(-0.3, 0.3, (16_001, 1)).astype(np.float32)
    found = system(mixture, mixture, 16_000)
    assert found.shape == mixture.shape
    assert np.isfinite(found).all()


def test_resampling_there_and_back_changes_nothing_in_the_band():
    time = np.arange(8000)[:, None] / 8000
    tone = np.sin(2 * np.pi * 440 * time).astype(np.float32)
    through = separating(Separator(lambda wave, numbers: wave, 44_100, 10_000, 1000))
    np.testing.assert_allclose(through(tone, tone, 8000)[200:-200], tone[200:-200], atol=1e-3)
