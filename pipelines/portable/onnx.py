"""Exports the networks that can be traced as ONNX, and compares each with the original.

What works on complex spectra or draws noise has no place in ONNX here: the STFT of the mask network, the scheduling of
the denoiser, the source of the vocoder stay outside, and the card says so. A network whose tracing fails, or whose
ONNX form computes something else, is not exported; the card tells the reason.

Shapes: B batch, T samples, D latent channels, N frames, F = 1 + n_fft / 2 frequencies.
"""

import contextlib
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_TOLERANCE = 1e-4  # largest accepted difference, relative to the largest value


@dataclass(frozen=True)
class Part:
    """A network to be exported.

    Attributes:
        name: name of its file, without ending.
        network: the network.
        inputs: example of each input, by name; B is 2, or 1 where it is not free.
        output: name of the output.
        free: axes of each input, by its name, that may have any length, with their names; none if all are fixed.
        meaning: what it computes, as text for the card.
    """

    name: str
    network: nn.Module
    inputs: dict[str, Tensor]
    output: str
    free: dict[str, dict[int, str]]
    meaning: str


class _Call(nn.Module):
    """A module that calls a function of other modules, which it holds so that their weights are exported."""

    def __init__(self, function: Callable[..., Tensor], *networks: nn.Module) -> None:
        super().__init__()
        self._function, self.networks = function, nn.ModuleList(networks)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self._function(*inputs)


def missing() -> list[str]:
    """Return the names of the packages that are needed for ONNX and not installed."""
    return [one for one in _PACKAGES if find_spec(one) is None]


def export_parts(parts: Sequence[Part], folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Write each network that can be traced as `folder`/NAME.onnx.

    Returns:
        What each file computes, by its name, and why the other networks were left out, by their names.
    """
    written, left_out = {}, {}
    for part in parts:
        path = folder / f"{part.name}.onnx"
        try:
            _write(part, path)
            _compare(part, path)
            written[path.name] = part.meaning
        except Exception as error:  # the exporter raises errors of many kinds
            path.unlink(missing_ok=True)
            left_out[part.name] = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0][:200]}"
    return written, left_out


def _write(part: Part, path: Path) -> None:
    """Trace a network and write it as an ONNX file, weights included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shapes = tuple(
        {axis: torch.export.Dim(name) if axis == 0 else torch.export.Dim.AUTO for axis, name in free.items()}
        for free in (part.free.get(one, {}) for one in part.inputs)
    )
    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            part.network.eval(),
            tuple(part.inputs.values()),
            dynamo=True,
            input_names=list(part.inputs),
            output_names=[part.output],
            dynamic_shapes=None if not part.free else (shapes,) if isinstance(part.network, _Call) else shapes,
        )
    assert program is not None
    program.save(str(path), external_data=False)


def _compare(part: Part, path: Path) -> None:
    """Compare an ONNX file with the network it was made of, on the example and on one item of it.

    Raises:
        ValueError: they differ.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    for given in (part.inputs, {name: one[:1] for name, one in part.inputs.items()}):
        with torch.no_grad():
            wanted = part.network(*given.values()).numpy()
        found: Any = session.run([part.output], {name: one.numpy() for name, one in given.items()})[0]
        off = float(np.abs(found - wanted).max()) / max(1e-6, float(np.abs(wanted).max()))
        if found.shape != wanted.shape or not off <= _TOLERANCE:
            raise ValueError(f"its ONNX form differs by {off:.1e} of the largest value")


def parts_of(method: str, folder: Path) -> list[Part]:
    """Return the networks of an exported model that are tried.

    Args:
        method: "synthesis", "masks", "refine", "diffusion" or "conversion".
        folder: folder of the export, with the checkpoints.
    """
    parts = {
        "synthesis": _synthesis,
        "masks": _masks,
        "refine": _refine,
        "diffusion": _diffusion,
        "conversion": _conversion,
    }
    return parts[method](folder)


def _synthesis(folder: Path) -> list[Part]:
    from data.nsynth.dataset import FRAMES
    from models.synthesis.harmonic.networks import HarmonicSing
    from models.synthesis.load import load_player
    from models.synthesis.notes import MARGIN

    network = load_player(folder, torch.device("cpu"))
    if isinstance(network, HarmonicSing):
        return [_harmonic(network)]
    play = _Call(lambda *labels: network(*labels)[:, MARGIN : MARGIN + FRAMES], network)
    labels = {"instrument": [0], "pitch": [60], "velocity": [3]}
    inputs = {name: torch.tensor(one) for name, one in labels.items()}
    meaning = "instrument, pitch and velocity row (0 to 4), (1,) int64 each, to the wave (1, 64000) of a note at 16 kHz"
    return [Part("note", play, inputs, "wave", {}, meaning)]  # the LSTM is traced step by step, for one note


def _harmonic(network: nn.Module) -> Part:
    from models.synthesis.harmonic.networks import HarmonicSing

    assert isinstance(network, HarmonicSing)
    named = {"instrument": [0, 0], "pitch": [60, 72], "velocity": [3, 1]}
    inputs = {name: torch.tensor(one) for name, one in named.items()}
    inputs["frames"] = torch.arange(40).expand(2, -1)
    spectrum = _Call(lambda *labels: network.sound(*labels).log_power(), network)
    free = {name: {0: "items"} for name in named} | {"frames": {0: "items", 1: "frames"}}
    meaning = (
        "instrument, pitch and velocity row (0 to 4), (B,) int64 each, and numbers of frames (B, K) in 0 to 250 to the "
        "spectra log(1 + |X|²) of the frames, (B, K, 513); making a wave of them is an iteration, and not in the file"
    )
    return Part("spectrum", spectrum, inputs, "log_power", free, meaning)


def _masks(folder: Path) -> list[Part]:
    from models.separation.load import load_mask_network

    network = load_mask_network(folder / "masks", torch.device("cpu"))
    magnitudes = torch.rand(2, network.config.n_fft // 2 + 1, 40)
    meaning = (
        f"magnitudes (B, F, N) of the mixture's STFT (Hann window of {network.config.n_fft} samples, hop a quarter of "
        "it) to the mask (B, F, N) that its complex values are multiplied with"
    )
    free = {"magnitudes": {0: "items", 2: "frames"}}
    return [Part("mask", _Call(network.mask, network), {"magnitudes": magnitudes}, "mask", free, meaning)]


def _refine(folder: Path) -> list[Part]:
    return [*_masks(folder), *_diffusion(folder, "refiner")]


def _diffusion(folder: Path, place: str = "denoiser") -> list[Part]:
    from models.separation.codec import Codec
    from models.separation.load import load_codec, load_denoiser

    device = torch.device("cpu")
    codec, (denoiser, scaling) = load_codec(folder / "codec", device), load_denoiser(folder / place, device)
    assert isinstance(codec, Codec)
    frames = 4 * denoiser.config.multiple
    wave, latent = torch.randn(2, frames * codec.config.hop) * 0.1, torch.randn(2, denoiser.config.dimension, frames)
    shape, sigma = f"(B, {denoiser.config.dimension}, N)", torch.tensor([0.5, 1.0])
    encode = _Call(lambda one: scaling.normalise(codec.encode(one)), codec)
    decode = _Call(lambda one: codec.decode(scaling.restore(one)), codec)
    known = torch.cat([latent.flip(2)] * denoiser.config.known, 1)
    hop, named = codec.config.hop, {"noisy": latent, "condition": known, "sigma": sigma}
    return [
        Part("encoder", encode, {"wave": wave}, "latent", {"wave": {0: "items", 1: "samples"}},
             f"waves (B, {hop} N) of one channel to normalised latents {shape}"),
        Part("decoder", decode, {"latent": latent}, "wave", {"latent": {0: "items", 2: "frames"}},
             f"normalised latents {shape} to waves (B, {hop} N)"),
        Part("denoiser", denoiser, named, "velocity",
             {"noisy": {0: "items", 2: "frames"}, "condition": {0: "items", 2: "frames"}, "sigma": {0: "items"}},
             f"noisy latent {shape}, latents of the mixture (and, to refine, of the masks' estimate), noise level (B,) "
             "in [0, 1] to the velocity; "
             f"N a multiple of {denoiser.config.multiple}"),
    ]  # fmt: skip


def _conversion(folder: Path) -> list[Part]:
    from models.conversion.acoustic.inputs import Inputs
    from models.conversion.acoustic.load import load_acoustic
    from models.conversion.frames import CONTENT
    from models.conversion.mel import BANDS
    from models.conversion.vocoder.load import load_vocoder
    from models.conversion.vocoder.pulses import Pulses

    device = torch.device("cpu")
    acoustic, vocoder = load_acoustic(folder / "acoustic", device), load_vocoder(folder / "vocoder", device)
    network, count = acoustic.network, 24

    def sing(content: Tensor, extracted: Tensor, f0: Tensor, energy: Tensor, singer: Tensor) -> Tensor:
        inputs = Inputs(content, extracted, f0, energy, torch.ones_like(f0[:, 0]), torch.ones_like(f0))
        return network(inputs, singer).mel

    frames = CONTENT * count
    named = {
        "content": torch.randn(2, count, network.config.content),
        "extracted": torch.randn(2, frames, network.config.extracted),
        "f0": 200 + 50 * torch.rand(2, frames),
        "energy": torch.randn(2, frames),
        "singer": torch.zeros(2, dtype=torch.int64),
    }
    free = {name: {0: "items", 1: "frames"} for name in named if name != "singer"} | {"singer": {0: "items"}}
    meaning = (
        "relative content (B, M, 256), melody features (B, 4 M, C), F0 in Hz (B, 4 M), relative energy (B, 4 M), "
        f"number of the singer (B,) to mel spectrograms (B, 4 M, {BANDS})"
    )
    found = [Part("acoustic", _Call(sing, network), named, "mel", free, meaning)]
    if not isinstance(vocoder.network, Pulses):
        mel = torch.randn(2, 30, BANDS)
        told = f"mel spectrograms (B, N, {BANDS}) to waves (B, 160 N) at 16 kHz"
        found.append(Part("vocoder", vocoder.network, {"mel": mel}, "wave", {"mel": {0: "items", 1: "frames"}}, told))
    return found
