"""The report is one safe, whole, accessible file."""

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from jinja2 import UndefinedError

from data.files.audio import encode
from eval.report.blocks import Clip, Players, Table, Text
from eval.report.curves import Curves, Panel
from eval.report.document import Document, Section, render
from eval.report.figures import spectrogram
from eval.report.inline import template_environment
from eval.report.maps import Map, Point, Sound
from eval.report.palette import Palette
from eval.report.spreads import Spread

EVIL = "</script><img src=x onerror=alert(1)>\"'&"
SOUND = encode((8000 * np.sin(np.arange(48_000) / 5)).astype(np.int16), 16000, "FLAC")  # 3 s
PNG = spectrogram(np.sin(np.arange(16000) / 5))


def document(text: str = "plain") -> Document:
    clip = Clip(text, SOUND, spectrogram=PNG, figures=text)
    sounds = [Sound(voice, SOUND, "audio/flac", pitch) for voice in (text, f"{text}: 2") for pitch in (48, 60, 72)]
    points = [Point(float(x), float(x % 3), f"{text} {x}", f"{text} {x % 2}", sounds if x else ()) for x in range(5)]
    values = {text: {f"{text} {x}": float(x) for x in range(9)}, f"{text}: 2": {text: 3.5}}
    panel = Panel(text, text, [0.0, 1.0, 2.0], {text: [1.0, np.nan, 3.0], f"other {text}": [3.0, 2.0, 1.0]}, [text] * 3)
    blocks = [
        Text(text),
        Table(text, [text, "value"], [[text, "1.0"]], note=text),
        Spread(f"{text}?", text, values, text, note=text),
        Curves(f"{text}?", [panel, panel], text, note=text),
        Curves(f"{text}?", [panel], text, wide=True, marked=False),
        Players(text, [text, text], [(text, [clip, Clip(text, None)])], note=text),
        Map(text, points, note=text),
    ]
    palette, files = Palette([text], [f"{text}: 2"]), [("metrics.json", text)]
    return Document(text, [text], [(text, text)], [Section(text, blocks)], [(text, text)], None, palette, files)


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def test_hostile_names_stay_text_in_every_field():
    tags, plain = Tags(render(document(EVIL))), Tags(render(document()))
    assert [name for name, _ in tags.found] == [name for name, _ in plain.found]
    for (_, attributes), (_, expected) in zip(tags.found, plain.found, strict=True):
        assert attributes.keys() == expected.keys()
        assert not any(name.startswith("on") for name in attributes)
    assert tags.of("audio")[0]["aria-label"] == EVIL


def test_nothing_is_fetched_and_only_our_script_runs():
    html = render(document())
    policy = Tags(html).of("meta")[1]["content"]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", policy)
    assert "unsafe" not in policy
    for _, attributes in Tags(html).found:
        for name in ("src", "href", "data-sound"):
            if attributes.get(name):
                assert attributes[name].startswith(("data:", "#")) or attributes[name] == "metrics.json"
    assert "http" not in re.sub(r"base64,[\w+/=]+|http-equiv", "", html)


def test_tables_have_captions_and_scopes_and_pictures_words():
    tags = Tags(render(document()))
    assert len(tags.of("table")) == len(tags.of("caption")) == 7  # two of the blocks, five twins of charts and maps
    assert all(one.get("scope") in ("row", "col") for one in tags.of("th"))
    assert all(one.get("alt") for one in tags.of("img"))
    assert all(one.get("aria-label") and one["preload"] == "none" for one in tags.of("audio"))
    assert Tags(render(document())).of("html") == [{"lang": "en"}]


def test_points_of_a_map_can_be_reached_and_only_sounding_ones_are_buttons():
    points = [one for one in Tags(render(document())).of("g") if "point" in (one.get("class") or "")]
    assert [one.get("role") for one in points] == ["img", "button", "button", "button", "button"]
    assert all(one.get("tabindex") == "0" for one in points[1:])


def test_a_map_of_one_place_does_not_divide_by_zero():
    assert Map("m", [Point(1, 1, "a", "g"), Point(1, 1, "b", "g")]).place(Point(1, 1, "a", "g")) == (30, 30)


def test_groups_differ_in_colour_or_shape_even_when_there_are_many():
    points = [Point(float(x), 0.0, "p", f"group {x}") for x in range(40)]
    assert len(set(Map("m", points).groups(Palette()).values())) == 40


def test_a_missing_value_is_an_error_not_a_blank():
    with pytest.raises(UndefinedError):
        template_environment(Path("templates")).from_string("{{ missing }}").render()
    with pytest.raises(TypeError):
        render(Document("t", [1], [("a", "b")], [Section("s", [Table("c", ["x"], None)])]))
