"""Colours of systems can be told apart by everybody, in light, dark and print, and stay with their system."""

from itertools import combinations

import numpy as np
import pytest

from eval.report.palette import DARK, GREY, LIGHT, Palette, rules

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
PAPERS = {"light": ("#ffffff", "#f5f5f3"), "dark": ("#17181a", "#222427")}
COLOURS = {"light": (*LIGHT, GREY[0]), "dark": (*DARK, GREY[1])}
THEMES = pytest.mark.parametrize("theme", ["light", "dark"])


def linear(colour: str) -> np.ndarray:
    values = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    values = XYZ @ light / np.array([0.95047, 1.0, 1.08883])
    values = np.where(values > 216 / 24389, np.cbrt(values), (24389 / 27 * values + 16) / 116)
    return np.array([116 * values[1] - 16, 500 * (values[0] - values[1]), 200 * (values[1] - values[2])])


@THEMES
@pytest.mark.parametrize("sight", list(VISION))
def test_every_two_colours_can_be_told_apart(theme, sight):
    seen = {one: lab(np.clip(VISION[sight] @ linear(one), 0, 1)) for one in COLOURS[theme]}
    assert min(np.linalg.norm(seen[one] - seen[two]) for one, two in combinations(seen, 2)) > 17


@THEMES
def test_every_colour_stands_out_from_the_page(theme):
    def luminance(colour: str) -> float:
        return float(XYZ[1] @ linear(colour))

    for colour in COLOURS[theme]:
        for paper in PAPERS[theme]:
            low, high = sorted((luminance(colour), luminance(paper)))
            assert (high + 0.05) / (low + 0.05) >= 3


def test_a_system_has_one_look_and_the_other_series_have_others():
    palette = Palette(["SING", "WaveNet"], ["Recording", "Silence"])
    assert palette.look("SING") == palette.look("SING: the rest")
    assert palette.look("SINGER") is None
    assert palette.look("Silence").colour == "grey"
    assert palette.look("Silence") != palette.look("Recording")
    drawn = palette.series(["loss", "SING", "other", "Silence"])
    assert drawn["SING"] == palette.look("SING")
    assert len(set(drawn.values())) == 4
    assert len(set(Palette().series([str(one) for one in range(56)]).values())) == 56


def test_a_longer_name_is_not_taken_for_a_shorter_one():
    palette = Palette(["Net", "Net: large"])
    assert palette.look("Net: large") != palette.look("Net")
    assert palette.look("Net: large: vocals") == palette.look("Net: large")


def test_the_style_sheet_has_every_colour_in_both_themes():
    css = rules()
    assert all(one in css for one in (*LIGHT, *DARK, *GREY))
    assert css.count("@media screen and (prefers-color-scheme:dark)") == 1
