"""Networks as ONNX: those that can be traced compute the same, at other lengths too; the others are told."""

from dataclasses import asdict

import numpy as np
import onnxruntime
import pytest
import torch
from test_models_separation import TINY as SEPARATION
from tiny_conversion import TINY as CONVERSION
from torch import nn

from models.conversion.acoustic.network import AcousticNetwork
from models.conversion.vocoder.config import HifiganConfig
from models.conversion.vocoder.network import build
from models.separation.codec import Codec
from models.separation.denoiser import Denoiser
from models.separation.load import load_mask_network
from models.separation.mask_network import MaskNetwork
from models.synthesis.config import AutoencoderConfig, SequenceConfig
from models.synthesis.harmonic.config import HarmonicSizes
from models.synthesis.harmonic.networks import HarmonicSing
from models.synthesis.sing import Sing
from models.training.checkpoint import save
from pipelines.portable.onnx import Part, export_parts, parts_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the checkpoints of all systems, with random weights."""
    made = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    sizes = (
        AutoencoderConfig(channels=8, dimension=4, rewrites=1, fourier=True),
        SequenceConfig(hidden=8, layers=1, dimension=4),
    )
    harmonic = HarmonicSizes(hidden=16, dimension=6)
    save(made / "harmonic/model", HarmonicSing(harmonic).state_dict(), {"harmonic": asdict(harmonic)})
    save(made / "model", Sing(*sizes).state_dict(), {"autoencoder": asdict(sizes[0]), "sequence": asdict(sizes[1])})
    masks, rate = SEPARATION.mask_network, SEPARATION.codec.sample_rate
    save(made / "masks/model", MaskNetwork(masks).state_dict(), {"mask_network": asdict(masks), "sample_rate": rate})
    save(made / "codec/model", Codec(SEPARATION.codec).state_dict(), {"codec": asdict(SEPARATION.codec)})
    scaling = {name: [value] * SEPARATION.denoiser.dimension for name, value in (("mean", 0.1), ("deviation", 0.5))}
    described = {"denoiser": asdict(SEPARATION.denoiser), "scaling": scaling}
    save(made / "denoiser/model", Denoiser(SEPARATION.denoiser).state_dict(), described)
    acoustic = AcousticNetwork(CONVERSION.acoustic.acoustic, 2).state_dict()
    described = {"acoustic": asdict(CONVERSION.acoustic.acoustic), "singers": ["ada", "ben"], "target": "ada"}
    tensors = {f"network.{name}": one for name, one in acoustic.items()}
    save(made / "acoustic/model", tensors, {**described, "ranges": {"ada": [150.0, 220.0, 330.0]}})
    vocoder = HifiganConfig(channels=16)
    tensors = {f"generator.{name}": one for name, one in build(vocoder).state_dict().items()}
    save(made / "vocoder/model", tensors, {"arm": "hifigan", "generator": asdict(vocoder)})
    return made


@pytest.mark.parametrize(
    ("method", "names"),
    [
        ("synthesis", {"note.onnx"}),
        ("synthesis/harmonic", {"spectrum.onnx"}),
        ("masks", {"mask.onnx"}),
        ("diffusion", {"encoder.onnx", "decoder.onnx", "denoiser.onnx"}),
        ("conversion", {"acoustic.onnx", "vocoder.onnx"}),
    ],
)
def test_networks_that_can_be_traced_are_exported_and_compared(folder, tmp_path, method, names):
    method, _, place = method.partition("/")
    written, left_out = export_parts(parts_of(method, folder / place), tmp_path)
    assert left_out == {}
    assert written.keys() == names == {path.name for path in tmp_path.iterdir()}
    if method == "masks":
        network = load_mask_network(folder / "masks", torch.device("cpu"))
        magnitudes = torch.rand(1, network.config.n_fft // 2 + 1, 77)  # a length that was not traced
        session = onnxruntime.InferenceSession(str(tmp_path / "mask.onnx"), providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {"magnitudes": magnitudes.numpy()})
        np.testing.assert_allclose(found, network.mask(magnitudes).numpy(), atol=1e-5)


class Untraceable(nn.Module):
    """What it computes depends on a value, which no graph holds."""

    def forward(self, wave):
        return wave * float(wave.sum()) if wave.sum() > 0 else wave.flip(1)


class Drawn(nn.Module):
    """It computes something else each time."""

    def forward(self, wave):
        return wave + torch.rand(wave.shape)


@pytest.mark.parametrize("network", [Untraceable(), Drawn()], ids=lambda one: type(one).__name__)
def test_what_cannot_be_traced_or_computes_something_else_is_told_and_not_written(tmp_path, network):
    part = Part("part", network, {"wave": torch.ones(2, 5)}, "found", {}, "nothing")
    written, left_out = export_parts([part], tmp_path)
    assert written == {}
    assert list(left_out) == ["part"]
    assert left_out["part"]
    assert not list(tmp_path.iterdir())
