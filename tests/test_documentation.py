"""The documentation: links and anchors hold, no metric, setting or command is missing, quoted messages exist."""

import ast
import re
from functools import cache
from html.parser import HTMLParser
from posixpath import normpath

import pytest
import yaml
from tiny_documents import ROOT, anchors, documents, links

from eval.conversion.folders import CONVERSION_METRICS, MELODY_METRICS
from eval.conversion.measures import MEASURES
from eval.metrics import f0, mcd, quality, recognition, sdr
from eval.synthesis.note_metrics import LARGER_IS_BETTER, METRICS
from pipelines import documentation
from pipelines.settings import Settings

FLOORS = documentation.FLOORS
METRICS_PAGE = ROOT / "docs/reference/metrics.md"
GENERATED = documentation.generated()


def made_of(place: str) -> str | None:
    """Return the text of a document at a place in the checkout, or of a page that is made of the code."""
    path = ROOT / place
    if path.is_file():
        return path.read_text(encoding="utf-8") if path.suffix == ".md" else ""
    make = GENERATED.get(place.removeprefix("docs/"))
    return make() if make and place.startswith("docs/") else None


@pytest.mark.parametrize("path", documents(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    wrong = []
    for link in links(path.read_text(encoding="utf-8")):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        target, _, anchor = link.partition("#")
        here = path.relative_to(ROOT)
        place = normpath(f"{here.parent.as_posix()}/{target}") if target else here.as_posix()
        text = made_of(place)
        if text is None or (anchor and anchor not in anchors(text)):
            wrong.append(link)
    assert wrong == []


def test_a_wrong_link_would_be_noticed():
    assert links('a [b](c.md#d) `[no](no)` <a href="e">') == ["c.md#d", "e"]
    assert anchors("# The store\n\n## What *is*, here?\n") == {"the-store", "what-is-here"}
    assert made_of("docs/none.md") is None
    assert made_of("docs/reference/settings.md") is not None


def test_links_out_of_the_site_become_links_inside_or_text():
    relink = documentation.relink
    assert relink("[a](../../models/synthesis/README.md#b)", "guides/synthesis.md") == "[a](../project/synthesis.md#b)"
    assert relink("[a](models/synthesis/README.md)", "project/architecture.md") == "[a](synthesis.md)"
    assert relink("[`__init__.py`](__init__.py)", "project/synthesis.md") == "`__init__.py`"
    assert relink("![a](graph.png) [b](https://c.d) [e](#f)", "index.md") == "![a](graph.png) [b](https://c.d) [e](#f)"


def rows() -> dict[str, list[str]]:
    """Return the cells after the name, of each row of the page of metrics that defines one."""
    found: dict[str, list[str]] = {}
    for line in METRICS_PAGE.read_text(encoding="utf-8").splitlines():
        cells = [one.strip() for one in line.strip("|").split("|")]
        if (name := re.fullmatch(r"`([^`]+)`", cells[0])) and line.startswith("|"):
            assert name[1] not in found, f"{name[1]} is defined twice"
            found[name[1]] = cells[1:]
    return found


REGISTRIES = {
    "notes": METRICS,
    "sources": sdr.DEFINITIONS,
    "pitch": {**f0.METRICS, **f0.COUNTS},
    "voices": {**mcd.METRICS, **recognition.METRICS, **quality.METRICS, **CONVERSION_METRICS, **MELODY_METRICS},
    "measures of reports": MEASURES,
}


@pytest.mark.parametrize("registry", REGISTRIES.values(), ids=REGISTRIES)
def test_every_metric_is_defined(registry):
    missing = [name for name in registry if name not in rows()]
    assert missing == []


def test_metrics_that_are_defined_have_formula_unit_direction_and_a_rule():
    directions = set()
    for name, cells in rows().items():
        if len(cells) == 4:  # counts and maps have fewer
            formula, unit, better, rule = cells
            assert all((formula, unit, rule)), name
            assert better in ("larger", "smaller", "neither"), name
            directions.add(better)
    assert directions == {"larger", "smaller", "neither"}


def test_directions_are_those_of_the_code():
    found = {name: cells[2] for name, cells in rows().items() if len(cells) == 4}
    for name in METRICS:
        assert found[name] == ("larger" if name in LARGER_IS_BETTER else "smaller"), name
    for name, measure in MEASURES.items():
        assert found[name] == (measure.better or "neither"), name
    for name in sdr.DEFINITIONS:
        expected = "smaller" if name in sdr.DISTANCES else "neither" if name == "lag" else "larger"
        assert found[name] == expected, name


def test_every_score_of_control_is_defined():
    source = ast.parse((ROOT / "eval/synthesis/tables.py").read_text(encoding="utf-8"))
    [function] = [one for one in ast.walk(source) if isinstance(one, ast.FunctionDef) and one.name == "control_table"]
    [meanings] = [one for one in ast.walk(function) if isinstance(one, ast.Dict)]
    names = {one.value for one in meanings.keys if isinstance(one, ast.Constant)}
    assert names
    assert names <= rows().keys()


def test_every_setting_has_a_row():
    page = documentation.settings_page()
    for name, field in Settings.model_fields.items():
        assert f"| `TESSITURA_{name.upper()}` |" in page
        assert field.description
        assert field.description in page
    assert str(ROOT) not in page


def test_every_command_has_a_section_and_every_option_a_row():
    page, names = documentation.commands_page(), []
    assert "Sentinel" not in page
    for name, command, _ in documentation.commands():
        names.append(name)
        section = page.partition(f"## {name}\n")[2].partition("\n## ")[0]
        assert section, name
        for one in command.params:
            assert any(f"`{option}`" in section for option in one.opts) or one.param_type_name == "argument", one.name
    assert {"tessitura demo", "tessitura score separation", "tessitura export listening"} <= set(names)


@cache
def texts() -> list[str]:
    """Return the text constants of the code; those of a text with values between them are pieces."""
    found = []
    for path in (path for floor in FLOORS for path in (ROOT / floor).rglob("*.py")):
        constants = [
            one.value for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(one, ast.Constant)
        ]
        found += [" ".join(one.split()) for one in constants if isinstance(one, str)]
    return found


def messages() -> list[str]:
    """Return the messages that the page on troubleshooting quotes: the first cell of its rows."""
    page = (ROOT / "docs/guides/troubleshooting.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(.+?)` \|", page, flags=re.MULTILINE)


def test_quoted_messages_exist():
    assert len(messages()) > 50
    wrong = []
    for message in messages():
        for piece in (" ".join(one.split()) for one in message.split("…")):
            if len(piece) > 3 and not any(piece in text for text in texts()):
                wrong.append(f"{message}: {piece!r}")
    assert wrong == []


def test_a_message_that_does_not_exist_would_be_noticed():
    assert not any("this message is nowhere, so to" + " say" in text for text in texts())


def test_the_navigation_names_every_page_and_no_other():
    class Loader(yaml.SafeLoader):
        pass

    navigation = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)["nav"]
    named = re.findall(r"[\w/-]+\.md", str(navigation))
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    made = {place for place in GENERATED if not place.startswith("reference/python/")}
    assert sorted(named) == sorted(written | made)


class _Loads(HTMLParser):
    """Collects what a page loads: scripts, styles, pictures, sounds."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag in ("script", "img", "audio", "source", "iframe"):
            self.found.append(values.get("src") or "")
        if tag == "link" and values.get("rel") in ("stylesheet", "preconnect", "icon", "preload"):
            self.found.append(values.get("href") or "")


def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path, monkeypatch):
    builder, config = pytest.importorskip("mkdocs.commands.build"), pytest.importorskip("mkdocs.config")
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    builder.build(config.load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path), strict=True))
    built = sorted(tmp_path.rglob("*.html"))
    assert len(built) > 40
    for page in built:
        loads = _Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert [one for one in loads.found if re.match(r"(https?:)?//", one)] == [], page
    assert "load_synthesizer" in (tmp_path / "reference/python/pipelines.html").read_text(encoding="utf-8")
    assert "TESSITURA_PRESET" in (tmp_path / "reference/settings.html").read_text(encoding="utf-8")
    assert (tmp_path / "chord.flac").is_file()
