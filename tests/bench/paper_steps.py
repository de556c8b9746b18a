"""Twenty steps of every stage of the preset `paper`, at full width, with bfloat16 autocast on the CPU.

    python tests/bench/paper_steps.py [STAGE ...] [--steps 20] [--batch 2] [--folder FOLDER]

The networks, losses, optimisers and lengths of the examples are those of the preset, and so is the code: the loop of
`models.training.fit` with the CPU among the devices that autocast. Smaller are the batches (`--batch` instead of 16 to
256), the number of steps, the data (sines, noise and embedded singers), and how much is validated. The published
encoder has its size and random weights. Every stage runs in a process of its own, whose peak of memory is told; a stage
whose process dies is told and the others go on. The tests take the same stages with narrow networks
(`tests/test_models_bfloat16.py`).
"""

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

sys.path.insert(0, str(Path(__file__).parent.parent))

import tiny
import tiny_voices

from assets.provenance import commit
from data.execution import Execution
from data.musdb.dataset import locate
from data.musdb.tracks import ingest_tracks
from data.musdb.vocals import resample_songs
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from models.conversion.acoustic.features import Sources, write_features
from models.conversion.acoustic.train_acoustic import train_acoustic
from models.conversion.content.train_recogniser import train_recogniser
from models.conversion.content.whisper import write_published_content
from models.conversion.melody.published.networks import build_published
from models.conversion.melody.train_encoder import train_encoder
from models.conversion.melody.train_extractor import train_extractor
from models.conversion.predicted import write_predicted
from models.conversion.presets import PRESETS as CONVERSION
from models.conversion.vocoder.train_vocoder import train_vocoder, tune_vocoder
from models.separation.latents import measure_scale
from models.separation.load import load_codec, load_material
from models.separation.presets import PRESETS as SEPARATION
from models.separation.train import train_codec, train_mask_network
from models.separation.train_denoiser import train_denoiser
from models.synthesis.embed import embed
from models.synthesis.presets import PRESETS as SYNTHESIS
from models.synthesis.train import fine_tune, train_autoencoder, train_sequence
from models.synthesis.train_wavenet import train_wavenet
from models.training import fit
from models.training.checkpoint import load, save
from models.training.config import FitConfig

SONGS = {"A - One": "train", "Leaf - Summerghost": "train", "B.C. - Two": "test"}
Shorter = Callable[[FitConfig], FitConfig]


def make_data(folder: Path) -> None:
    """Write notes, songs and voices, each long enough for the examples of the preset."""
    part = tiny.write_nsynth(folder / "nsynth-train", 2, range(55, 71), (25, 127))
    ingest(Execution(folder / "notes"), [Part(part.name, part)])
    audio = SEPARATION["paper"].audio
    tiny.write_musdb(folder / "musdb", SONGS, seconds=7.0)
    ingest_tracks(Execution(folder / "tracks"), locate(str(folder / "musdb"), folder))
    resample_songs(Execution(folder / "songs"), [folder / "tracks"], audio.sample_rate, audio.channels)
    tiny_voices.make(folder / "singing", singers=4, clips=3, seconds=4.5)
    _write_encoder(folder / "encoder")


def _write_encoder(folder: Path) -> None:
    """Write an encoder of the size of the preset's published one, with random weights."""
    import transformers  # noqa: PLC0415 (slow)

    torch.manual_seed(0)
    name = CONVERSION["paper"].published
    assert name == "wavlm-base", name
    settings = json.loads(transformers.WavLMConfig().to_json_string(use_diff=False))
    described = {"kind": "wavlm", "name": name, "settings": settings, "normalised": False}
    encoder = build_published(described)
    save(folder / "model", {f"encoder.{key}": one for key, one in encoder.state_dict().items()}, {"encoder": described})


def stages(folder: Path, shorter: Shorter) -> dict[str, Callable[[Execution], object]]:
    """Return the stages by name, in their order; each is a function of its execution, and finds the ones before."""
    return {**_synthesis(folder, shorter), **_separation(folder, shorter), **_conversion(folder, shorter)}


def _synthesis(folder: Path, shorter: Shorter) -> dict[str, Callable[[Execution], object]]:
    paper, notes = SYNTHESIS["paper"], folder / "notes"
    first, second, frames = (folder / f"synthesis_{name}" for name in ("autoencoder", "sequence", "embeddings"))
    paper = replace(
        paper,
        train_autoencoder=shorter(paper.train_autoencoder),
        train_sequence=shorter(paper.train_sequence),
        fine_tune=shorter(paper.fine_tune),
        train_wavenet=shorter(paper.train_wavenet),
        validation_notes=2,
    )

    def sequence(execution: Execution) -> object:
        embed(Execution(frames), notes, first, (0,))
        with torch.backends.mkldnn.flags(enabled=False):  # oneDNN has no LSTM in bfloat16 for every CPU
            return train_sequence(execution, frames, first, notes, paper.sequence_training)

    def tuning(execution: Execution) -> object:
        with torch.backends.mkldnn.flags(enabled=False):
            return fine_tune(execution, notes, first, second, paper.fine_tuning)

    return {
        "synthesis_autoencoder": lambda execution: train_autoencoder(execution, notes, paper.autoencoder_training),
        "synthesis_sequence": sequence,
        "synthesis_model": tuning,
        "synthesis_wavenet": lambda execution: train_wavenet(execution, notes, paper.wavenet_training),
    }


def _separation(folder: Path, shorter: Shorter) -> dict[str, Callable[[Execution], object]]:
    paper, songs, scale = SEPARATION["paper"], folder / "songs", folder / "separation_latent_scale"
    codec, masks = folder / "separation_codec", folder / "separation_mask_network"
    paper = replace(
        paper,
        train_codec=shorter(paper.train_codec),
        train_mask_network=shorter(paper.train_mask_network),
        train_denoiser=shorter(paper.train_denoiser),
        train_refiner=shorter(paper.train_refiner),
        embedded=0,
        validation_seconds=1.0,
    )

    def denoiser(execution: Execution) -> object:
        measure_scale(Execution(scale), songs, load_codec(codec, torch.device("cpu")))
        given = load_material((songs, None), (codec, scale), "cpu")
        return train_denoiser(execution, given, paper.denoiser_training)

    def refiner(execution: Execution) -> object:
        given = load_material((songs, None), (codec, scale), "cpu", masks=masks)
        return train_denoiser(execution, given, paper.refiner_training)

    return {
        "separation_codec": lambda execution: train_codec(execution, songs, paper.codec_training),
        "separation_mask_network": lambda execution: train_mask_network(execution, songs, None, paper.mask_training),
        "separation_denoiser": denoiser,
        "separation_refiner": refiner,
    }


def _conversion(folder: Path, shorter: Shorter) -> dict[str, Callable[[Execution], object]]:
    paper, singing = CONVERSION["paper"], folder / "singing"
    voices, targets, encoder = singing / "voices", singing / "targets", folder / "encoder"
    features, predicted, acoustic = (folder / f"conversion_{one}" for one in ("features", "predicted", "acoustic"))
    content = folder / "conversion_content"
    vocoder = replace(paper.vocoder, fit=shorter(paper.vocoder.fit), tune=shorter(paper.vocoder.tune))

    def short(training: Any) -> Any:
        return replace(training, fit=shorter(training.fit))

    def acoustics(execution: Execution) -> object:
        write_published_content(Execution(content), voices, encoder, paper.content)
        sources = Sources(voices, targets, folder / "conversion_melody", content)
        write_features(Execution(features), sources, replace(paper.material, copies=1))
        return train_acoustic(execution, features, short(paper.acoustic))

    def tuned(execution: Execution) -> object:
        write_predicted(Execution(predicted), voices, features, acoustic)
        return tune_vocoder(execution, folder / "conversion_vocoder", predicted, vocoder)

    return {
        "conversion_encoder": lambda execution: train_encoder(execution, voices, short(paper.encoder)),
        "conversion_melody": lambda execution: train_extractor(
            execution, voices, targets, encoder, short(paper.melody)
        ),
        "conversion_recogniser": lambda execution: train_recogniser(execution, voices, short(paper.recogniser)),
        "conversion_acoustic": acoustics,
        "conversion_pitched_acoustic": lambda execution: train_acoustic(execution, features, short(paper.pitched)),
        "conversion_vocoder": lambda execution: train_vocoder(execution, voices, vocoder, targets),
        "conversion_tuned_vocoder": tuned,
    }


def run_stage(name: str, folder: Path, shorter: Shorter) -> dict[str, Any]:
    """Run one stage in this process; return what it did.

    Raises:
        AssertionError: a loss or a weight is not finite, or the weights are not float32.
    """
    fit.AUTOCAST = ("cpu",)
    heard: dict[str, int] = {}

    def note(module: nn.Module, given: object, made: object) -> None:
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear) and torch.is_grad_enabled():
            assert isinstance(made, Tensor)
            heard[str(made.dtype)] = heard.get(str(made.dtype), 0) + 1

    hook, start = register_module_forward_hook(note), time.monotonic()
    figures: Any = stages(folder, shorter)[name](Execution(folder / name))
    hook.remove()
    tensors = load(folder / name / "model").tensors
    assert math.isfinite(figures["loss"]), figures
    assert all(one.isfinite().all() for one in tensors.values())
    assert all(one.dtype is torch.float32 for one in tensors.values() if one.is_floating_point())
    return {
        "parameters, million": round(sum(one.numel() for one in tensors.values()) / 1e6, 1),
        "loss": round(figures["loss"], 4),
        "seconds of training": round(figures["seconds"], 1),
        "seconds in all": round(time.monotonic() - start, 1),
        "outputs of layers in bfloat16": round(heard.get("torch.bfloat16", 0) / max(1, sum(heard.values())), 3),
        "peak memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Run the stages asked for, each in a process of its own, and print what each did as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", help="names of the stages; all by default")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keeps the data and the networks for another call")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()

    def shorter(config: FitConfig) -> FitConfig:
        return replace(config, steps=given.steps, batch_size=given.batch, validate_every=given.steps)

    if given.here:
        print(json.dumps(run_stage(given.stages[0], given.folder, shorter)))
        return
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_FOLDER")) as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / "encoder" / "model.json").is_file():
            make_data(folder)
        print(f"commit {commit()}, {given.steps} steps, batches of {given.batch}", flush=True)
        for name in given.stages or stages(folder, shorter):
            arguments = [name, "--here", "--folder", str(folder), "--steps", str(given.steps)]
            child = subprocess.run(
                [sys.executable, __file__, *arguments, "--batch", str(given.batch)],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            lines = (child.stdout if child.returncode == 0 else child.stderr).strip().splitlines() or ["no output"]
            print(f"{name}: {'' if child.returncode == 0 else f'FAILED ({child.returncode}): '}{lines[-1]}", flush=True)


if __name__ == "__main__":
    main()
