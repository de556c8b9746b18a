"""Every source of training batches gives the same bits with any number of loaders, and so does a training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
import tiny_acoustic
import tiny_training
import tiny_vocoder
import tiny_voices

from data.execution import Execution
from data.musdb import segments as songs
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from data.shards.augment import PitchShift
from data.shards.loader import Batches, BatchPlan, Treatment
from data.shards.reader import Shards
from data.voices import segments as voices
from data.voices.config import Mixing
from models.conversion.acoustic.batches import AcousticExamples, Material
from models.conversion.vocoder.segments import VoiceExamples, find_clips, read_f0
from models.training.fit import fit
from models.training.processes import World

PLAN = BatchPlan(4, seed=3)


def notes(folder: Path) -> Batches:
    """Notes that are moved in pitch."""
    part = tiny.write_nsynth(folder / "nsynth-train", 2, range(60, 64), (25,))
    ingest(Execution(folder / "shards"), [Part(part.name, part)])
    shards = Shards(folder / "shards")
    treatment = Treatment(PitchShift([-2, -1, 0, 1, 2]), heard=lambda step: 4000 + step)
    return Batches(shards, np.arange(len(shards)), PLAN, {"pitch": shards.column("pitch")}, treatment)


def remixes(folder: Path) -> songs.Segments:
    """Stretches of songs that are played faster or slower and remixed."""
    draw = np.random.default_rng(0)
    sounds = {name: tuple(0.1 * draw.standard_normal((2, 9000, 2))) for name in ("one", "two", "three")}
    shards = Shards(tiny.write_songs(folder, sounds, 4000, "train"))
    return songs.Segments(shards, "train", PLAN, songs.Mixing(2000, shift=2.0))


def singing(folder: Path) -> voices.VoiceSegments:
    """Voices that are played faster or slower, with accompaniments."""
    paths = tiny_voices.make(folder, singers=4, clips=1, seconds=1.2)
    mixing = Mixing(8000, probability=0.7, shift=3.0)
    return voices.VoiceSegments(voices.Material(paths.voices, paths.targets), PLAN, mixing)


def sung(folder: Path) -> VoiceExamples:
    """Voices for the vocoder."""
    shards = Shards(tiny_vocoder.write_voices(folder / "voices"))
    f0 = read_f0(tiny_vocoder.write_targets(folder / "targets"))
    return VoiceExamples(shards, find_clips(shards, "train"), PLAN, tiny_vocoder.TINY.examples, f0)


def crops(folder: Path) -> AcousticExamples:
    """Crops for the acoustic model."""
    material, training = Material(tiny_acoustic.write_material(folder)), tiny_acoustic.training()
    return AcousticExamples(material, "ann", PLAN, training.examples, (9, False))


@pytest.mark.parametrize("make", [notes, remixes, singing, sung, crops])
def test_batches_do_not_depend_on_the_number_of_loaders(make: Callable, tmp_path):
    source = make(tmp_path)

    def collect(start: int, loaders: int) -> list[tuple]:
        with source.stream(start, 9, loaders) as stream:
            return [
                (
                    one.step,
                    one.rows.tolist(),
                    one.values.tobytes(),
                    {name: a.tobytes() for name, a in one.labels.items()},
                )
                for one in stream
            ]

    alone = collect(0, 0)
    assert len({one[2] for one in alone}) == len(alone) == 9
    assert collect(0, 1) == alone
    assert collect(0, 3) == alone
    assert collect(4, 3) == alone[4:]  # resumed


def test_a_training_ends_at_the_same_bits_with_any_number_of_loaders(tmp_path):
    shards, ends = tiny_training.write_shards(tmp_path / "shards"), []
    for loaders in (0, 1, 3):
        stage = tiny_training.make_stage(shards, tiny_training.CONFIG, World())
        fit(stage, tiny_training.CONFIG, Execution(tmp_path / str(loaders), loaders=loaders))
        ends.append({name: one.tolist() for name, one in stage.network.state_dict().items()})
    assert ends[0] == ends[1] == ends[2]
