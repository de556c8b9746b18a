"""The predictor of speech quality: its layers written out, pieces of long recordings, weights as they are published."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from data.errors import InputError
from eval.metrics.quality import _NAMES, DistillMOS, compressed, load_quality_predictor, piece_starts

PIECE = 122_880


@pytest.fixture(scope="module")
def network() -> DistillMOS:
    torch.manual_seed(0)
    made = DistillMOS()
    for name, one in made.state_dict().items():
        if "running" in name:
            one.copy_(torch.rand(one.shape) + 0.5)
        elif name == "positions":
            one.normal_(0, 0.3)
        elif name.startswith(("convolutions", "judge")):
            one.mul_(4)
    return made.eval().requires_grad_(False)


def published(network: DistillMOS) -> dict[str, Tensor]:
    """The weights under the names of the published file."""
    found = {}
    for name, one in network.state_dict().items():
        theirs, mine = next(pair for pair in _NAMES.items() if name.startswith(pair[1]))
        found[theirs + name.removeprefix(mine)] = one
    return found


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    time = np.arange(int(seconds * 16_000)) / 16_000
    return (0.2 * np.sin(2 * np.pi * 300 * time) + draw.normal(0, 0.02, len(time))).astype(np.float32)


def by_hand(weights: dict[str, Tensor], wave: np.ndarray) -> float:
    """The network in double precision, as its paper and the published names have it."""
    known = {name: one.double() for name, one in weights.items() if one.is_floating_point()}
    after = "transformer_pool_attn."

    def linear(values: Tensor, place: str) -> Tensor:
        return values @ known[f"{place}.weight"].T + known[f"{place}.bias"]

    def batch_norm(values: Tensor, place: str) -> Tensor:
        mean, variance = known[f"{place}.running_mean"], known[f"{place}.running_var"]
        return (values - mean) / (variance + 1e-5).sqrt() * known[f"{place}.weight"] + known[f"{place}.bias"]

    def layer_norm(values: Tensor, place: str) -> Tensor:
        centred = values - values.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * known[f"{place}.weight"] + known[f"{place}.bias"]

    spectrum = compressed(torch.from_numpy(wave / np.abs(wave).max())).double()[None]
    for number in range(6):
        stride = (1 if number == 0 else 2, 2 if number == 5 else 1)
        place = f"cnn.cnn.{2 * number}"
        spectrum = functional.pad(spectrum, (1, 1))
        spectrum = functional.conv2d(spectrum, known[f"{place}.weight"], known[f"{place}.bias"], stride)
        spectrum = torch.where(spectrum > 0, spectrum, 0.1 * spectrum)
    frames = spectrum[0].flatten(0, 1).T  # (384, 1024)
    frames = batch_norm(batch_norm(frames, f"{after}norm_input"), f"{after}transformer.norm")
    frames = linear(frames, f"{after}transformer.linear_proj") + known[f"{after}transformer.position_encoding.pe"][0]
    for number in range(7):
        place = f"{after}transformer.transformer_encoder.layers.{number}"
        all_three = frames @ known[f"{place}.self_attn.in_proj_weight"].T + known[f"{place}.self_attn.in_proj_bias"]
        queries, keys, values = (one.unflatten(1, (8, 25)).transpose(0, 1) for one in all_three.chunk(3, 1))
        attention = (queries @ keys.transpose(1, 2) / 5).softmax(-1)  # 5: the root of 25 values a head
        heard = (attention @ values).transpose(0, 1).flatten(1)
        frames = layer_norm(frames + linear(heard, f"{place}.self_attn.out_proj"), f"{place}.norm1")
        inner = linear(frames, f"{place}.linear1").relu()
        frames = layer_norm(frames + linear(inner, f"{place}.linear2"), f"{place}.norm2")
    frames = batch_norm(frames, f"{after}norm_trans")
    pool = f"{after}pool.linear"
    shares = linear(linear(frames, f"{pool}1").relu(), f"{pool}2").softmax(0)
    return float(1 + 4 * linear((shares * frames).sum(0), f"{pool}3").sigmoid())


def test_the_network_by_hand(network):
    wave = voice(PIECE / 16_000)
    told = by_hand(published(network), wave)
    assert 1.05 < told < 4.95
    assert network.predict(wave) == pytest.approx(told, abs=1e-3)


def test_it_has_the_published_sizes(network):
    assert sum(one.numel() for one in network.parameters()) == 4_133_226
    assert network.state_dict()["positions"].shape == (1, 384, 200)
    assert len(published(network)) == 120  # tensors in distill_mos_v7.pt


def test_the_spectrogram_by_hand():
    wave = voice(0.1)
    padded = np.pad(wave.astype(float), 80, mode="reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(320) / 320)
    frames = np.stack([padded[start : start + 320] * window for start in range(0, len(wave), 160)])
    told = np.fft.rfft(frames).T  # (161, 10)
    told = np.abs(told) ** 0.3 * np.exp(1j * np.angle(told))
    found = compressed(torch.from_numpy(wave)).numpy()
    np.testing.assert_allclose(found[0] + 1j * found[1], told, atol=1e-3)


def test_long_recordings_are_heard_in_pieces(network, monkeypatch):
    assert piece_starts(1000) == piece_starts(PIECE) == [0]
    assert piece_starts(PIECE + 1) == [0, 1]
    assert piece_starts(PIECE + 40_000) == [0, 13_333, 26_666, 40_000]
    seen = []
    monkeypatch.setattr(network, "forward", lambda piece: seen.append(piece) or piece[0])
    wave = np.arange(1, PIECE + 20_001, dtype=np.float32)
    assert network.predict(wave) == pytest.approx(np.mean([1, 10_001, 20_001]))
    assert [len(one) for one in seen] == [PIECE] * 3
    assert np.isnan(network.predict(np.zeros(50_000)))
    assert np.isnan(network.predict(np.zeros(0)))
    network.predict(np.ones(100, np.float32))
    assert seen[-1].tolist() == [1.0] * 100 + [0.0] * (PIECE - 100)


def test_the_level_does_not_matter(network):
    wave = voice(1.0)
    assert network.predict(0.01 * wave) == pytest.approx(network.predict(wave), abs=1e-4)


def test_weights_are_read_as_tensors_only(network, tmp_path: Path):
    path = tmp_path / "distill_mos_v7.pt"
    torch.save({"model": published(network), "step": 3}, path)
    found = load_quality_predictor(tmp_path, verify=False)
    assert found.name == "DistillMOS"
    assert found.predict(voice(0.5)) == pytest.approx(network.predict(voice(0.5)), abs=1e-6)
    with pytest.raises(InputError, match=r"distill_mos_v7\.pt: its SHA-256 is .*, expected b18b3ac6"):
        load_quality_predictor(path)
    with pytest.raises(InputError, match="no such file"):
        load_quality_predictor(tmp_path / "other.pt")
    torch.save({"model": {"cnn.cnn.0.weight": torch.ones(2)}}, path)
    with pytest.raises(InputError, match="another network"):
        load_quality_predictor(path, verify=False)
    torch.save({"model": print}, path)
    with pytest.raises(InputError, match="not readable as weights"):
        load_quality_predictor(path, verify=False)
