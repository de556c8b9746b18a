"""Spleeter: TensorFlow's bundle read byte by byte, its layers by numpy as TensorFlow defines them, whole songs."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_bundle import archive, field, masked, spleeter_variables, table, write_bundle

from data.errors import InputError
from models.separation.estimates import separating
from models.separation.published.separator_networks import published_separator, spleeter_separator
from models.separation.published.separators import SEPARATORS, identities, locate_weights
from models.separation.published.spleeter import FRAMES, HOP, SIZE, VALUES, Spleeter, load_spleeter
from models.separation.published.tensorflow_bundle import read_bundle

CPU = torch.device("cpu")
FILTERS = (2, 1, 2, 1, 2, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_bundle(tmp_path_factory.mktemp("spleeter"), spleeter_variables(FILTERS))


def read(folder) -> dict[str, np.ndarray]:
    return read_bundle((folder / "model.index").read_bytes(), (folder / VALUES).read_bytes(), str(folder))


def test_the_checksum_is_that_of_the_standard():
    # CRC-32C of "123456789" is E3069283; LevelDB rotates it by 15 bits (2507C60D) and adds A282EAD8.
    assert masked(b"123456789") == 0xC78AB0E5


@pytest.mark.parametrize("entries", [1, 4, 200])
def test_a_bundle_gives_back_what_was_written(tmp_path, entries):
    told = {**spleeter_variables(FILTERS), "a": np.zeros((0, 3), np.float32), "conv": np.arange(3, dtype=np.int64)}
    found = read(write_bundle(tmp_path, told, entries))
    assert found.keys() == told.keys()
    for name, one in told.items():
        assert found[name].dtype == one.dtype
        np.testing.assert_array_equal(found[name], one)


def test_damaged_bundles_are_refused(folder, tmp_path):
    index, values = (folder / "model.index").read_bytes(), (folder / VALUES).read_bytes()
    for broken, told in [
        (index[:-1], "LevelDB's magic number"),
        (index[1000:], "no readable TensorFlow bundle"),
        (index[:40] + bytes([index[40] ^ 4]) + index[41:], "checksum of a block"),
        (b"", "LevelDB's magic number"),
    ]:
        with pytest.raises(InputError, match=told):
            read_bundle(broken, values, "here")
    with pytest.raises(InputError, match=r"here: .*variable '.*': shape .* of 100"):
        read_bundle(index, values[:100], "here")
    strange = table([(b"", field(1, 2))], 1)
    with pytest.raises(InputError, match="2 data files"):
        read_bundle(strange, b"", "here")
    with pytest.raises(InputError, match="of type 7"):
        read_bundle(table([(b"", field(1, 1)), (b"text", field(1, 7))], 2), b"", "here")
    for cut in range(0, len(index), 97):
        with pytest.raises(InputError):
            read_bundle(index[:cut], values, "here")


def halved(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """TensorFlow's convolution of stride 2 with padding "same": output i hears inputs 2i - 1 to 2i + 3."""
    size = np.array(image.shape[1:]) // 2
    padded = np.pad(image, ((0, 0), (1, 2), (1, 2)))
    total = np.zeros((kernel.shape[3], *size))
    for (y, x), one in zip(np.ndindex(5, 5), kernel.reshape(25, *kernel.shape[2:]), strict=True):
        heard = padded[:, y : y + 2 * size[0] : 2, x : x + 2 * size[1] : 2]
        total += np.einsum("ihw,io->ohw", heard, one)
    return total


def doubled(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Its transpose: input i is heard by outputs 2i - 1 to 2i + 3."""
    _, height, width = image.shape
    total = np.zeros((kernel.shape[2], 2 * height + 3, 2 * width + 3))
    for (y, x), one in zip(np.ndindex(5, 5), kernel.reshape(25, *kernel.shape[2:]), strict=True):
        total[:, y : y + 2 * height : 2, x : x + 2 * width : 2] += np.einsum("ihw,oi->ohw", image, one)
    return total[:, 1:-2, 1:-2]


def dilated(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    _, height, width = image.shape
    padded = np.pad(image, ((0, 0), (3, 3), (3, 3)))
    total = np.zeros((kernel.shape[3], height, width))
    for y, x in np.ndindex(4, 4):
        total += np.einsum("ihw,io->ohw", padded[:, 2 * y : 2 * y + height, 2 * x : 2 * x + width], kernel[y, x])
    return total


def unet_by_hand(variables: dict[str, np.ndarray], magnitude: np.ndarray, unet: int) -> np.ndarray:
    """The U-Net as its paper and its published program have it, in double precision."""

    def named(kind: str, number: int) -> str:
        return f"{kind}_{number}" if number else kind

    def layer(kind: str, number: int) -> tuple[np.ndarray, np.ndarray]:
        place = named(kind, number)
        return variables[f"{place}/kernel"].astype(float), variables[f"{place}/bias"][:, None, None].astype(float)

    def norm(image: np.ndarray, number: int) -> np.ndarray:
        place = named("batch_normalization", 12 * unet + number)
        gamma, beta, mean, variance = (
            variables[f"{place}/{end}"][:, None, None].astype(float)
            for end in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return (image - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    hidden, convolved = magnitude, []
    for number in range(6):
        kernel, bias = layer("conv2d", 7 * unet + number)
        convolved.append(halved(hidden, kernel) + bias)
        hidden = norm(convolved[-1], number)
        hidden = np.where(hidden > 0, hidden, 0.2 * hidden)
    hidden = convolved[5]
    for number in range(6):
        kernel, bias = layer("conv2d_transpose", 6 * unet + number)
        hidden = norm(np.maximum(doubled(hidden, kernel) + bias, 0), 6 + number)
        if number < 5:
            hidden = np.concatenate([convolved[4 - number], hidden])
    kernel, bias = layer("conv2d", 7 * unet + 6)
    return magnitude / (1 + np.exp(-(dilated(hidden, kernel) + bias)))


def test_the_network_by_hand(folder):
    network, variables = load_spleeter(folder, CPU), read(folder)
    magnitude = np.random.default_rng(2).exponential(1, (2, 64, 128))
    vocals, rest = (unet_by_hand(variables, magnitude, unet) for unet in range(2))
    given = torch.tensor(magnitude, dtype=torch.float32)[None]
    np.testing.assert_allclose(network.vocals(given)[0], vocals, atol=1e-4)
    np.testing.assert_allclose(network.accompaniment(given)[0], rest, atol=1e-4)
    told = vocals**2 / (vocals**2 + rest**2)
    assert told.std() > 0.05
    np.testing.assert_allclose(network.mask(given)[0], told, atol=1e-3)
    silence = torch.zeros(1, 2, 24, 128)  # what fills 40 frames up to a multiple of 64
    cut = network.mask(given[:, :, :40])
    torch.testing.assert_close(cut, network.mask(torch.cat([given[:, :, :40], silence], 2))[:, :, :40])


def test_published_filters_give_the_published_size():
    """2stems' data file has 78,614,080 bytes: floats of both U-Nets with the norms that are not used, and a step."""
    network = Spleeter((16, 32, 64, 128, 256, 512))
    counted = sum(one.numel() for name, one in network.state_dict().items() if "num_batches" not in name)
    assert 4 * (counted + 2 * 4 * 512) + 8 == 78_614_080


@pytest.mark.parametrize("hertz", [1000, 15_000])
def test_frames_add_up_and_nothing_is_left_above_11_khz(folder, hertz, monkeypatch):
    network = load_spleeter(folder, CPU)
    monkeypatch.setattr(network, "mask", torch.ones_like)
    tone = torch.sin(2 * torch.pi * hertz * torch.arange(30_001) / 44_100).expand(1, 2, -1)
    found = network(tone)
    told = tone if hertz < 11_000 else torch.zeros_like(tone)
    torch.testing.assert_close(found[..., SIZE:-SIZE], told[..., SIZE:-SIZE], atol=1e-2, rtol=0)
    assert found.shape == tone.shape


def test_songs_of_one_block_are_as_published_and_longer_ones_go_on(folder):
    network = load_spleeter(folder, CPU)
    system = separating(spleeter_separator(network))
    block = (FRAMES - SIZE // HOP) * HOP
    song = np.random.default_rng(1).normal(0, 0.1, (block + 50_000, 2)).astype(np.float32)
    short = song[:100_000]
    filled = np.pad(short, ((0, block - len(short)), (0, 0)))
    with torch.no_grad():
        whole = network(torch.from_numpy(filled.T.copy())[None])[0].T.numpy()
    np.testing.assert_allclose(system(short, short, 44_100), whole[: len(short)], atol=1e-6)
    found = system(song, song, 44_100)
    assert found.shape == song.shape
    assert np.abs(found[-40_000:]).max() > 0


def test_weights_come_from_a_folder_or_the_published_archive(folder, tmp_path, monkeypatch, server):
    packed = archive(folder, tmp_path / "2stems.tar.gz")
    content = packed.read_bytes()
    server.files["/2stems.tar.gz"] = content
    data = hashlib.sha256((folder / VALUES).read_bytes()).hexdigest()
    whole = hashlib.sha256(content).hexdigest()
    remote = replace(SEPARATORS["spleeter"].remote, url=f"{server.root}/2stems.tar.gz", size=len(content), sha256=whole)
    monkeypatch.setitem(SEPARATORS, "spleeter", replace(SEPARATORS["spleeter"], remote=remote, content=data))
    places = locate_weights({"spleeter": None}, tmp_path / "downloads") | {"folder": folder}
    mixture = np.random.default_rng(0).normal(0, 0.1, (8000, 1)).astype(np.float32)
    first, second = (
        separating(published_separator("spleeter", one, CPU))(mixture, mixture, 16_000) for one in places.values()
    )
    np.testing.assert_array_equal(first, second)
    assert np.abs(first).max() > 0
    assert locate_weights({"spleeter": folder}, tmp_path) == {"spleeter": folder}
    assert identities("spleeter") == identities(f"spleeter={folder}") == {"spleeter": data}
    with pytest.raises(InputError, match=r"the SHA-256 of model\.data.* expected 00"):
        load_spleeter(folder, CPU, sha256="00")


def test_other_files_are_refused(folder, tmp_path):
    with pytest.raises(InputError, match="no such file or folder"):
        load_spleeter(tmp_path / "none", CPU)
    with pytest.raises(InputError, match=r"no model\.index in it"):
        load_spleeter(tmp_path, CPU)
    half = tmp_path / "half.tar.gz"
    half.write_bytes(archive(folder, tmp_path / "2stems.tar.gz").read_bytes()[:2000])
    with pytest.raises(InputError, match="damaged or cut off"):
        load_spleeter(half, CPU)
    variables = spleeter_variables(FILTERS)
    del variables["conv2d_9/kernel"]
    with pytest.raises(InputError, match=r"weights of another network .*conv2d_9/kernel"):
        load_spleeter(write_bundle(tmp_path / "less", variables), CPU)
    variables["conv2d_9/kernel"] = np.zeros((3, 3, 1, 2), np.float32)
    with pytest.raises(InputError, match=r"weights of another network .*size mismatch"):
        load_spleeter(write_bundle(tmp_path / "other", variables), CPU)
