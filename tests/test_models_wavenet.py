"""The WaveNet baseline: published sizes, and a sampler that equals the network."""

import numpy as np
import torch

from models.synthesis.sampling import Sampler, reconstruct
from models.synthesis.wavenet import WavenetAutoencoder, inverse_mu_law, mu_law
from models.synthesis.wavenet_config import WavenetConfig

TINY = WavenetConfig(encoder_width=6, width=8, skip=10, stacks=2, layers=4, code=3, hop=64)


def count(*modules: torch.nn.Module) -> int:
    return sum(one.numel() for module in modules for one in module.parameters())


def test_parameter_counts():
    """The small one of the reference notes, and the published one (encoder 1,976,336; decoder 59,827,712)."""
    for config, encoder, decoder in (
        (WavenetConfig(), 83_856, 730_304),
        (WavenetConfig(encoder_width=128, width=512, skip=256, stacks=3), 1_976_336, 59_827_712),
    ):
        with torch.device("meta"):
            network = WavenetAutoencoder(config)
        found = count(network.encoder_input, network.encoder_layers, network.encoder_output)
        assert found == encoder
        assert count(network) - found == decoder


def test_mu_law_by_hand_and_back():
    levels = mu_law(torch.tensor([-1.0, -1e-9, 0.0, 0.01, 1.0]))
    assert levels.tolist() == [0, 127, 128, 128 + 29, 255]
    everything = torch.arange(256)
    assert torch.equal(mu_law(inverse_mu_law(everything)), everything)
    wave = torch.linspace(-1, 1, 999)
    assert (inverse_mu_law(mu_law(wave)) - wave).abs().max() < 0.025


def test_the_decoder_never_hears_the_sample_it_predicts():
    torch.manual_seed(0)
    network = WavenetAutoencoder(TINY).eval()
    wave = torch.rand(1, 256) - 0.5
    code = network.encode(wave)
    network.encode = lambda wave: code
    before, _ = network(wave)
    changed = wave.clone()
    changed[:, 100] *= -1
    after, _ = network(changed)
    assert torch.equal(before[..., :101], after[..., :101])
    assert not torch.equal(before[..., 101], after[..., 101])


def test_sampling_with_rings_equals_the_whole_network():
    torch.manual_seed(0)
    network = WavenetAutoencoder(TINY).eval()
    wave = torch.rand(3, 192) * 2 - 1
    with torch.inference_mode():
        expected, levels = network(wave)
        sampler = Sampler(network, network.encode(wave))
        heard = torch.cat([torch.zeros(3, 1), (levels.float() - 128) / 128], 1)
        found = torch.stack([sampler.logits(heard[:, time]) for time in range(192)], -1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_drawing_is_repeatable_and_batched_notes_are_independent_of_each_others_code():
    torch.manual_seed(0)
    network = WavenetAutoencoder(TINY).eval()
    wave = torch.rand(2, 128) * 2 - 1
    first, second = reconstruct(network, wave, seed=1), reconstruct(network, wave, seed=1)
    assert torch.equal(first, second)
    assert first.shape == (2, 128)
    assert not torch.equal(first, reconstruct(network, wave, seed=2))
    other = torch.stack([wave[0], -wave[1]])
    # Another second note changes nothing in the first, whose draws are the same.
    assert torch.equal(reconstruct(network, other, seed=1)[0], first[0])
    assert np.isfinite(first.numpy()).all()
    assert first.abs().max() <= 1


def test_sampling_reports_progress():
    reports = []
    reconstruct(WavenetAutoencoder(TINY).eval(), torch.zeros(1, 64), listener=reports.append)
    assert (reports[-1].done, reports[-1].total, reports[-1].unit) == (64, 64, "samples")
