"""The vocoder's networks: published sizes, exact lengths, pieces that equal the whole, pitch that is kept."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny_vocoder import SMALL_HIFIGAN, SMALL_PULSES, SMALL_VOCOS, melody, sung

from data.errors import InputError, NotFiniteError
from data.pitch.trackers import JUDGE, track
from data.pitch.tracks import count_in_tune
from models.conversion.frames import RATE
from models.conversion.mel import filter_bank, log_mel
from models.conversion.vocoder.config import DiscriminatorConfig, HifiganConfig
from models.conversion.vocoder.discriminators import Discriminators
from models.conversion.vocoder.excitation import interpolated, make_source, noise, pulses
from models.conversion.vocoder.griffin_lim import griffin_lim, invert_mel
from models.conversion.vocoder.hifigan import Hifigan
from models.conversion.vocoder.load import Vocoder
from models.conversion.vocoder.losses import (
    adversarial_loss,
    discriminator_loss,
    feature_loss,
    mel_distance,
    stft_distance,
)
from models.conversion.vocoder.network import build
from models.conversion.vocoder.pitch import CENTS, PitchNetwork
from models.conversion.vocoder.vocos import inverse_stft

CPU = torch.device("cpu")
ARMS = {"hifigan": SMALL_HIFIGAN, "vocos": SMALL_VOCOS, "pulses": SMALL_PULSES}
OLD = HifiganConfig(rates=(8, 8, 2, 2), kernels=(16, 16, 4, 4))


def size(network: torch.nn.Module) -> int:
    return sum(one.numel() for one in network.parameters())


@pytest.mark.parametrize(
    ("config", "normed", "folded"),
    [
        (OLD, 13_936_130, 13_926_017),
        (replace(OLD, channels=128), 928_514, 925_985),
        (HifiganConfig(), None, 12_910_209),
        (HifiganConfig(channels=128), None, 862_497),
    ],
)
def test_hifigan_has_the_published_numbers_of_parameters(config, normed, folded):
    network = Hifigan(config)
    assert normed is None or size(network) == normed
    assert size(network.fold()) == folded


def test_discriminators_have_the_published_numbers_of_parameters():
    network = Discriminators(DiscriminatorConfig())
    assert size(network.periods) == 41_105_770
    assert size(network.scales) == 29_618_821


@pytest.mark.parametrize("hop", [(5, 4, 4, 2), (8, 8, 2, 2)])
def test_hifigan_has_exactly_hop_samples_per_frame(hop):
    kernels = tuple(2 * one for one in hop)
    config = HifiganConfig(channels=16, rates=hop, kernels=kernels, blocks=(3,), dilations=(1,))
    assert Hifigan(config)(torch.zeros(2, 7, 80)).shape == (2, 7 * config.hop)


def test_folding_changes_no_sample():
    torch.manual_seed(0)
    network, mel = Hifigan(SMALL_HIFIGAN), torch.randn(1, 9, 80)
    before = network(mel).detach()
    assert torch.allclose(network.fold()(mel), before, atol=1e-6)


@pytest.fixture(params=ARMS)
def vocoder(request) -> Vocoder:
    torch.manual_seed(0)
    network = build(ARMS[request.param])
    if isinstance(network, Hifigan):  # its first weights are so small that nothing would be heard
        for name, one in network.named_parameters():
            if name.endswith("original0"):
                one.data.fill_(1.0)
    return Vocoder(request.param, network, CPU)


def a_mel(frames: int) -> np.ndarray:
    wave = torch.from_numpy(sung(melody(0, frames)))[None] + 0.01 * torch.randn(1, frames * 160)
    return log_mel(wave)[0, :frames].numpy()


def test_pieces_equal_the_whole(vocoder):
    mel = a_mel(150)
    whole = vocoder.wave(mel, piece=1000)
    assert whole.shape == (150 * 160,)
    assert whole.dtype == np.float32
    assert np.abs(whole).max() > 1e-3
    for piece in (7, 50):
        assert np.abs(vocoder.wave(mel, piece=piece) - whole).max() < 2e-4 * np.abs(whole).max()


def test_a_frame_hears_no_further_than_its_reach(vocoder):
    network, middle = vocoder.network, vocoder.network.reach + 20
    mel = a_mel(2 * middle)
    changed = mel.copy()
    changed[: middle - network.reach] += 1.0
    changed[middle + network.reach + 1 :] += 1.0
    f0 = np.full(2 * middle, 200.0)
    here = slice(middle * 160, middle * 160 + 160)
    one, other = vocoder.wave(mel, f0)[here], vocoder.wave(changed, f0)[here]
    assert np.abs(one - other).max() < 1e-4 * np.abs(one).max()
    # and the bound is needed: a vocoder that is told less than an eighth of it gives something else
    changed[: middle - network.reach // 8] -= 1.0
    changed[middle + network.reach // 8 + 1 :] -= 1.0
    assert np.abs(one - vocoder.wave(changed, f0)[here]).max() > 1e-4 * np.abs(one).max()


def test_bad_input_is_refused_by_name(vocoder):
    mel = np.full((20, 80), -5.0, np.float32)
    with pytest.raises(InputError, match=r"\(20, 81\)"):
        vocoder.wave(np.zeros((20, 81), np.float32))
    with pytest.raises(InputError, match="at least 1"):
        vocoder.wave(mel[:0])
    with pytest.raises(InputError, match="1 values are NaN"):
        vocoder.wave(np.where(np.arange(1600).reshape(20, 80) == 7, np.nan, mel))
    with pytest.raises(InputError, match="20 frames"):
        vocoder.wave(mel, np.zeros(19))
    with pytest.raises(InputError, match="negative"):
        vocoder.wave(mel, np.full(20, -100.0))


def test_a_broken_network_is_no_sound(vocoder):
    for one in vocoder.network.parameters():
        one.data.fill_(float("nan"))
    with pytest.raises(NotFiniteError, match=vocoder.arm):
        vocoder.wave(np.full((20, 80), -5.0, np.float32), np.full(20, 100.0))


def test_f0_is_interpolated_in_octaves():
    filled = interpolated(np.array([0, 100.0, 0, 400.0, 0]))
    assert np.allclose(filled, [100, 100, 200, 400, 400])
    assert np.allclose(interpolated(np.zeros(3)), 200)


def test_pulses_have_the_asked_pitch_all_harmonics_and_power_one():
    wave = pulses(make_source(np.full((1, 200), 250.0), CPU))[0]
    assert wave.square().mean().item() == pytest.approx(1, abs=0.02)
    power = torch.fft.rfft(wave).abs().square().numpy() / len(wave) ** 2  # bins of 0.5 Hz
    harmonics = power[500::500]
    assert (harmonics[:31] > 0.9 / 62).all()  # 31 harmonics up to 7750 Hz, two sides
    assert power.sum() - harmonics.sum() < 1e-4 * power.sum()


def test_the_phase_of_pulses_is_the_sum_of_f0():
    f0 = np.linspace(100, 300, 50)[None]
    source = make_source(f0, CPU, phase=0.25)
    per_sample = np.interp(np.arange(50 * 160) / 160, np.arange(50), f0[0])
    cycles = 0.25 + np.concatenate([[0], np.cumsum(per_sample)[:-1]]) / RATE
    difference = source.phase[0].numpy() - cycles[::160]
    assert np.abs(difference - difference.round()).max() < 1e-4
    cut = source.cut(20, 30)
    assert torch.equal(pulses(cut)[0], pulses(source)[0, 3200:4800])
    assert cut.first == 20


def test_noise_depends_on_the_place_alone():
    whole = noise(0, 250, seed=3)
    assert torch.equal(noise(95, 120, seed=3), whole[:, 95 * 160 : 215 * 160])
    assert not torch.equal(noise(0, 250, seed=4), whole)
    assert whole.square().mean().item() == pytest.approx(1, abs=0.02)


def test_untrained_pulses_sing_the_given_f0_with_the_given_mel_spectrogram():
    torch.manual_seed(0)
    f0 = melody(1, 120)
    wave = sung(f0)
    mel = log_mel(torch.from_numpy(wave)[None])[0, :120].numpy()
    made = Vocoder("pulses", build(SMALL_PULSES), CPU).wave(mel, f0)
    found, _ = track(JUDGE, made)
    near, voiced = count_in_tune(f0, found)
    assert near > 0.95 * voiced == 0.95 * 110
    copy = log_mel(torch.from_numpy(made)[None])[0, :120].numpy()
    assert np.abs(copy - mel)[10:100].mean() < 0.5


def test_the_pitch_network_reads_its_classes():
    network = PitchNetwork(SMALL_PULSES)
    for one in network.parameters():
        one.data.zero_()
    network.head.bias.data[48] = 50.0
    network.head.bias.data[-1] = 1.0
    mel = torch.zeros(1, 3, 80)
    assert network.f0(mel).tolist() == [pytest.approx([60 * 2 ** (48 * CENTS / 1200)] * 3, rel=1e-6)]
    near = network.loss(mel, torch.full((1, 3), 120.0))
    assert near < network.loss(mel, torch.full((1, 3), 130.0))
    network.head.bias.data[-1] = -1.0
    assert (network.f0(mel) == 0).all()
    assert network.loss(mel, torch.zeros(1, 3)).item() == pytest.approx(np.log1p(np.exp(-1)), rel=1e-5)


def test_inverse_stft_inverts():
    torch.manual_seed(0)
    wave = torch.randn(1, 3200)
    spectrum = torch.stft(wave, 640, 160, window=torch.hann_window(640), pad_mode="constant", return_complex=True)
    assert torch.allclose(inverse_stft(spectrum.transpose(1, 2), 640)[:, :3200], wave, atol=1e-4)


def test_losses_by_hand():
    torch.manual_seed(0)
    wave = 0.1 * torch.randn(2, 4000)
    assert mel_distance(wave, wave) == 0
    assert stft_distance(wave, wave).item() == pytest.approx(0, abs=1e-5)
    assert stft_distance(wave, wave / 2).item() == pytest.approx(0.5 + np.log(2), rel=1e-3)
    true = [(torch.tensor([[1.0, 3.0]]), [torch.tensor([1.0]), torch.tensor([2.0])])]
    made = [(torch.tensor([[0.5]]), [torch.tensor([0.0]), torch.tensor([4.0])])]
    assert discriminator_loss(true, made).item() == pytest.approx(2 + 0.25)
    assert adversarial_loss(made).item() == pytest.approx(0.25)
    assert feature_loss(true, made).item() == pytest.approx(1 + 2)


def test_silence_gives_no_wild_gradient():
    made = torch.full((1, 4000), 1e-4, requires_grad=True)
    stft_distance(torch.zeros(1, 4000), made).backward()
    assert made.grad is not None
    assert torch.isfinite(made.grad).all()


def test_griffin_lim_finds_a_wave_of_the_mel_spectrogram_and_is_repeatable():
    f0 = melody(1, 100)
    mel = log_mel(torch.from_numpy(sung(f0))[None])[0, :100].numpy()
    wave = griffin_lim(mel)
    assert wave.shape == (16_000,)
    assert np.array_equal(wave, griffin_lim(mel))
    assert not np.array_equal(wave, griffin_lim(mel, seed=1))
    copies = [log_mel(torch.from_numpy(one)[None])[0, :100].numpy() for one in (wave, griffin_lim(mel, iterations=1))]
    good, bad = (np.abs(one - mel)[5:85, :60].mean() for one in copies)
    assert good < 0.4 < bad


def test_mel_inversion_is_not_negative_and_fits():
    mel = torch.from_numpy(a_mel(30))
    found = invert_mel(mel)
    assert found.shape == (30, 513)
    assert (found >= 0).all()
    assert ((found @ filter_bank(CPU)).log() - mel).abs().mean() < 0.02
