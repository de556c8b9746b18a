"""Published codecs as ours: small networks of their kinds with random weights, saved and loaded as published."""

import ast
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_codecs import HOPS, KINDS, make
from tiny_server import Server

from data.errors import InputError
from data.files.download import DownloadError
from data.files.durable import write_json
from data.files.hub import fetch_network
from models.separation.denoiser import Denoiser
from models.separation.latents import Scaling
from models.separation.published.codec_networks import PretrainedCodec, as_codec
from models.separation.published.codecs import CODECS, PublishedCodec
from models.separation.published.hub import load_pretrained
from models.separation.separate import Mixture, Sampling, codec_ceiling, diffusion_separator
from models.separation.sizes import DenoiserConfig

CPU = torch.device("cpu")


def save(network, folder: Path) -> PublishedCodec:
    network.save_pretrained(folder)
    sha256 = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    return PublishedCodec("mine", "somebody/codec", "0123abcd", sha256, network.config.sampling_rate, 128)


@pytest.fixture(params=list(KINDS))
def codec(request) -> PretrainedCodec:
    return as_codec(make(request.param)).eval().requires_grad_(False)


def noise(*shape: int) -> torch.Tensor:
    return 0.2 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_saved_network_is_loaded_bit_for_bit(tmp_path, kind):
    network = make(kind)
    codec = load_pretrained(save(network, tmp_path), tmp_path, CPU)
    assert (codec.config.sample_rate, codec.config.hop) == (800, HOPS[kind])
    assert not codec.training
    assert not any(one.requires_grad for one in codec.parameters())
    wave = noise(2, 400)
    latent = codec.encode(wave)
    assert latent.shape == (2, codec.config.dimension, 400 // HOPS[kind])
    torch.testing.assert_close(latent, as_codec(network).encode(wave), rtol=0, atol=0)


@pytest.mark.parametrize("length", [1, 7, 8, 9, 79, 80, 81, 799, 800, 801, 810, 1579, 1580, 1581, 2000])
def test_as_many_samples_come_back(codec, length):
    wave = noise(2, length)
    latent = codec.encode(wave)
    assert latent.shape == (2, codec.config.dimension, -(-length // codec.config.hop))
    assert codec.decode(latent).shape == (2, latent.shape[-1] * codec.config.hop)
    assert codec(wave).shape == wave.shape
    assert codec(wave).isfinite().all()


@pytest.mark.parametrize("kind", ["encodec_24khz", "dac_44khz"])
def test_moved_sound_is_coded_as_much_later(kind):
    codec, hop = as_codec(make(kind)).eval(), HOPS[kind]
    wave = torch.zeros(1, 3000)
    wave[:, 1000:1600] = noise(600)
    before = codec(wave).detach()
    assert before[:, 1000:1600].std() > 0.01
    for frames in (1, 10):
        after = codec(torch.roll(wave, frames * hop)).detach()
        late = 900 + frames * hop
        torch.testing.assert_close(after[:, late : late + 1000], before[:, 900:1900], atol=1e-5, rtol=1e-4)
        assert not torch.allclose(after[:, 900:1900], before[:, 900:1900], atol=1e-3)


def touched(function, given: torch.Tensor, place: int) -> tuple[int, int]:
    """The first and the last place of the output that depend on a place of the input, along the last axis."""
    other = given.clone()
    other[..., place] += 0.5
    with torch.no_grad():
        changes = (function(other) - function(given)).abs().flatten(0, -2).amax(0).nonzero().flatten()
    return int(changes[0]), int(changes[-1])


def test_a_causal_frame_is_made_of_and_heard_in_its_own_samples():
    """To the sample: frame n needs no sample from (n + 1)·hop on, and is heard from n·hop on."""
    codec = as_codec(make("encodec_24khz")).eval().double()
    wave, latent = noise(1, 800).double(), noise(1, 6, 100).double()
    assert touched(codec.encode, wave, 40 * 8)[0] == touched(codec.encode, wave, 40 * 8 + 7)[0] == 40
    assert touched(codec.encode, wave, 40 * 8 - 1)[0] == 39
    assert touched(codec.decode, latent, 40)[0] == 40 * 8


def test_a_centred_frame_reaches_as_far_to_both_sides():
    codec = as_codec(make("dac_44khz")).eval().double()
    wave, latent = noise(1, 3200).double(), noise(1, 16, 400).double()
    for sample in range(4):  # and its mirror image in frame 200, samples 1600 … 1607
        first, last = touched(codec.encode, wave, 1600 + sample)
        assert touched(codec.encode, wave, 1607 - sample) == (400 - last, 400 - first)
    first, last = touched(codec.decode, latent, 200)
    assert 1600 - first == last - 1607 > 8


def test_quantised_sound_is_what_the_published_program_makes():
    """Against transformers' own encode and decode; at 48 kHz up to its second chunk, which leaves our grid."""
    for kind in ("encodec_24khz", "encodec_48khz", "dac_44khz"):
        network = make(kind)
        codec, channels = as_codec(network), getattr(network.config, "audio_channels", 1)
        wave = noise(2, 800)
        given = wave[:, None].expand(-1, channels, -1)
        with torch.no_grad():
            if kind == "dac_44khz":
                told = network(given).audio_values
            else:
                told = network(given, bandwidth=network.config.target_bandwidths[-1]).audio_values.mean(1)
            made = codec.decode(codec.quantise(codec.encode(wave)), 800)
        length = 784 if kind == "encodec_48khz" else 800
        torch.testing.assert_close(made[:, :length], told[:, :length], atol=1e-5, rtol=1e-4)


def test_as_many_codebooks_are_used_as_asked(codec):
    latent = codec.encode(noise(2, 800))
    errors = [(codec.quantise(latent, books) - latent).square().mean().item() for books in (1, 2, 4)]
    assert len(set(errors)) == 3
    torch.testing.assert_close(codec.quantise(latent, 4), codec.quantise(latent), rtol=0, atol=0)
    for books in (0, 5):
        with pytest.raises(ValueError, match=f"{books} codebooks; this codec has 4"):
            codec.quantise(latent, books)


def seconds_of(wave: torch.Tensor, network, start: int) -> torch.Tensor:
    """What the network at 48 kHz makes of the second from frame `start` on, normalised as published: (B, 6, 80)."""
    heard = wave[:, None, start * 10 : start * 10 + 800].expand(-1, 2, -1)
    return network.encoder(heard / (heard.mean(1, keepdim=True).square().mean(-1, keepdim=True).sqrt() + 1e-8))


def test_48_khz_is_coded_by_the_second():
    network = make("encodec_48khz")
    codec, wave = as_codec(network), noise(2, 2000)
    wave[:, 800:] *= 3
    with torch.no_grad():
        latent = codec.encode(wave)
        # Seconds begin at frames 0, 78 and, for the last to be whole, 120.
        for start, kept in ((0, slice(0, 79)), (78, slice(79, 121)), (120, slice(121, 200))):
            second = seconds_of(wave, network, start)
            inside = slice(kept.start - start, kept.stop - start)
            torch.testing.assert_close(latent[:, :6, kept], second[..., inside], atol=1e-5, rtol=1e-4)
            rms = wave[:, start * 10 : start * 10 + 800].square().mean(-1).sqrt()
            torch.testing.assert_close(latent[:, 6, kept], rms.log()[:, None].expand(-1, kept.stop - kept.start))


def test_48_khz_is_decoded_by_the_second_and_cross_faded():
    network = make("encodec_48khz")
    codec, latent = as_codec(network), noise(2, 7, 158)
    latent[:, 6, :79], latent[:, 6, 79:] = -1, -2
    with torch.no_grad():
        wave = codec.decode(latent)
        first = network.decoder(latent[:, :6, :80]).mean(1) * np.exp(-1)
        second = network.decoder(latent[:, :6, 78:]).mean(1) * np.exp(-2)
    torch.testing.assert_close(wave[:, :780], first[:, :780])
    torch.testing.assert_close(wave[:, 800:], second[:, 20:])
    share = torch.linspace(0.025, 0.975, 20)
    torch.testing.assert_close(wave[:, 780:800], (1 - share) * first[:, 780:] + share * second[:, :20])


def test_48_khz_keeps_the_level_and_silence():
    codec = as_codec(make("encodec_48khz")).eval().requires_grad_(False)
    wave = noise(1, 1700)
    loud = codec(wave)
    assert loud.std() > 0.01
    torch.testing.assert_close(codec(0.01 * wave), 0.01 * loud, atol=1e-6, rtol=1e-4)
    assert codec(torch.zeros(1, 1700)).abs().max() < 1e-3
    moved = codec(torch.nn.functional.pad(wave, (780, 0)))  # the grid of seconds moves along
    torch.testing.assert_close(moved[:, 780 + 800 : 780 + 1500], loud[:, 800:1500], atol=1e-5, rtol=1e-3)


def test_48_khz_keeps_the_level_of_a_short_first_second():
    """Of 90 frames the second window overlaps the first by 70: only 11 frames hold the level of the first."""
    codec = as_codec(make("encodec_48khz")).eval().requires_grad_(False)
    wave = noise(1, 900)
    wave[:, 100:] *= 0.001
    alone, found = codec(wave[:, :800])[:, :90].std(), codec(wave)[:, :90].std()
    assert alone > 0.1
    assert 0.5 < found / alone < 2  # not equal: most frames of the first second are coded with the second


@pytest.mark.parametrize("channels", [1, 2])
def test_a_published_codec_takes_the_place_of_ours(codec, channels):
    torch.manual_seed(0)
    size = codec.config.dimension
    denoiser = Denoiser(
        DenoiserConfig(
            dimension=size, channels=8, factors=(1, 2), blocks=(1, 1), attention=1, heads=2, groups=2, features=16
        )
    ).eval()
    scaling = Scaling(torch.zeros(size, 1), torch.ones(size, 1))
    mixture = noise(3001, channels).numpy()
    for system in (diffusion_separator(codec, denoiser, scaling, Sampling(2, 96)), codec_ceiling(codec, 96)):
        pieces = system.separate(Mixture.of(mixture))
        found = np.concatenate(list(pieces))
        assert found.shape == mixture.shape
        assert np.isfinite(found).all()


def test_weights_with_the_names_of_older_versions_are_loaded(tmp_path):
    network = make("encodec_24khz")
    save(network, tmp_path)
    names = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    older = {}
    for name, one in network.state_dict().items():
        prefix, _, end = name.partition("parametrizations")
        older[prefix + names["parametrizations" + end] if end else name] = one
    assert any(name.endswith("conv.weight_g") for name in older)
    safetensors.torch.save_file(older, tmp_path / "model.safetensors")
    edit(tmp_path, torch_dtype="float32", transformers_version="4.31.0.dev0", _name_or_path="somebody/else")
    sha256 = hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    codec = load_pretrained(PublishedCodec("mine", "", "", sha256, 800, 128), tmp_path, CPU)
    torch.testing.assert_close(codec(noise(1, 80)), as_codec(network)(noise(1, 80)).detach(), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "config.json").unlink(), r"config\.json: no such file"),
        (lambda folder: (folder / "config.json").write_text("{"), r"config\.json: no description of a network"),
        (lambda folder: (folder / "config.json").write_text("[]"), r"config\.json: no description of a network"),
        (lambda folder: edit(folder, model_type="bert"), "of the kind 'bert'; codecs known here are encodec and dac"),
        (lambda folder: edit(folder, sampling_rate=700), "700 Hz, 800 expected; take it from revision 0123abcd"),
        (lambda folder: edit(folder, num_filters=6), r"model\.safetensors: weights of another network"),
        (lambda folder: edit(folder, model_type="dac", downsampling_ratios=[2, 5]), "a DAC with an odd ratio"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"model\.safetensors: no such file"),
        (lambda folder: flip(folder / "model.safetensors"), r"model\.safetensors: its SHA-256 is .*, expected"),
    ],
)
def test_another_network_than_expected_is_refused(tmp_path, spoil, told):
    published = save(make("encodec_24khz"), tmp_path)
    spoil(tmp_path)
    with pytest.raises(InputError, match=told) as caught:
        load_pretrained(published, tmp_path, CPU)
    assert "\n" not in str(caught.value)


def edit(folder: Path, **changes) -> None:
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | changes))


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_network_comes_from_the_hub_resumed_and_verified(tmp_path, server: Server):
    published = save(make("dac_44khz"), tmp_path / "there")
    place = "/somebody/codec/resolve/0123abcd"
    for name in ("config.json", "model.safetensors"):
        server.files[f"{place}/{name}"] = (tmp_path / "there" / name).read_bytes()
    partial = tmp_path / "here" / "model.safetensors.partial"
    partial.parent.mkdir()
    partial.write_bytes((tmp_path / "there" / "model.safetensors").read_bytes()[:20_000])
    write_json(
        partial.with_suffix(".validator"), {"url": f"{server.root}{place}/model.safetensors", "validator": server.etag}
    )
    folder = fetch_network(published.source, tmp_path / "here", hub=server.root)
    assert server.requests[-1]["Range"] == "bytes=20000-"
    codec = load_pretrained(published, folder, CPU)
    torch.testing.assert_close(codec(noise(1, 80)), as_codec(make("dac_44khz"))(noise(1, 80)).detach(), rtol=0, atol=0)
    asked = len(server.requests)
    fetch_network(published.source, folder, hub=server.root)
    assert len(server.requests) == asked
    server.files[f"{place}/model.safetensors"] = b"something else"
    with pytest.raises(DownloadError, match=f"expected {published.sha256}"):
        fetch_network(published.source, tmp_path / "other", hub=server.root)
    assert not (tmp_path / "other" / "model.safetensors").exists()


def test_the_published_codecs_are_pinned():
    for name, one in CODECS.items():
        assert one.repository.endswith(name)
        assert len(one.revision) == 40
        assert len(one.sha256) == 64
        assert {"24": 24_000, "48": 48_000, "44": 44_100}[name[-5:-3]] == one.sample_rate


def test_transformers_is_imported_by_none_but_the_loader():
    root = Path(__file__).resolve().parent.parent
    for path in (
        one for floor in ("data", "models", "eval", "assets", "pipelines") for one in (root / floor).rglob("*.py")
    ):
        for node in ast.parse(path.read_text()).body:
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "transformers" for name in names), path
