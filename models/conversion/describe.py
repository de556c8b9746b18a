"""Describes a preset of the conversion system: modules, parameters, shapes, frame rates.

A published encoder is described by its name only: its sizes come with its weights.

Shapes: B batch, T samples, N melody frames, M content frames.
"""

from torch import nn

from models.conversion.acoustic.network import AcousticNetwork
from models.conversion.config import ConversionConfig
from models.conversion.content.recogniser import Recogniser
from models.conversion.frames import CONTENT, FRAME_RATE, RATE
from models.conversion.mel import BANDS
from models.conversion.melody.encoder import HarmonicEncoder
from models.conversion.melody.extractor import ExtractorNetwork
from models.conversion.vocoder.network import build

Row = dict[str, str | int]


def describe(config: ConversionConfig) -> dict[str, list[Row] | dict[str, float]]:
    """Return the modules of a configuration, and its rates.

    Returns:
        "modules": a row for each network with "module", "parameters", and the shapes it "reads" and "writes". Those of
        the encoder and of what listens to it are of the project's own encoder, also where a published one is used.
        "cost": numbers by name: frames per second, training steps.

    Example:
        >>> describe(PRESETS["small"])["cost"]["melody frames a second"]
        100.0
    """
    encoder = HarmonicEncoder(config.encoder.encoder)
    extractor = ExtractorNetwork(encoder, config.melody.extractor)
    listener = _parameters(extractor) - _parameters(encoder)
    features = config.melody.extractor.features
    mel = f"(B, N, {BANDS})"
    acoustic = AcousticNetwork(config.acoustic.acoustic, 1)
    rows: list[Row] = [
        _row("encoder", _parameters(encoder), "(B, T)", f"(L + 1, B, N / 2, {config.encoder.encoder.features})"),
        _row("extractor", listener, "layers", f"(B, N, {features}), melody"),
        _row("content", _parameters(Recogniser(config.recogniser.recogniser, 1)), "(B, T)", "(B, M, 256)"),
        _row("acoustic", _parameters(acoustic), f"(B, M, 256), (B, N, {features}), pitch", mel),
        _row("vocoder", _parameters(build(config.vocoder.generator)), f"{mel}, pitch", "(B, 160 N)"),
    ]
    steps = {
        "encoder": config.encoder.fit,
        "extractor": config.melody.fit,
        "content": config.recogniser.fit,
        "acoustic": config.acoustic.fit,
        "vocoder": config.vocoder.fit,
    }
    cost = {
        "parameters": float(sum(int(row["parameters"]) for row in rows)),
        "samples a second": float(RATE),
        "melody frames a second": float(FRAME_RATE),
        "content frames a second": FRAME_RATE / CONTENT,
        **{f"training steps, {name}": float(fit.steps) for name, fit in steps.items()},
    }
    return {"modules": rows, "cost": cost}


def _row(module: str, parameters: int, reads: str, writes: str) -> Row:
    return {"module": module, "parameters": parameters, "reads": reads, "writes": writes}


def _parameters(module: nn.Module) -> int:
    return sum(one.numel() for one in module.parameters())
