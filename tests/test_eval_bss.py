"""BSS Eval: museval's own code is the reference, frame by frame; and cases that can be done by hand."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from scipy.signal import fftconvolve, lfilter

from eval.metrics import correlations
from eval.metrics.blocks import Held, blocks
from eval.metrics.bss import METRICS, BssEval, bss_eval
from eval.metrics.correlations import Correlations

RATE = 2000


@pytest.fixture(scope="module")
def museval_metrics() -> ModuleType:
    """museval's metrics alone: importing the package asks for ffmpeg."""
    package = importlib.util.find_spec("museval")
    path = Path(package.origin).with_name("metrics.py")
    spec = importlib.util.spec_from_file_location("museval_metrics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def song(sources: int, seconds: float = 4.3, seed: int = 0) -> np.ndarray:
    """Coloured noise, (S, T, 2), channels related but not copies."""
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((sources, int(seconds * RATE), 2))
    noise[..., 1] += 0.5 * noise[..., 0]
    return np.stack([lfilter([1, 0.3], [1, -0.2 * number], one, axis=0) for number, one in enumerate(noise)])


def separated(references: np.ndarray, seed: int = 1) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(references.shape)
    return references + 0.3 * references[::-1] + 0.1 * noise + 0.2 * np.roll(references, 7, axis=1)


@pytest.mark.parametrize("sources", [2, 4])
def test_every_frame_is_musevals(museval_metrics, sources):
    references = song(sources)
    estimates = separated(references)
    references[0, RATE : 2 * RATE] = 0  # a silent second
    expected = np.stack(museval_metrics.bss_eval(references, estimates, window=RATE, hop=RATE)[:4])
    found = bss_eval(references, estimates, RATE, RATE)
    np.testing.assert_allclose(found.decibels, expected, atol=1e-8)
    assert found.undefined == 1
    assert found.decibels.shape == (4, sources, 4)
    assert found.reciprocal_condition > 1e-9


@pytest.mark.parametrize(("window", "hop"), [(RATE, RATE // 2), (3 * RATE, RATE), (100 * RATE, 100 * RATE)])
def test_windows_are_musevals(museval_metrics, window, hop):
    references = song(2)
    estimates = separated(references)
    expected = np.stack(museval_metrics.bss_eval(references, estimates, window=window, hop=hop)[:4])
    np.testing.assert_allclose(bss_eval(references, estimates, window, hop).decibels, expected, atol=1e-8)


def test_half_the_level_by_hand():
    references = song(2)
    sdr, isr, sir, sar = bss_eval(references, references / 2, RATE, RATE).decibels
    np.testing.assert_allclose(sdr, 20 * np.log10(2), atol=1e-9)
    np.testing.assert_allclose(isr, 20 * np.log10(2), atol=1e-6)
    assert sir.min() > 150
    assert sar.min() > 150


def test_the_mixture_as_estimate_has_the_sir_of_its_input():
    references = song(2)
    mixture = references.sum(0)
    decibels = dict(zip(METRICS, bss_eval(references, np.stack([mixture] * 2), RATE, RATE).decibels, strict=True))
    frames = references[:, : 4 * RATE].reshape(2, 4, RATE, 2)
    energy = np.square(frames).sum((2, 3))
    np.testing.assert_allclose(decibels["sdr"], 10 * np.log10(energy / energy[::-1]), atol=1e-9)
    np.testing.assert_allclose(
        decibels["sir"], 10 * np.log10(energy / energy[::-1]), atol=1.2
    )  # 512 taps explain a little of noise
    assert decibels["sar"].min() > 100


def test_a_silent_track_has_no_values_and_no_exception():
    references = song(2)
    references[1] = 0
    found = bss_eval(references, separated(references), RATE, RATE)
    assert np.isnan(found.decibels).all()
    assert found.undefined == 4
    assert np.isnan(found.reciprocal_condition)


def test_channels_that_are_filtered_copies_show_in_the_condition():
    references = song(2)
    references[..., 1] = lfilter([0, 0, 0, 1.0], [1], references[..., 0], axis=1)
    found = bss_eval(references, separated(references), RATE, RATE)
    assert found.reciprocal_condition < 1e-9
    assert np.isfinite(found.decibels[0]).all()


@pytest.mark.parametrize("shared", [False, True])
def test_correlations_are_the_same_in_blocks(monkeypatch, shared):
    generator = np.random.default_rng(0)
    first, second = generator.standard_normal((2, 300)), generator.standard_normal((4, 300))
    others = [first, second] if shared else [second]
    monkeypatch.setattr(correlations, "_SIZE", 82)  # 64 samples at a time, with 9 before and after them
    summed = Correlations(2, 6 if shared else 4, 10, shared=shared)
    for block in blocks([Held(one.T) for one in (first, second[:2], second[2:])], 9, 100):
        summed.add(block, slice(0, 1), slice(0 if shared else 1, None))
    expected = [[np.correlate(np.pad(b, 9), a, "valid") for b in np.concatenate(others)] for a in first]
    np.testing.assert_allclose(summed.summed(), expected, atol=1e-10)


@pytest.mark.parametrize("taps", [2, 512, 4411])
def test_correlations_of_any_reach(taps):
    first, second = np.random.default_rng(0).standard_normal((2, 12_000))
    summed = Correlations(1, 1, taps)
    for block in blocks([Held(first[:, None]), Held(second[:, None])], taps - 1, 5_000):
        summed.add(block, slice(0, 1), slice(1, 2))
    expected = fftconvolve(np.pad(second, taps - 1), first[::-1], "valid")
    np.testing.assert_allclose(summed.summed()[0, 0], expected, atol=1e-9)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="not alike"):
        bss_eval(np.zeros((2, 100, 2)), np.zeros((2, 99, 2)), 10, 10)


@pytest.mark.parametrize("length", [1000, 2000, 5000])
def test_blocks_of_a_track_have_the_values_of_the_whole(length):
    references = song(2)
    estimates = separated(references)
    references[0, RATE : 2 * RATE] = 0
    found = BssEval(references.shape, RATE, RATE)
    sounds = [Held(one) for one in (*references, *estimates)]
    for see in (found.survey, found.add):
        for block in blocks(sounds, found.margin, length):
            see(block)
    expected = bss_eval(references, estimates, RATE, RATE).decibels
    np.testing.assert_allclose(found.frames.decibels, expected, rtol=0, atol=1e-9)
