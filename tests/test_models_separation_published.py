"""Published separators: channels heard together, each network small, weights as others publish them."""

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torchaudio.models import HDemucs

from data.errors import InputError
from models.separation.published.openunmix import OpenUnmix, OpenUnmixConfig, load_openunmix
from models.separation.published.separator_networks import (
    SOURCES,
    hdemucs_separator,
    load_hdemucs,
    openunmix_separator,
    spleeter_separator,
)
from models.separation.published.spleeter import Spleeter
from models.separation.published.weights import load_weights
from models.separation.separate import Mixture, Separator

CPU = torch.device("cpu")
SMALL = OpenUnmixConfig(n_fft=256, hidden=8)
CHUNK = 0.2  # seconds, 8820 samples


def noise(length: int, channels: int) -> np.ndarray:
    return np.random.default_rng(length).standard_normal((length, channels)).astype(np.float32) * 0.1


def separate(system: Separator, mixture: np.ndarray, batch: int = 2) -> np.ndarray:
    pieces = system.separate(Mixture.of(mixture), batch=batch)
    return np.concatenate(list(pieces))


def small(name: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if name == "hdemucs":
        return HDemucs(SOURCES, channels=4).eval().requires_grad_(False)
    if name == "spleeter":
        return Spleeter((1, 1, 1, 1, 1, 1)).eval().requires_grad_(False)
    network = OpenUnmix(SMALL).eval().requires_grad_(False)
    torch.nn.init.normal_(network.fc3.weight)
    return network


@pytest.fixture(params=["hdemucs", "openunmix", "spleeter"])
def system(request) -> Separator:
    if request.param == "spleeter":
        return spleeter_separator(small("spleeter"), frames=12)  # 8192 samples
    make = {"hdemucs": hdemucs_separator, "openunmix": openunmix_separator}[request.param]
    return make(small(request.param), CHUNK)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_channels_are_heard_together_in_order_and_each_chunk_once(channels):
    seen = []

    def turn(mixture: torch.Tensor, numbers: list[int]) -> torch.Tensor:
        assert mixture.shape == (len(numbers), channels, 1000)
        seen.extend(numbers)
        return mixture.flip(1)

    mixture = noise(3333, channels)
    found = separate(Separator(turn, 8000, 1000, 200, together=True), mixture)
    np.testing.assert_allclose(found, mixture[:, ::-1], atol=1e-7)
    assert seen == list(range(4))


def test_without_it_each_channel_is_an_item_that_knows_its_chunk():
    seen = []

    def louder(mixture: torch.Tensor, numbers: list[int]) -> torch.Tensor:
        seen.extend(numbers)
        return mixture * torch.tensor([1.0, 2.0]).repeat(len(mixture) // 2)[:, None]

    mixture = noise(2600, 2)
    np.testing.assert_allclose(separate(Separator(louder, 8000, 1000, 200), mixture), mixture * [1, 2], atol=1e-7)
    assert seen == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("length", [1, 5000, 8820, 20_000])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_vocals_are_as_long_whatever_the_batch(system, length, channels):
    mixture = noise(length, channels)
    found = separate(system, mixture, batch=1)
    assert found.shape == mixture.shape
    assert np.isfinite(found).all()
    np.testing.assert_allclose(separate(system, mixture, batch=3), found, atol=1e-5)


def test_a_channel_alone_is_fed_as_both(system):
    three = noise(12_000, 3)
    found = separate(system, three)
    for channel in range(3):
        mono = separate(system, three[:, [channel]])
        both = separate(system, three[:, [channel, channel]])
        np.testing.assert_allclose(mono[:, 0], both.mean(1), atol=1e-5)
        np.testing.assert_allclose(found[:, channel], mono[:, 0], atol=1e-5)
    assert np.abs(found).max() > 1e-3


def test_stereo_is_more_than_two_channels_alone(system):
    stereo = noise(8820, 2)
    alone = np.concatenate([separate(system, stereo[:, [channel]]) for channel in (0, 1)], 1)
    assert np.abs(separate(system, stereo) - alone).max() > 1e-4


def test_silence_stays_silent(system):
    np.testing.assert_array_equal(separate(system, np.zeros((9000, 2), np.float32)), 0)


def test_demucs_gives_its_fourth_source_of_the_normalised_mixture():
    network = small("hdemucs")
    mixture = torch.from_numpy(noise(8820, 2).T)[None] + 0.01
    middle = mixture.mean(1)
    told = network((mixture - middle.mean()) / middle.std())[0, 3] * middle.std() + middle.mean()
    found = separate(hdemucs_separator(network, CHUNK), mixture[0].T.numpy())
    np.testing.assert_allclose(found, told.T, atol=1e-5)
    louder = separate(hdemucs_separator(network, CHUNK), 5 * mixture[0].T.numpy())
    np.testing.assert_allclose(louder, 5 * found, atol=1e-4)


def test_demucs_of_the_published_size_with_random_weights():
    network = load_hdemucs(None, CPU)
    assert sum(one.numel() for one in network.parameters()) == 83_639_368
    assert network.sources == ["drums", "bass", "other", "vocals"]
    assert not network.training


def test_openunmix_has_the_published_parameters():
    """umxhq's vocals: 35,637,796 bytes, of which these 8.9 M floats are 35,573,392; the rest buffers and wrapping."""
    bins, heard, hidden = 2049, 1487, 512  # 1487: 0 to 16 kHz in steps of 44,100 / 4096 Hz
    lstm = 2 * 4 * (hidden // 2) * (hidden + hidden // 2 + 2)  # directions, gates; from input, from state, two biases
    told = {
        "input": 2 * heard,
        "first": 2 * heard * hidden + 2 * hidden,
        "recurrent": 3 * lstm,
        "second": 2 * hidden * hidden + 2 * hidden,
        "third": hidden * 2 * bins + 2 * 2 * bins,
        "output": 2 * bins,
    }
    assert sum(told.values()) == 8_893_348
    network = OpenUnmix(OpenUnmixConfig())
    assert sum(one.numel() for one in network.parameters()) == 8_893_348


def published_names() -> set[str]:
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    recurrent = {
        f"lstm.{kind}_{side}_l{layer}{way}"
        for kind in ("weight", "bias")
        for side in ("ih", "hh")
        for layer in range(3)
        for way in ("", "_reverse")
    }
    return (
        {f"{side}_{what}" for side in ("input", "output") for what in ("mean", "scale")}
        | {f"fc{number}.weight" for number in (1, 2, 3)}
        | {f"bn{number}.{what}" for number in (1, 2, 3) for what in norm}
        | recurrent
    )


def test_openunmix_loads_a_published_file(tmp_path):
    network = small("openunmix")
    state = dict(network.state_dict())
    assert set(state) == published_names()
    # As umxhq's file does, this one also holds the transform the network was trained behind.
    state |= {
        "stft.window": torch.ones(256),
        "transform.0.window": torch.ones(256),
        "sample_rate": torch.tensor(44_100),
    }
    path = tmp_path / "vocals-01234567.pth"
    torch.save(state, path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    loaded = load_openunmix(path, CPU, config=SMALL, sha256=sha256)
    mixture = torch.from_numpy(noise(3000, 2).T)[None]
    torch.testing.assert_close(loaded(mixture), network(mixture), rtol=0, atol=0)
    with pytest.raises(InputError, match=r"weights of another network .*size mismatch"):
        load_openunmix(path, CPU, config=OpenUnmixConfig(n_fft=256, hidden=16))


def test_openunmix_lets_through_what_its_mask_says():
    network = small("openunmix")
    mixture = torch.from_numpy(noise(5000, 2).T)[None]
    torch.nn.init.zeros_(network.fc3.weight)
    torch.testing.assert_close(network(mixture), mixture, atol=1e-6, rtol=1e-4)  # output_mean is 1 at first
    network.output_mean.mul_(0.25)
    torch.testing.assert_close(network(mixture), mixture / 4, atol=1e-6, rtol=1e-4)
    network.output_mean.fill_(-1)
    assert network(mixture).abs().max() == 0


def test_openunmix_hears_up_to_its_bandwidth():
    network = small("openunmix")
    assert SMALL.heard_bins == 93  # 92 · 44,100 / 256 Hz is 15,848 Hz
    magnitude = torch.rand(1, 2, 129, 5)
    above, below = magnitude.clone(), magnitude.clone()
    above[:, :, 93:] += 1
    below[:, :, 92] += 1
    torch.testing.assert_close(network.mask(above), network.mask(magnitude), rtol=0, atol=0)
    assert not torch.allclose(network.mask(below), network.mask(magnitude))


def test_the_mask_by_hand():
    """Without recurrence (its weights zero), two bins' worth of arithmetic in numpy; channels before bins."""
    network = small("openunmix")
    draw = torch.Generator().manual_seed(3)
    for name, one in network.state_dict().items():
        if one.is_floating_point():
            one.copy_(torch.rand(one.shape, generator=draw) + 0.5 if "lstm" not in name else torch.zeros(one.shape))
    network.bn3.weight.mul_(0.05)
    weights = {name: one.double().numpy() for name, one in network.state_dict().items()}
    magnitude = torch.rand(1, 2, 129, 1, generator=draw)

    def norm(number: int, values: np.ndarray) -> np.ndarray:
        mean, variance, weight, bias = (
            weights[f"bn{number}.{what}"] for what in ("running_mean", "running_var", "weight", "bias")
        )
        return (values - mean) / np.sqrt(variance + 1e-5) * weight + bias

    heard = (magnitude[0, :, :93, 0].double().numpy() + weights["input_mean"]) * weights["input_scale"]
    hidden = np.tanh(norm(1, weights["fc1.weight"] @ heard.reshape(-1)))
    hidden = np.maximum(norm(2, weights["fc2.weight"] @ np.concatenate([hidden, np.zeros(8)])), 0)
    shares = norm(3, weights["fc3.weight"] @ hidden).reshape(2, 129)
    told = np.maximum(shares * weights["output_scale"] + weights["output_mean"], 0)
    assert told.std() > 0.01
    np.testing.assert_allclose(network.mask(magnitude)[0, :, :, 0], told, rtol=1e-4)


class Trap:
    """Unpickled, it would make a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (lambda path: {"weight": Trap(path)}, "not readable as weights"),
        (lambda path: {"state_dict": {"weight": torch.ones(1)}}, "holds more than weights by name"),
        (lambda path: [torch.ones(1)], "holds more than weights by name"),
        (lambda path: {"weight": torch.ones(2, 3)}, "weights of another network"),
        (lambda path: {"weight": torch.ones(2, 2), "bias": torch.ones(2), "more": torch.ones(1)}, "Unexpected key"),
    ],
)
def test_a_file_of_anything_else_is_refused_and_never_run(tmp_path, content, told):
    torch.save(content(tmp_path / "run"), tmp_path / "weights.pt")
    with pytest.raises(InputError, match=told) as caught:
        load_weights(torch.nn.Linear(2, 2), tmp_path / "weights.pt")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_damaged_missing_and_other_files_are_named(tmp_path):
    path, network = tmp_path / "weights.pt", torch.nn.Linear(2, 2)
    with pytest.raises(InputError, match=r"weights\.pt: no such file"):
        load_weights(network, path)
    torch.save(network.state_dict(), path)
    with pytest.raises(InputError, match=r"its SHA-256 is .*, expected 00"):
        load_weights(network, path, "00")
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(InputError, match="not readable as weights"):
        load_weights(network, path)
    (tmp_path / "weights.safetensors").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not readable as weights"):
        load_weights(network, tmp_path / "weights.safetensors")
