"""Acoustic model of the conversion system: pieces, inputs, network, discriminators."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_acoustic as tiny
import torch

from data.errors import InputError
from models.conversion.acoustic import load as loading
from models.conversion.acoustic.discriminators import Discriminators, ramp
from models.conversion.acoustic.inputs import FLOOR, make_inputs, relative_content, relative_energy
from models.conversion.acoustic.load import Acoustic
from models.conversion.acoustic.network import AcousticNetwork
from models.conversion.acoustic.normalisation import ConditionalNorm, Moments
from models.conversion.acoustic.perturb import move_formants, shift_pitch
from models.conversion.acoustic.template import Template
from models.conversion.key import Range
from models.conversion.mel import log_mel

CPU = torch.device("cpu")


def vowel(f0: float, formant: float, samples: int = 16_000) -> np.ndarray:
    """Harmonics of F0 that are loud around one formant: (T,) float32."""
    time = np.arange(samples) / 16_000
    orders = np.arange(1, int(7500 / f0))
    levels = 0.05 + np.exp(-(((orders * f0 - formant) / 800) ** 2))
    return (
        0.1 * (levels[:, None] * np.cos(2 * np.pi * f0 * orders[:, None] * time + orders[:, None] ** 2)).sum(0)
    ).astype(np.float32)


def centre_of(wave: np.ndarray) -> float:
    """The frequency in Hz about which the power of a wave lies."""
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    return float((power * np.fft.rfftfreq(len(wave), 1 / 16_000)).sum() / power.sum())


def spacing_of(wave: np.ndarray) -> float:
    """F0 in Hz by the strongest peak of the autocorrelation between 2 and 10 ms."""
    middle = wave[4000:12_000].astype(float)
    found = np.correlate(middle, middle, "full")[len(middle) - 1 :]
    return 16_000 / (32 + int(np.argmax(found[32:160])))


# ── pieces ──


@pytest.mark.parametrize("ratio", [0.85, 1.2])
def test_formants_move_and_the_pitch_stays(ratio):
    wave = vowel(200, 1500)
    moved = move_formants(wave, ratio)
    assert moved.shape == wave.shape
    assert moved.dtype == np.float32
    assert centre_of(moved) == pytest.approx(ratio * centre_of(wave), rel=0.1)
    assert spacing_of(moved) == pytest.approx(200, rel=0.01)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_the_pitch_moves_and_formants_stay(speed):
    wave = vowel(200, 1500)
    shifted = shift_pitch(wave, speed)
    assert len(shifted) == pytest.approx(len(wave) / speed, abs=2)
    assert spacing_of(shifted) == pytest.approx(200 * speed, rel=0.015)
    assert centre_of(shifted) == pytest.approx(centre_of(wave), rel=0.08)


def test_an_unchanged_voice_is_the_same_array():
    wave = vowel(200, 1500)
    assert move_formants(wave, 1.0) is wave
    assert shift_pitch(wave, 1.0) is wave


@pytest.mark.parametrize("f0", [110.0, 233.0, 440.0, 900.0])
def test_the_template_is_that_of_harmonics(f0):
    time = torch.arange(8000) / 16_000
    orders = torch.arange(1, int(7900 / f0) + 1)[:, None]
    mel = log_mel(0.02 * torch.cos(2 * torch.pi * f0 * orders * time + orders**2).sum(0)[None])[0, 20:30].mean(0)
    drawn = Template()(torch.tensor([[f0]]))[0, 0]
    mel = mel.clamp(min=float(mel.max()) - 4)
    assert torch.corrcoef(torch.stack([mel, drawn]))[0, 1] > 0.97
    assert drawn.mean().abs() < 1e-5


def test_unvoiced_frames_and_pitches_outside_the_table():
    template = Template()
    found = template(torch.tensor([[0.0, 20.0, 50.0, 1400.0, 5000.0]]))[0]
    assert found[0].abs().max() == 0
    torch.testing.assert_close(found[1], found[2])
    torch.testing.assert_close(found[3], found[4])
    assert torch.isfinite(found).all()


def test_moments_of_pieces_are_those_of_the_whole():
    frames = torch.randn(2, 30, 4) * 3 + 5
    inside = torch.ones(2, 30)
    inside[1, 20:] = 0
    whole = Moments.of(frames, inside)
    parts = Moments.of(frames[:, :12], inside[:, :12]) + Moments.of(frames[:, 12:], inside[:, 12:])
    for name in ("count", "total", "square"):
        torch.testing.assert_close(getattr(whole, name), getattr(parts, name))
    normal = whole.normalise(frames)
    torch.testing.assert_close(normal[1, :20].mean(0), torch.zeros(4), atol=1e-4, rtol=0)
    torch.testing.assert_close(normal[1, :20].var(0, unbiased=False), torch.ones(4), atol=1e-3, rtol=0)


def test_the_norm_forgets_level_and_offset_and_takes_the_singers():
    norm, frames = ConditionalNorm(2, 3), torch.randn(1, 50, 3)
    norm.offset.weight.data[1] = 7
    ones = torch.ones(1, 50)
    first, louder = (norm(one, Moments.of(one, ones), torch.tensor([0])) for one in (frames, 5 * frames + 2))
    torch.testing.assert_close(first, louder, atol=1e-4, rtol=1e-4)
    other = norm(frames, Moments.of(frames, ones), torch.tensor([1]))
    torch.testing.assert_close(other, first + 7)


# ── inputs ──


def test_energy_is_relative_to_voiced_frames_and_bounded():
    found = relative_energy(np.array([-2.0, -4.0, -11.0], np.float32), np.array([1.0, 1.0, 0.0]))
    np.testing.assert_allclose(found, [1, -1, FLOOR])
    np.testing.assert_allclose(relative_energy(np.array([-2.0, -4.0]), np.zeros(2)), [1, -1])


def test_content_is_relative_and_a_constant_feature_stays_finite():
    content = np.array([[1.0, 5.0], [3.0, 5.0]], np.float32)
    np.testing.assert_allclose(relative_content(content), [[-1, 0], [1, 0]], atol=1e-5)


def test_the_shift_raises_what_is_sung():
    melody, content = tiny.melody_of(40), np.zeros((10, tiny.CONTENT), np.float32)
    octave, free = (make_inputs(content, melody, shift, CPU) for shift in (12.0, None))
    np.testing.assert_allclose(octave.f0[0].numpy(), 2 * melody.f0, rtol=1e-6)
    assert (octave.known.item(), free.known.item()) == (1, 0)


# ── network ──


def inputs_of(count: int = 10, seed: int = 0):
    draw = np.random.default_rng(seed)
    content = draw.standard_normal((count, tiny.CONTENT)).astype(np.float32)
    return make_inputs(content, tiny.melody_of(4 * count, seed), 0.0, CPU)


@pytest.mark.parametrize("melody", ["features", "pitch"])
def test_the_network_gives_a_mel_frame_for_each_melody_frame(melody):
    network = AcousticNetwork(replace(tiny.CONFIG, melody=melody), 3)
    outputs = network(inputs_of(), torch.tensor([1]))
    assert outputs.mel.shape == (1, 40, 80)
    assert outputs.embedding.shape == (1, 40, 16)


def test_pitch_alone_needs_no_extracted_features():
    network = AcousticNetwork(replace(tiny.CONFIG, melody="pitch"), 2).eval()
    inputs = inputs_of()
    bare = replace(inputs, extracted=inputs.extracted[..., :0])
    torch.testing.assert_close(network(bare, torch.tensor([0])).mel, network(inputs, torch.tensor([0])).mel)


def test_without_a_pitch_the_decoder_does_not_know_the_key():
    network = AcousticNetwork(tiny.CONFIG, 2).eval()
    inputs, singer = inputs_of(), torch.tensor([0])
    higher = replace(inputs, f0=1.5 * inputs.f0)
    assert not torch.allclose(network(inputs, singer).mel, network(higher, singer).mel)
    hidden, other = (replace(one, known=torch.zeros(1)) for one in (inputs, higher))
    torch.testing.assert_close(network(hidden, singer).mel, network(other, singer).mel)
    keyless = AcousticNetwork(replace(tiny.CONFIG, key=False), 2).eval()
    torch.testing.assert_close(keyless(inputs, singer).mel, keyless(higher, singer).mel)


def test_a_melody_that_is_not_known():
    with pytest.raises(ValueError, match="features, pitch"):
        AcousticNetwork(replace(tiny.CONFIG, melody="notes"), 1)


def acoustic(**changes) -> Acoustic:
    torch.manual_seed(0)
    network = AcousticNetwork(replace(tiny.CONFIG, **changes), 2).eval().requires_grad_(False)
    return Acoustic(network, ("ann", "bob"), "ann", CPU, {"ann": Range(180, 240, 400)})


def test_pieces_give_what_the_whole_gives(monkeypatch):
    model, count = acoustic(), 80
    content = np.random.default_rng(0).standard_normal((count, tiny.CONTENT)).astype(np.float32)
    melody = tiny.melody_of(4 * count)
    whole = model.mel(content, melody, 1.0)
    monkeypatch.setattr(loading, "_CORE", 60)
    np.testing.assert_allclose(model.mel(content, melody, 1.0), whole, atol=2e-5)
    monkeypatch.setattr(AcousticNetwork, "margin", 0, raising=False)
    model.network.margin = 0
    assert np.abs(model.mel(content, melody, 1.0) - whole).max() > 1e-3  # so the margins matter


def test_singers_and_lengths_are_checked():
    model, melody = acoustic(), tiny.melody_of(40)
    content = np.zeros((10, tiny.CONTENT), np.float32)
    assert not np.allclose(model.mel(content, melody, 0.0), model.mel(content, melody, 0.0, "bob"))
    with pytest.raises(InputError, match="ann, bob"):
        model.mel(content, melody, 0.0, "eve")
    assert (model.range(), model.range("ann"), model.range("bob")) == (Range(180, 240, 400),) * 2 + (None,)
    with pytest.raises(InputError, match="ann, bob"):
        model.range("eve")
    with pytest.raises(InputError, match="9 content frames and 40"):
        model.mel(content[:9], melody, 0.0)
    with pytest.raises(InputError, match="0 content frames"):
        model.mel(content[:0], tiny.melody_of(0), 0.0)


# ── adversaries ──


def test_adversaries_begin_late_and_grow():
    assert [ramp(one, 0.5, 0.1) for one in (0.0, 0.49, 0.5, 0.55, 0.6, 1.0)] == [0, 0, 0, 0.5, 1, 1]
    assert ramp(0.5, 0.5, 0.0) == 1


def test_least_squares_losses():
    judges = Discriminators(tiny.ON, 16)
    assert set(judges.judges) == {"real", "conversion", "embedding"}
    mel = torch.randn(2, 32, 80)
    good, bad = judges.judges["real"](mel), judges.judges["real"](mel + 1)
    expected = (good - 1).square().mean() + bad.square().mean()
    torch.testing.assert_close(judges.losses("real", mel, mel + 1), expected)
    torch.testing.assert_close(judges.deceived("real", mel + 1), (bad - 1).square().mean())


def test_discriminators_do_not_train_the_network_and_each_can_be_off():
    mel = torch.randn(1, 32, 80, requires_grad=True)
    Discriminators(tiny.ON, 16).losses("real", mel, mel).backward()
    assert mel.grad is None
    assert set(Discriminators(replace(tiny.ON, real=tiny.OFF.real), 16).judges) == {"conversion", "embedding"}
