"""The variant `harmonic`: spectra in closed form are those of the waves, and its stages do what SING's do."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import write_nsynth

from data.execution import Execution
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from data.shards.augment import shift_pitch
from data.shards.reader import Shards
from data.signal import power_spectrum
from models.losses import spectral
from models.synthesis.config import SynthesisConfig
from models.synthesis.embed import embed
from models.synthesis.harmonic import train as stages
from models.synthesis.harmonic.config import HarmonicConfig, HarmonicSizes
from models.synthesis.harmonic.networks import HarmonicAutoencoder, HarmonicSing, Sound, waveform
from models.synthesis.harmonic.render import render
from models.synthesis.harmonic.spectrum import BIN_HERTZ, main_lobe, mel_weights, power_of, shifted_frames
from models.synthesis.load import load_player, load_rebuilder
from models.synthesis.notes import MARGIN
from models.synthesis.presets import variant
from models.synthesis.synthesize import NoteLabel, synthesize
from models.training.checkpoint import load
from models.training.config import FitConfig

CPU = torch.device("cpu")
FIT = FitConfig(steps=4, batch_size=2, learning_rate=1e-2, validate_every=4, checkpoint_every=2)
SIZES = HarmonicSizes(instruments=8, hidden=8, layers=1, dimension=6, partials=24, envelope=6, orders=4, noise=4)
HARMONIC = HarmonicConfig(SIZES, FIT, FIT, FIT, frames=6, pitch_shifts=(-1, 0, 1))
TINY = variant(SynthesisConfig(harmonic=HARMONIC, validation_notes=2), "harmonic")
FRAMES = torch.arange(251)


@pytest.fixture(scope="module")
def notes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notes")
    part = write_nsynth(folder / "nsynth-train", 2, range(60, 66), (25, 127))
    ingest(Execution(folder / "shards"), [Part(part.name, part)])
    return folder / "shards"


def trained(notes, folder):
    """Train all stages in a folder."""
    training = HARMONIC.training(FIT, 2)
    stages.train_harmonic_autoencoder(Execution(folder / "autoencoder"), notes, training)
    embed(Execution(folder / "embeddings"), notes, folder / "autoencoder", TINY.embedded_shifts)
    embedded, rebuilder, generator = (folder / name for name in ("embeddings", "autoencoder", "sequence"))
    stages.train_harmonic_sequence(Execution(generator), embedded, rebuilder, notes, HARMONIC.sequence_training(2))
    stages.fine_tune_harmonic(Execution(folder / "model"), notes, rebuilder, generator, training)
    return folder


@pytest.fixture(scope="module")
def first(tmp_path_factory, notes):
    return trained(notes, tmp_path_factory.mktemp("first"))


def in_margins(wave: torch.Tensor) -> torch.Tensor:
    """Return the power spectrum that the spectral loss compares, (B, N, F)."""
    return power_spectrum(torch.nn.functional.pad(wave, (MARGIN, MARGIN))).transpose(1, 2)


@pytest.mark.parametrize("pitch", [45, 69, 93])
def test_a_tone_has_its_energy_at_the_bins_of_its_partials(pitch):
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    hertz = f0 * torch.arange(1, 4)[None].float()
    levels = torch.tensor([4.0, 3.0, 2.0]).expand(1, 251, 3)
    sound = Sound(levels, hertz, torch.full((1, 251, 4), -20.0))
    spectrum = torch.stft(
        waveform(sound)[0, MARGIN:-MARGIN], 16_000, 16_000, window=torch.ones(16_000), center=False, return_complex=True
    ).abs()[:, 1]  # a bin a hertz
    for order, level in enumerate((4.0, 3.0, 2.0), 1):
        near = spectrum[round(f0 * order) - 2 : round(f0 * order) + 3]
        assert abs(int(near.argmax()) - 2) <= 1
        # The magnitude in a frame of 1024 samples under a Hann window is 256 times the amplitude.
        amplitude = 2 * near.square().sum().sqrt() / 16_000
        assert amplitude == pytest.approx(math.exp(level) / 256, rel=0.1)


def test_spectra_in_closed_form_are_those_of_the_wave():
    decaying = torch.stack([4.5 - FRAMES / 80, 3.5 - FRAMES / 40], 1)[None]
    tones = decaying, torch.tensor([[440.0, 887.0]]), torch.full((1, 251, 4), -20.0)
    true, told = (torch.log1p(one) for one in (in_margins(render(*tones, 64_000, 256)), power_of(*tones)))
    inside = slice(3, 248)  # the onset itself is sudden, which leaves power in all bins
    assert (true - told)[:, inside].abs().mean() < 0.02 * true[:, inside].mean()
    noise = torch.full((1, 251, 1), -20.0), torch.tensor([[440.0]]), torch.linspace(2, 0, 251)[None, :, None]
    true, told = in_margins(render(*noise, 64_000, 256)), power_of(*noise)
    apart = (true[0, 4:247, 4:-4] / told[0, 4:247, 4:-4]).log()
    assert apart.mean().abs() < 0.2
    assert apart.std() < 1.0  # power, natural logarithm; white noise, of which the phases are, has 1.28
    shares = torch.fft.rfft(render(*noise, 64_000, 256)[0]).abs().square()
    assert shares.max() < 50 * shares.mean()  # it is no tone


def test_partials_beyond_the_highest_frequency_are_not_heard():
    levels, hertz = torch.full((1, 251, 1), 4.0), torch.tensor([[9_500.0]])
    tone = levels, hertz, torch.full((1, 251, 4), -20.0)
    assert power_of(*tone).max() < 1e-3
    assert render(*tone, 64_000, 256).abs().max() < 1e-3


def test_what_is_too_faint_for_float32_is_silence():
    """Levels have no lower bound: magnitudes of e^-200 are zeros, and so is what is made of them."""
    faint = torch.full((1, 251, 1), -200.0), torch.tensor([[440.0]]), torch.full((1, 251, 4), -200.0)
    assert torch.equal(render(*faint, 64_000, 256), torch.zeros(1, 64_000))
    assert torch.equal(power_of(*faint), torch.zeros(1, 251, 513))


def test_the_main_lobe_is_the_transform_of_the_window():
    window = torch.hann_window(1024, periodic=True, dtype=torch.float64)
    apart = torch.linspace(-2.9, 2.9, 30, dtype=torch.float64)
    turns = torch.arange(1024, dtype=torch.float64) / 1024
    true = torch.stack([(window * torch.exp(2j * math.pi * one * turns)).sum().abs() for one in apart]) / 512
    assert torch.allclose(main_lobe(apart), true.square(), atol=1e-6)
    weights = mel_weights(torch.tensor([0.0, 440.0, 8000.0, 9000.0]), 9)
    assert torch.allclose(weights.sum(-1), torch.ones(4))
    assert (weights[0, 0], weights[2, -1]) == (1, 1)


def test_a_shift_moves_the_pitch_and_keeps_the_time():
    time = torch.arange(64_000) / 16_000
    wave = (torch.sin(2 * math.pi * 440 * time) * (time > 1))[None]
    frames = FRAMES[None]
    same = shifted_frames(wave, frames, 0)
    assert torch.allclose(same, in_margins(wave), rtol=1e-3, atol=1e-3)
    for shift in (-3, 2):
        moved = shifted_frames(wave, frames, shift)
        hertz = 440 * 2 ** (shift / 12)
        assert int(moved[0, 200].argmax()) == round(hertz / BIN_HERTZ)
        assert moved[0, 200].sum() == pytest.approx(float(same[0, 200].sum()), rel=0.05)
        heard = (moved[0].sum(1) > 100).nonzero()
        assert abs(int(heard[0]) - 62.5) <= 3  # 1 s is frame 62.5; played slower it would begin at frame 74
        # In the middle of a steady note it is what playing faster or slower gives.
        pcm = shift_pitch((wave[0].numpy() * 16_384).astype(np.int16), shift)
        played = shifted_frames(torch.from_numpy(pcm / 16_384).float()[None], frames, 0)
        assert torch.allclose(moved[0, 150], played[0, 150], atol=0.1 * float(same.max()))


def test_shapes_and_tuning():
    network = HarmonicSing(SIZES)
    labels = torch.tensor([0, 1]), torch.tensor([60, 72]), torch.tensor([1, 4])
    sound = network.sound(*labels, torch.tensor([[0, 5, 250], [1, 2, 3]]))
    count = sound.hertz.shape[1]
    assert count <= SIZES.partials
    assert (sound.levels.shape, sound.noise.shape) == ((2, 3, count), (2, 3, SIZES.noise))
    assert sound.log_power().shape == (2, 3, 513)
    assert network(*labels).shape == (2, 65_024)
    labelled = 440 * 2 ** ((labels[1] - 69) / 12)
    assert (12 * torch.log2(sound.hertz[:, 0] / labelled)).abs().max() < 0.41  # at most 40 cents off
    rebuilder = HarmonicAutoencoder(SIZES)
    assert rebuilder.embed(torch.zeros(2, 64_000), labels[1]).shape == (2, 251, SIZES.dimension)
    assert rebuilder.rebuild(torch.zeros(2, 64_000), labels[1]).shape == (2, 65_024)


def test_a_frame_does_not_depend_on_which_others_are_asked_for():
    network = HarmonicSing(SIZES).eval()
    labels = torch.tensor([0]), torch.tensor([60]), torch.tensor([1])
    whole, some = (network.sequence(*labels, frames) for frames in (FRAMES[None], torch.tensor([[7, 100]])))
    assert torch.allclose(whole[:, [7, 100]], some, atol=1e-6)


def test_a_note_is_played_the_same_whenever_it_is_played(first):
    network = load_player(first / "model", CPU)
    label, other = NoteLabel(0, 62, 127), NoteLabel(1, 40, 25)
    alone, twice = [*synthesize(network, [label])], [*synthesize(network, [label, other])]
    assert np.allclose(alone[0], twice[0], atol=1e-5)
    assert alone[0].shape == (64_000,)


def test_stage_3_begins_with_what_the_stages_before_have_learnt(tmp_path, notes, first):
    still = HARMONIC.training(replace(FIT, learning_rate=0.0), 2)
    stages.fine_tune_harmonic(Execution(tmp_path), notes, first / "autoencoder", first / "sequence", still)
    final = load(tmp_path / "model").tensors
    sequence, rebuilt = load(first / "sequence" / "model").tensors, load(first / "autoencoder" / "model").tensors
    assert all(torch.equal(final[f"sequence.{name}"], one) for name, one in sequence.items())
    assert all(torch.equal(final[name], one) for name, one in rebuilt.items() if name.startswith("decoder."))


def test_a_stopped_training_ends_at_the_same_bits(tmp_path, notes, first, monkeypatch):
    """Each stage is stopped at its second checkpoint-step and started again."""

    class Stopped(Exception):
        pass

    drawn, calls = stages._drawn, [0]

    def stopping(*arguments):
        calls[0] += 1
        if calls[0] == 4:
            raise Stopped
        return drawn(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(stages, "_drawn", stopping)
        with pytest.raises(Stopped):
            trained(notes, tmp_path)
        calls[0] = -2  # the rest of stage 1 needs no stop; stage 3 is stopped at its fourth step
        with pytest.raises(Stopped):
            trained(notes, tmp_path)
    trained(notes, tmp_path)
    for name in ("autoencoder", "sequence", "model"):
        again, whole = (load(folder / name / "model").tensors for folder in (tmp_path, first))
        assert all(torch.equal(again[one], value) for one, value in whole.items()), name


def test_the_decoder_learns_a_note_in_a_hundred_steps(notes):
    shards = Shards(notes)
    wave = torch.from_numpy(np.stack([shards.read(row)[:, 0] for row in range(2)]).astype(np.float32) / 32_768)
    pitch = torch.from_numpy(shards.column("pitch")[:2].astype(np.int64))
    torch.manual_seed(0)
    network = HarmonicAutoencoder(replace(SIZES, hidden=32))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    heard = torch.log1p(shifted_frames(wave, FRAMES.expand(2, -1), 0))
    for _ in range(100):
        optimiser.zero_grad()
        (network(heard, pitch).log_power() - heard).abs().mean().backward()
        optimiser.step()
    with torch.no_grad():
        rebuilt = network.rebuild(wave, pitch)
    target = torch.nn.functional.pad(wave, (MARGIN, MARGIN))
    assert spectral(target, rebuilt) < 0.6 * spectral(target, torch.zeros_like(target))


def test_the_variant_changes_what_the_stages_train():
    assert (TINY.first_stage, TINY.third_stage) == (HARMONIC.training(FIT, 2),) * 2
    assert TINY.second_stage == HARMONIC.sequence_training(2)
    other = replace(TINY, decoder="convolutional")
    assert (other.first_stage, other.third_stage) == (other.autoencoder_training, other.fine_tuning)


def test_the_kind_of_a_network_is_known_from_its_folder(first):
    assert isinstance(load_player(first / "model", CPU), HarmonicSing)
    assert isinstance(load_rebuilder(first / "autoencoder", CPU), HarmonicAutoencoder)
