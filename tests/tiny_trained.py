"""A store with untrained models of the tiniest sizes, put there as the assets would."""

from dataclasses import asdict
from pathlib import Path

import torch
from tiny import note_metadata, sine_note

from assets.environment import Configuration, Environment
from assets.registry import REGISTRY
from assets.store.pointers import publish
from assets.store.versions import Making, Recipe, make
from data.execution import Execution
from data.files.audio import write_sound
from data.files.durable import write_json
from data.nsynth.dataset import SAMPLE_RATE, Part
from data.nsynth.ingest import ingest
from models.separation.config import MaskNetworkConfig
from models.separation.mask_network import MaskNetwork
from models.synthesis.config import AutoencoderConfig, SequenceConfig
from models.synthesis.sing import Sing
from models.training.checkpoint import save


def keep(home: Path, name: str, essential: str, work, **notes) -> Path:
    """Make a version as the asset `name` would, publish it, and return its folder."""
    asset = REGISTRY.assets[name]
    slot = asset.slot(Configuration(Environment(home)), notes.get("experiment", ""))
    described = {"experiment": "", "overrides": {}, "provenance": {"commit": "abcdef012345", "changed": {}}} | notes
    recipe = Recipe("c0de", {"notes": notes}, {}, (essential,))
    made = make(slot, recipe, Making(lambda folder, earlier: work(folder), described))
    publish(slot, made.folder)
    return made.folder


def keep_sing(home: Path, part: Path) -> Path:
    """Put shards of the notes of an NSynth part and an untrained model of them into a store; return the model."""

    def shards(folder: Path) -> dict[str, int]:
        ingest(Execution(folder), [Part(part.name, part)])
        return {}

    def model(folder: Path) -> dict[str, int]:
        torch.manual_seed(0)
        autoencoder = AutoencoderConfig(channels=8, dimension=4, rewrites=1, fourier=True)
        sequence = SequenceConfig(hidden=8, layers=1, dimension=4)
        network = Sing(autoencoder, sequence)
        save(folder / "model", network.state_dict(), {"autoencoder": asdict(autoencoder), "sequence": asdict(sequence)})
        return {}

    keep(home, "nsynth_shards", "index.parquet", shards)
    return keep(home, "synthesis_model", "model.safetensors", model)


def keep_masks(home: Path, sample_rate: int = 8000) -> Path:
    """Put an untrained discriminative network into a store, and return its folder."""

    def model(folder: Path) -> dict[str, int]:
        torch.manual_seed(0)
        config = MaskNetworkConfig(n_fft=64, channels=8, dilations=(1, 2))
        described = {"mask_network": asdict(config), "sample_rate": sample_rate}
        save(folder / "model", MaskNetwork(config).state_dict(), described)
        return {}

    return keep(home, "separation_mask_network", "model.safetensors", model)


def write_instruments(folder: Path) -> Path:
    """Write an NSynth part of two instruments, named as two of the embedded notes are, and return it."""
    described = {}
    for instrument, name in enumerate(("organ_electronic_000", "brass_synthetic_001")):
        for velocity in (25, 75):
            one = note_metadata(len(described), instrument, 62, velocity)
            one |= {"instrument_str": name, "note_str": f"{name}-062-{velocity:03d}"}
            described[one["note_str"]] = one
            write_sound(folder / "audio" / f"{one['note_str']}.wav", sine_note(instrument, 62, velocity), SAMPLE_RATE)
    write_json(folder / "examples.json", described)
    return folder
