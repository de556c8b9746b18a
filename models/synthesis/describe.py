"""Counts the parameters, shapes and arithmetic of a preset of SING for one note of 4 s."""

import torch
from torch import nn

from data.nsynth.dataset import FRAMES
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.config import SynthesisConfig
from models.synthesis.notes import MARGIN
from models.synthesis.sequence import SequenceGenerator
from models.synthesis.wavenet import WavenetAutoencoder

Row = dict[str, str | int]


def describe(config: SynthesisConfig) -> dict[str, list[Row] | dict[str, float]]:
    """Return the size of each module of a preset, and the arithmetic of one note of 4 s.

    No weights are allocated.

    Returns:
        "modules": a row per module with its number of parameters, shapes of input ("reads") and output ("writes") and
        multiply-accumulate operations per note ("MACs"; missing for the WaveNet). "cost": size of SING (parameters,
        MiB in float32), and GFLOP to generate a note and to train on it (twice the MACs forward, three times that
        for a training step).

    Example:
        >>> describe(PRESETS["paper"])["cost"]["SING parameters"]
        63747927.0
    """
    with torch.device("meta"):
        autoencoder, sequence = Autoencoder(config.autoencoder), SequenceGenerator(config.sequence)
        wavenet = WavenetAutoencoder(config.wavenet)
    frames, samples = config.sequence.frames, FRAMES + 2 * (MARGIN + config.autoencoder.strip)
    embedding, wave = f"(B, {config.autoencoder.dimension}, {frames})", f"(B, {config.autoencoder.wave_length(frames)})"
    rows: list[Row] = [
        _row("encoder", autoencoder.encoder, f"(B, {samples})", embedding, _encoder_macs(config)),
        _row("decoder", autoencoder.decoder, embedding, wave, _decoder_macs(config)),
        _row("sequence", sequence, "instrument, pitch, velocity (B,)", embedding, _sequence_macs(config)),
        _row("WaveNet", wavenet, f"(B, {FRAMES})", f"(B, 256, {FRAMES})", None),
    ]
    parameters = sum(int(row["parameters"]) for row in rows[1:3])
    encoder, decoder, lstm = (float(row["MACs"]) for row in rows[:3])
    cost = {
        "SING parameters": float(parameters),
        "SING MiB": parameters * 4 / 2**20,
        "GFLOP to generate a note": 2e-9 * (decoder + lstm),
        "GFLOP of stage 1 per note": 6e-9 * (encoder + decoder),
        "GFLOP of stage 2 per note": 6e-9 * lstm,
        "GFLOP of stage 3 per note": 6e-9 * (decoder + lstm),
    }
    return {"modules": rows, "cost": cost}


def _row(name: str, module: nn.Module, reads: str, writes: str, macs: int | None) -> Row:
    """Return the row of a module; without "MACs" if `macs` is None."""
    row: Row = {"module": name, "parameters": sum(one.numel() for one in module.parameters())}
    row |= {"reads": reads, "writes": writes}
    return row if macs is None else {**row, "MACs": macs}


def _encoder_macs(config: SynthesisConfig) -> int:
    """Return the number of multiply-accumulate operations of encoding a note."""
    one = config.autoencoder
    return config.sequence.frames * one.channels * (one.kernel + one.rewrites * one.channels + one.dimension)


def _decoder_macs(config: SynthesisConfig) -> int:
    """Return the number of multiply-accumulate operations of decoding a note."""
    one = config.autoencoder
    frames = config.sequence.frames - one.context + 1
    return frames * one.channels * (one.dimension * one.context + one.rewrites * one.channels + one.kernel)


def _sequence_macs(config: SynthesisConfig) -> int:
    """Return the number of multiply-accumulate operations of generating the embedding of a note."""
    one = config.sequence
    inputs = one.inputs + (one.layers - 1) * one.hidden
    return one.frames * one.hidden * (4 * (inputs + one.layers * one.hidden) + one.dimension)
