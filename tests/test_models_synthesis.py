"""SING's networks against the published counts, shapes and golden values; its stages on tiny data."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from data.signal import squared_hann
from models.losses import spectral, waveform
from models.synthesis.autoencoder import Autoencoder
from models.synthesis.config import AutoencoderConfig, SequenceConfig, SynthesisConfig
from models.synthesis.notes import recorded_time, velocity_rows
from models.synthesis.presets import PRESETS, variant
from models.synthesis.sequence import SequenceGenerator
from models.synthesis.sing import Sing


def fill(network: nn.Module, scale: float) -> None:
    """Fill every parameter with scale·sin(0.7 i), i over its flattened layout."""
    for one in network.parameters():
        one.data = (scale * torch.sin(0.7 * torch.arange(one.numel(), dtype=torch.float64))).float().view_as(one)


def count(network: nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


def test_parameter_counts_of_the_paper():
    with torch.device("meta"):
        autoencoder = Autoencoder(AutoencoderConfig())
        sequence = SequenceGenerator(SequenceConfig(velocities=6))
    assert count(autoencoder.encoder) == 38_285_440
    assert count(autoencoder.decoder) == 42_479_617
    assert count(sequence.lstm) == 21_118_976
    assert count(sequence) == 21_268_312
    assert count(sequence) + count(autoencoder.decoder) == 63_747_929
    assert round((count(sequence) + count(autoencoder.decoder)) * 4 / 2**20, 2) == 243.18
    with torch.device("meta"):
        assert count(Sing(PRESETS["paper"].autoencoder, PRESETS["paper"].sequence)) == 63_747_929 - 2


def test_lengths_of_the_paper():
    config = AutoencoderConfig()
    assert config.strip == 1792
    assert config.frames(65_024) == SequenceConfig().frames == 265
    assert config.wave_length(265) == 65_024
    small = AutoencoderConfig(channels=4, dimension=3)
    network = Autoencoder(small)
    assert network.encoder(torch.zeros(2, 68_608)).shape == (2, 3, 265)
    assert network(torch.zeros(2, 68_608)).shape == (2, 65_024)


def test_the_window_is_the_squared_hann():
    window = squared_hann(1024)
    assert (window[0], window[512], window.sum()) == (0, 1, 384)
    overlapped = window.view(4, 256).sum(0)
    torch.testing.assert_close(overlapped, torch.full((256,), 1.5))


def test_autoencoder_golden_values():
    network = Autoencoder(AutoencoderConfig(channels=8, dimension=4, rewrites=1))
    fill(network, 0.2)
    time = torch.arange(64_000, dtype=torch.float64) / 16_000
    wave = torch.zeros(1, 68_608)
    wave[0, 2304:66_304] = 0.2 * sum(torch.sin(2 * math.pi * 110 * k * time) / k for k in range(1, 11))
    with torch.no_grad():
        z, y = network.encoder(wave), network(wave)
    target = wave[:, 1792:-1792]
    assert [z.mean(), z.std(), z.min(), z.max()] == pytest.approx([0.133095, 0.040793, 0.084187, 0.182508], abs=2e-6)
    assert z[0, :, 130].tolist() == pytest.approx([0.092231, 0.173538, 0.174187, 0.092421], abs=2e-6)
    assert [y.std(), y.min(), y.max()] == pytest.approx([0.028990, -0.056912, 0.056010], abs=2e-6)
    assert y[0, 32_000:32_004].tolist() == pytest.approx([0.050884, 0.055667, 0.034152, -0.003480], abs=2e-6)
    assert spectral(target, y).item() == pytest.approx(0.270211, abs=2e-6)
    assert spectral(target, 0 * y).item() == pytest.approx(0.234133, abs=2e-6)
    assert waveform(target, 0 * y).item() == pytest.approx(0.030507, abs=2e-6)


def test_sequence_generator_golden_values():
    network = SequenceGenerator(SequenceConfig(velocities=6, hidden=16, layers=2, dimension=4))
    fill(network, 0.5)
    labels = network.labels(torch.tensor([1005]), torch.tensor([60]), torch.tensor([4]))
    with torch.no_grad():
        o, _ = network(labels)
    assert o.shape == (1, 4, 265)
    assert [o.mean(), o.std(), o.min(), o.max()] == pytest.approx([0.381564, 0.645910, -0.687582, 1.266780], abs=2e-6)
    assert o[0, :, 0].tolist() == pytest.approx([-0.591604, 0.644353, 1.215163, 0.402677], abs=2e-6)
    assert o[0, :, 264].tolist() == pytest.approx([-0.608594, 0.337494, 1.107565, 0.665851], abs=2e-6)


def test_the_sequence_in_pieces_is_the_sequence():
    network = SequenceGenerator(SequenceConfig(hidden=16, layers=2, dimension=4))
    labels = network.labels(torch.tensor([3, 9]), torch.tensor([60, 72]), torch.tensor([0, 4]))
    whole, _ = network(labels)
    pieces, state = [], None
    for start in range(0, 265, 32):
        piece, state = network(labels, start, min(32, 265 - start), state)
        pieces.append(piece)
    torch.testing.assert_close(torch.cat(pieces, -1), whole)


def test_time_between_two_frames_is_read_between_their_rows():
    network = SequenceGenerator(SequenceConfig(hidden=8, layers=1, dimension=2))
    labels = network.labels(torch.tensor([3, 9]), torch.tensor([60, 72]), torch.tensor([0, 4]))
    counted = torch.arange(3.0)[:, None].expand(-1, 2)
    torch.testing.assert_close(network(labels, 0, 3, None, counted)[0], network(labels, 0, 3)[0])
    with torch.no_grad():
        between, _ = network(labels, 0, 3, None, torch.tensor([[0.5, -4.0], [1.25, 263.5], [264.0, 300.0]]))
        rows = network.time.weight.clone()
        network.time.weight[:3] = torch.stack([(rows[0] + rows[1]) / 2, (3 * rows[1] + rows[2]) / 4, rows[264]])
        expected, _ = network(labels[:1], 0, 3)
    torch.testing.assert_close(between[:1], expected)


def test_a_note_played_an_octave_higher_passes_twice_as_fast_from_its_first_sample_on():
    sizes = AutoencoderConfig()
    where = recorded_time(sizes, np.array([0, 12, -12]), range(0, 265, 33), torch.device("cpu"))
    assert where[:, 0].tolist() == list(range(0, 265, 33))
    # A frame is 256 samples; frame 132, the middle one, is 32,000 samples after the beginning of the note: 125 frames.
    assert where[4].tolist() == [132, 132 + 125, 132 - 62.5]


def test_smooth_features_of_the_pitch_are_nearly_those_of_its_neighbour():
    config = SequenceConfig(hidden=8, layers=1, dimension=2, pitch_bumps=31)
    network = SequenceGenerator(config)
    assert config.inputs == 30 + 32 == network.lstm.input_size
    near = network.labels(torch.tensor([3, 3, 3]), torch.tensor([60, 61, 72]), torch.tensor([0, 0, 0]))[:, 26:]
    assert near.shape == (3, 32)
    assert (near[0] - near[1]).norm() < 0.4 * (near[0] - near[2]).norm()


def test_without_time_embedding_the_first_frames_inputs_repeat():
    config = variant(SynthesisConfig(), "no_time_embedding").sequence
    assert config.inputs == 26
    network = SequenceGenerator(SequenceConfig(time_dimension=0, hidden=8, layers=1, dimension=2))
    assert network.time is None
    labels = network.labels(torch.tensor([3]), torch.tensor([60]), torch.tensor([0]))
    late, _ = network(labels, 200, 5)
    early, _ = network(labels, 0, 5)
    torch.testing.assert_close(late, early)


def test_a_single_note_and_a_batch_take_the_same_path():
    torch.manual_seed(0)
    network = Sing(AutoencoderConfig(channels=16, dimension=4), SequenceConfig(hidden=8, layers=1, dimension=4))
    labels = [torch.tensor([3, 5]), torch.tensor([60, 61]), torch.tensor([0, 1])]
    both = network(*labels)
    torch.testing.assert_close(network(*(one[1:] for one in labels)), both[1:], rtol=1e-4, atol=1e-6)


def test_velocities_are_rows_0_to_4():
    assert velocity_rows(np.array([25, 50, 75, 100, 127])).tolist() == [0, 1, 2, 3, 4]


def test_sinusoids_to_start_with_rebuild_something_at_once():
    """An untrained network with Fourier kernels hands a tone through at its own frequency."""
    torch.manual_seed(0)
    network = Autoencoder(AutoencoderConfig(channels=256, dimension=32, fourier=True))
    first = network.encoder.analysis.kernels.weight[:, 0]
    spectra = torch.fft.rfft(first * squared_hann(1024)).abs()
    assert len(spectra.argmax(-1).unique()) == 64
    time = torch.arange(network.decoder.synthesis.kernels.weight.shape[-1] * 8) / 16000
    with torch.no_grad():
        hidden = torch.relu(network.encoder.analysis(torch.sin(2 * torch.pi * 440 * time)[None]))
        rebuilt = network.decoder.synthesis(hidden)[0]
    spectrum = torch.fft.rfft(rebuilt * torch.hann_window(len(rebuilt))).abs()
    assert spectrum.argmax() * 16000 / len(rebuilt) == pytest.approx(440, abs=10)


def test_presets_are_consistent():
    for name, config in PRESETS.items():
        assert config.autoencoder.dimension == config.sequence.dimension, name
        assert config.autoencoder.frames(65_024) == config.sequence.frames, name
    paper = PRESETS["paper"]
    assert (paper.train_autoencoder.batch_size, paper.train_autoencoder.learning_rate) == (256, 3e-4)
    assert paper.pitch_shifts == (0,)
    assert not paper.autoencoder.fourier


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="'vocoder' is no variant; choose one of spectral, waveform"):
        variant(SynthesisConfig(), "vocoder")
