"""Melody extractor: pitch codes, harmonic spectrum, bounded reach, chunks that do not matter."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_melody import BINS, ENCODER, EXTRACTOR, SPECTRUM, sung, target_of

from data.errors import InputError
from models.conversion.blocks import BlockConfig, BoundedBlocks
from models.conversion.melody import load as loading
from models.conversion.melody.augment import equalised, masked_frames
from models.conversion.melody.config import PitchConfig, SpectrumConfig
from models.conversion.melody.encoder import HarmonicEncoder
from models.conversion.melody.extractor import ExtractorNetwork
from models.conversion.melody.load import Extractor, Melody
from models.conversion.melody.pitch import decode_pitch, pitch_loss, pitch_outputs
from models.conversion.melody.spectrum import HarmonicSpectrum
from models.conversion.melody.validation import at_snr, frame_accuracies
from models.conversion.presets import EXTRACTORS, PRESETS, variant

CPU = torch.device("cpu")
LINE = PitchConfig(form="line")


def network(**changes) -> ExtractorNetwork:
    torch.manual_seed(0)
    return ExtractorNetwork(HarmonicEncoder(ENCODER), replace(EXTRACTOR, **changes)).eval().requires_grad_(False)


def test_bins_cover_the_range_and_there_is_one_line():
    assert pitch_outputs(LINE) == 1
    assert pitch_outputs(PitchConfig(form="bins", low=100, high=200, cents=100)) == 13
    with pytest.raises(ValueError, match="curve"):
        pitch_outputs(PitchConfig(form="curve"))


def test_the_best_outputs_for_a_pitch_decode_to_that_pitch():
    for f0 in (123.4, 200.0, 311.1, 440.0):
        cents = torch.arange(pitch_outputs(BINS)) * 50.0
        distance = (cents - 1200 * np.log2(f0 / 100)) / 40
        found = decode_pitch(-0.5 * distance.square()[None, None], BINS)
        assert abs(1200 * np.log2(found.item() / f0)) < 1, f0
    middle = decode_pitch(torch.tensor([[[1.0], [-1.0]]]), LINE)
    np.testing.assert_allclose(middle.numpy(), [[440, 110]], rtol=1e-6)


@pytest.mark.parametrize("config", [BINS, LINE])
def test_pitch_loss_is_lowest_at_the_truth_and_ignores_unvoiced_frames(config):
    f0 = torch.tensor([[200.0, 0.0, 300.0]])
    outputs = torch.zeros(1, 3, pitch_outputs(config), requires_grad=True)
    optimiser = torch.optim.Adam([outputs], 0.1)
    before = pitch_loss(outputs, f0, config).item()
    for _ in range(300):
        optimiser.zero_grad()
        loss = pitch_loss(outputs, f0, config)
        loss.backward()
        optimiser.step()
    assert loss.item() < 0.6 * before
    np.testing.assert_allclose(decode_pitch(outputs, config)[0, [0, 2]].detach(), [200, 300], rtol=0.01)
    np.testing.assert_array_equal(outputs[0, 1].detach(), 0)
    nothing = pitch_loss(outputs, torch.zeros(1, 3), config)
    nothing.backward()
    assert nothing.item() == 0


def test_a_tone_is_highest_at_its_own_bin_and_a_harmonic_below():
    spectrum = HarmonicSpectrum(SPECTRUM)
    wave = torch.sin(2 * torch.pi * 220 * torch.arange(8000) / 16_000)[None]
    found = spectrum(wave)
    assert found.shape == (1, 3, 24, 51)
    assert (found[0, 0, :, 10:40].argmax(0) == 12).all()  # 220 Hz is an octave above 110 Hz
    assert (found[0, 1, :, 10:40].argmax(0) == 0).all()  # as the second harmonic of 110 Hz
    assert abs(found[0, 0, 12, 25].item() - (np.log(0.5) / 2.3 + 2)) < 0.3
    np.testing.assert_allclose(spectrum(torch.zeros(1, 8000)), np.log(1e-4) / 2.3 + 2, atol=1e-5)


def test_an_octave_up_moves_the_picture_by_an_octave():
    spectrum = HarmonicSpectrum(SPECTRUM)
    low, high = (torch.from_numpy(sung(np.full(51, f0)))[None] for f0 in (130.0, 260.0))
    for harmonic in (0, 1):
        peaks = [spectrum(wave)[0, harmonic, :, 25] for wave in (low, high)]
        assert peaks[0][:12].argmax() == 3
        assert peaks[1][12:].argmax() == 3
        assert abs(peaks[0][3] - peaks[1][15]) < 0.3


def test_harmonics_above_half_the_rate_are_silent():
    found = HarmonicSpectrum(SpectrumConfig(low=1000, octaves=1, resolution=12, windows=(512,), harmonics=(1, 16)))(
        torch.randn(1, 4000)
    )
    np.testing.assert_array_equal(found[0, 1], -2)


@pytest.mark.parametrize("samples", [1, 159, 160, 320, 479, 480, 1000, 16_000])
def test_frames_follow_the_grids(samples):
    extractor = network()
    wave = torch.randn(2, samples)
    layers = extractor.encoder(wave)
    assert layers.shape == (3, 2, 1 + samples // 320, 32)
    assert extractor(wave).features.shape == (2, 1 + samples // 160, 32)


def test_blocks_reach_as_far_as_they_say_and_no_further():
    torch.manual_seed(0)
    blocks = BoundedBlocks(BlockConfig(blocks=2, features=8, filters=8, kernel=3, reach=3)).eval().requires_grad_(False)
    assert blocks.reach == 8
    frames = torch.randn(1, 40, 8)
    changed = frames.clone()
    changed[0, 20] += 1
    moved = (blocks(frames) - blocks(changed)).abs().amax((0, 2)) > 1e-7
    assert moved.nonzero().flatten().tolist() == list(range(12, 29))
    np.testing.assert_allclose(blocks(frames[:, 5:])[:, 8:], blocks(frames)[:, 13:], atol=1e-6)


@pytest.mark.parametrize("length", [100, 16_000, 63_999, 64_000, 64_160, 100_000])
def test_pieces_give_what_the_whole_gives(length, monkeypatch):
    monkeypatch.setattr(loading, "_CORE", 50)
    extractor = network()
    wave = np.random.default_rng(0).standard_normal(length).astype(np.float32) * 0.1
    found = Extractor(extractor, CPU).melody(wave)
    whole = extractor(torch.from_numpy(wave)[None])
    np.testing.assert_allclose(found.features, whole.features[0], atol=2e-5)
    np.testing.assert_allclose(found.pitch, extractor.f0(whole)[0], rtol=1e-3)
    np.testing.assert_allclose(found.energy, extractor.energy(whole)[0], atol=1e-4)
    np.testing.assert_allclose(found.voicing, whole.voicing[0].sigmoid(), atol=1e-5)
    assert found.pitch.dtype == found.energy.dtype == found.voicing.dtype == found.features.dtype == np.float32


def test_a_long_recording_is_heard_in_pieces_of_bounded_length(monkeypatch):
    extractor, lengths = network(), []
    forward = extractor.forward
    monkeypatch.setattr(extractor, "forward", lambda waves: (lengths.append(waves.shape[1]), forward(waves))[1])
    assert len(Extractor(extractor, CPU).melody(np.zeros(16_000 * 60, np.float32)).f0) == 6001
    assert len(lengths) == 4
    assert max(lengths) < 16_000 * 18


def test_waves_of_the_wrong_shape_are_refused():
    extractor = Extractor(network(), CPU)
    for wave in (np.zeros((5, 2), np.float32), np.zeros(0, np.float32)):
        with pytest.raises(InputError, match="shape"):
            extractor.melody(wave)


def test_unvoiced_frames_have_no_f0_but_a_guess():
    melody = Melody(
        np.array([100.0, 200.0], np.float32), np.zeros(2), np.array([0.4, 0.6], np.float32), np.zeros((2, 1))
    )
    assert melody.f0.tolist() == [0.0, 200.0]


def test_the_sum_of_layers_is_weighted_and_the_last_is_the_last():
    last, both = network(layers="last"), network()
    layers = torch.randn(3, 1, 10, 32)
    np.testing.assert_array_equal(last.layer_weights(), [0, 0, 1])
    np.testing.assert_allclose(both.layer_weights(), 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(
        last.combine(layers, 19).features, last.combine(layers.flip(0)[[2, 1, 2]] * 0 + layers[2], 19).features
    )
    both.weights.copy_(torch.tensor([-30.0, -30.0, 30.0]))
    np.testing.assert_allclose(both.combine(layers, 19).features, last.combine(layers, 19).features, atol=1e-5)
    with pytest.raises(ValueError, match="first"):
        network(layers="first")


def test_without_blocks_the_features_are_the_projection():
    extractor = network(blocks=0)
    layers = torch.randn(3, 1, 10, 32)
    expected = extractor.project(layers.mean(0)).reshape(1, 20, 32)
    np.testing.assert_allclose(extractor.combine(layers, 20).features, expected, atol=1e-5)


def test_losses_know_the_units_of_energy():
    extractor = network()
    f0 = np.full(51, 200.0)
    target = torch.from_numpy(target_of(f0, sung(f0)))[None]
    outputs = extractor(torch.from_numpy(sung(f0))[None])
    perfect = replace(outputs, energy=(target[..., 1] + 4) / 2, voicing=torch.full((1, 51), 20.0))
    losses = extractor.losses(perfect, target)
    assert losses["energy"].item() < 1e-10
    assert losses["voicing"].item() < 1e-6
    np.testing.assert_allclose(extractor.energy(perfect), target[..., 1], atol=1e-5)


def test_frame_accuracies_by_hand():
    target = np.array([[100, 0, 1], [100, 0, 1], [0, 0, 0], [0, 0, 0]], np.float32)
    pitch = np.array([101, 110, 100, 100], np.float32)
    voicing = np.array([0.1, 0.9, 0.9, 0.1], np.float32)
    raw, overall = frame_accuracies(Melody(pitch, voicing, voicing, voicing), target)
    assert (raw, overall) == (0.5, 0.25)
    silent = frame_accuracies(Melody(pitch, voicing, voicing, voicing), target * 0)
    assert np.isnan(silent[0])
    assert silent[1] == 0.5


def test_snr_is_that_of_sung_frames():
    voice, rest = np.random.default_rng(0).standard_normal((2, 1600))
    voicing = np.array([1] * 5 + [0] * 6)
    scaled = at_snr(voice, rest, voicing, 5.0)
    assert 10 * np.log10((voice[:800] ** 2).mean() / (scaled[:800] ** 2).mean()) == pytest.approx(5.0, abs=1e-5)
    np.testing.assert_array_equal(at_snr(voice, rest, voicing * 0, 5.0), rest)


def test_the_equaliser_changes_levels_within_its_bounds_and_keeps_phases():
    torch.manual_seed(0)
    wave = torch.randn(4, 4000)
    found = equalised(wave, 12.0)
    ratio = torch.fft.rfft(found)[:, 1:-1] / torch.fft.rfft(wave)[:, 1:-1]
    decibels = 20 * ratio.abs().log10()
    assert decibels.abs().max() <= 24
    assert decibels.std(1).min() > 1
    assert ratio.imag.abs().max() < 1e-2
    np.testing.assert_allclose(equalised(wave, 0.0), wave, atol=1e-5)


def test_masks_are_spans_of_about_the_share():
    torch.manual_seed(0)
    masks = masked_frames((20, 1000), 0.2, 10, CPU)
    assert 0.15 < masks.float().mean() < 0.2
    edges = (masks[:, 1:] != masks[:, :-1]).sum()
    assert edges < 2 * 20 * 1000 * 0.2 / 10 + 40


def test_the_variants_are_the_whole_grid_of_the_ablation():
    found = {}
    for name in ("weighted_sum", *EXTRACTORS):
        melody = variant(PRESETS["small"], name).melody
        if not melody.distance and not melody.replay:
            found[name] = (melody.extractor.layers, melody.extractor.blocks > 0, melody.tuned)
    assert sorted(found.values()) == sorted(itertools.product(("last", "sum"), (False, True), (False, True)))
    assert found["frozen_last_layer_no_fft_blocks"] == ("last", False, False)
