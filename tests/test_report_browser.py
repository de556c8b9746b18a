"""The reports in a real browser: nothing is fetched or refused, the map plays, the keyboard reaches everything."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from test_eval_report import document
from tiny_axe import violations
from tiny_conversion_study import judge
from tiny_conversion_study import make_study as make_conversion_study
from tiny_conversion_study import with_everything as with_every_study
from tiny_reports import keep
from tiny_separation import make_study, with_everything
from tiny_synthesis_study import make_synthesis_study

from eval.conversion.report import write_report as write_conversion_report
from eval.report.writing import write_document
from eval.separation.report import write_report
from eval.synthesis.report import write_report as write_synthesis_report
from pipelines.reports.export import export_report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
# Nothing sounds, and time passes for WebAudio only as a test says, however busy the machine is.
SILENT = """
    window.played = []; window.now = 0;
    Object.defineProperty(BaseAudioContext.prototype, "currentTime", { get: () => window.now });
    HTMLMediaElement.prototype.play = function () { window.played.push(this.src.slice(0, 16)); };
"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as program:
        started = program.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Reports(dict[str, Path]):
    """The page of each report by name, made when it is first asked for.

    "blocks" has every kind of block, "apart" the same with its sounds beside it; "synthesis", "separation" and
    "conversion" are whole reports of data with hostile names; "index" is the page over all reports.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def __missing__(self, name: str) -> Path:
        self[name] = getattr(self, f"_{name}")(self.folder / name)
        return self[name]

    def _blocks(self, folder: Path) -> Path:
        write_document(folder, document("plain"))
        return folder / "report.html"

    def _apart(self, folder: Path) -> Path:
        write_document(folder, document("plain"), largest=10_000)
        return folder / "report.html"

    def _synthesis(self, folder: Path) -> Path:
        write_synthesis_report(folder, make_synthesis_study(folder / "study"))
        return folder / "report.html"

    def _separation(self, folder: Path) -> Path:
        write_report(folder, with_everything(make_study(folder / "study")))
        return folder / "report.html"

    def _conversion(self, folder: Path) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            scored = judge(folder / "study", patch.setattr)
        write_conversion_report(folder, with_every_study(make_conversion_study(scored), scored))
        return folder / "report.html"

    def _index(self, folder: Path) -> Path:
        front = {"front.json": self["separation"].with_name("front.json").read_bytes()}
        export_report(folder / "all", keep(folder / "home", "separation", files=front), in_use=True)
        return folder / "all" / "index.html"


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> Reports:
    return Reports(tmp_path_factory.mktemp("reports"))


EVERY = pytest.mark.parametrize(
    "seen", ["blocks", "apart", "synthesis", "separation", "conversion", "index"], indirect=True
)


@pytest.fixture
def seen(browser, reports, request):
    """A report opened from disk, and everything the browser complained of or asked for."""
    path = reports[getattr(request, "param", "blocks")]
    page, complaints, requests = browser.new_page(), [], []
    page.add_init_script(SILENT)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url[:5]))
    page.goto(path.as_uri())
    yield page, complaints, requests
    page.close()


@EVERY
def test_nothing_is_fetched_and_nothing_is_refused(seen):
    page, complaints, requests = seen
    page.wait_for_load_state("networkidle")
    assert complaints == []
    assert set(requests) <= {"file:", "data:"}
    assert page.evaluate("[...document.images].every(one => one.complete ? one.naturalWidth > 0 : true)")


def test_a_click_on_the_map_plays_the_note(seen):
    page, complaints, _ = seen
    page.locator("g.point[role=button]").first.click()
    assert page.evaluate("window.played") == ["data:audio/flac;"]
    assert page.locator("#playing").inner_text() == "Playing plain 1, plain, pitch 60 (C4)"
    assert complaints == []


def test_a_map_plays_the_chosen_voice_at_the_nearest_pitch(seen):
    page: Page = seen[0]
    heard = page.locator("#playing")
    page.locator(".map select.voice").select_option("plain: 2")
    page.locator(".map select.pitch").select_option("72")
    point = page.locator("g.point[role=button]").first
    point.click()
    assert heard.inner_text() == "Playing plain 1, plain: 2, pitch 72 (C5)"
    assert "playing" in point.get_attribute("class")
    point.press("ArrowDown")
    assert heard.inner_text() == "Playing plain 1, plain: 2, pitch 60 (C4)"
    page.locator("g.point[role=button]").nth(1).press("Enter")
    assert heard.inner_text() == "Playing plain 2, plain: 2, pitch 60 (C4)"
    assert page.locator("g.point.playing").count() == 1  # one sound at a time


def test_a_chart_tells_the_values_that_are_pointed_at_and_reached_by_the_arrow_keys(seen):
    page, complaints, _ = seen
    plot = page.locator(".plot").first
    assert plot.locator(".told").inner_text() == ""
    plot.locator("circle.mark").first.hover()
    assert plot.locator(".told").inner_text().startswith("plain 0, plain: 0")
    page.mouse.move(0, 0)
    assert plot.locator(".told").inner_text() == ""
    plot.focus()
    page.keyboard.press("ArrowRight")
    first = plot.locator(".told").inner_text()
    page.keyboard.press("End")
    last = plot.locator(".told").inner_text()
    assert first.startswith("plain: median 4")
    assert last.startswith("plain, plain: 2: 3.5")
    page.keyboard.press("Escape")
    assert plot.locator(".told").inner_text() == ""
    assert page.locator(".plot title").count() == 0  # the browser shows no second one
    assert complaints == []


@pytest.mark.parametrize("seen", ["apart"], indirect=True)
def test_a_page_opened_from_disk_plays_the_sounds_beside_it(seen):
    page, complaints, requests = seen
    page.evaluate("() => { HTMLMediaElement.prototype.play = function () { played.push(this.getAttribute('src')); }; }")
    item = page.locator(".item").first
    item.locator("button.name").first.click()
    page.wait_for_selector(".item button.name[aria-pressed=true]")
    (played,) = page.evaluate("window.played")
    assert played.startswith("sounds/")
    assert page.evaluate("sounding.length") == pytest.approx(3.0, abs=0.01)  # read from the file
    assert not page.evaluate("sounding.player.sounds[0].muted")
    page.locator("g.point[role=button]").first.click()
    assert page.evaluate("sounding.constructor.name") == "Played"
    assert set(requests) == {"file:"} | ({"data:"} if "data:" in requests else set())
    assert complaints == []


def test_the_keyboard_reaches_the_map(seen):
    page, _, _ = seen
    page.locator("g.point[role=button]").nth(1).focus()
    page.keyboard.press("Enter")
    assert len(page.evaluate("window.played")) == 1
    # A point without a sound is no button.
    assert page.locator("g.point[role=button]").count() == 4


@EVERY
def test_text_stands_out_from_its_background(seen):
    page, _, _ = seen
    worst = page.evaluate(CONTRAST)
    assert worst > 4.5


@EVERY
def test_a_narrow_window_scrolls_tables_not_the_page(seen):
    page: Page = seen[0]
    page.set_viewport_size({"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


@EVERY
@pytest.mark.parametrize("width", [400, 800, 1400])
def test_nothing_sticks_out_of_the_page(seen, width):
    page: Page = seen[0]
    page.set_viewport_size({"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@EVERY
def test_on_paper_no_table_is_cut_off_and_nothing_to_click_is_printed(seen):
    page: Page = seen[0]
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 less margins, at 96 pixels an inch
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    assert not page.evaluate("[...document.querySelectorAll('audio, nav, .transport')].some(one => one.offsetParent)")
    shown = "[...document.images].every(one => one.loading !== 'lazy' && one.complete && one.naturalWidth > 0)"
    assert page.evaluate(shown), "pictures further down are printed too, without scrolling there first"


@EVERY
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(seen, scheme):
    page: Page = seen[0]
    page.emulate_media(color_scheme=scheme)
    assert violations(page) == []


@EVERY
def test_text_stands_out_in_the_dark_too(seen):
    page: Page = seen[0]
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(CONTRAST) > 4.5


def test_a_switch_between_sounds_keeps_the_position_and_stops_what_plays_elsewhere(seen):
    page: Page = seen[0]
    item = page.locator(".item").first
    item.locator("button.name").first.click()
    page.wait_for_selector(".item button.name[aria-pressed=true]")
    page.keyboard.press("1")
    assert page.evaluate("[sounding.playing, sounding.player.sources.length, sounding.current]") == [True, 1, 0]
    began = page.evaluate("sounding.began")
    page.keyboard.press("1")
    assert page.evaluate("sounding.began") == began
    page.locator("g.point[role=button]").first.click()
    assert page.evaluate("window.played.length") == 1
    assert page.locator(".item button.name[aria-pressed=true]").count() == 0


def test_space_pauses_and_a_region_is_repeated(seen):
    page: Page = seen[0]
    item = page.locator(".item").first
    item.locator("button.name").first.click()
    page.wait_for_selector(".item button.name[aria-pressed=true]")
    item.locator(".transport button >> nth=1").click()
    page.evaluate("window.now = 1")
    item.locator(".transport button >> nth=1").click()
    assert page.evaluate("sounding.region") == [0, 1]
    page.evaluate("window.now = 2.5")  # beyond the region
    for _ in range(100):  # the policy of the page forbids wait_for_function
        if page.evaluate("sounding.playing && sounding.began === 2.5"):
            break
        page.wait_for_timeout(50)
    assert page.evaluate("[sounding.playing, sounding.began]") == [True, 2.5]
    item.locator("input[type=range]").focus()
    page.keyboard.press(" ")
    assert not page.evaluate("sounding.playing")


def test_blind_listening_hides_names_and_scores(seen):
    page: Page = seen[0]
    item = page.locator(".item").first
    assert "plain" in item.locator("button.name").first.inner_text()
    item.locator("input[type=checkbox]").check()
    assert "Sound A" in item.locator("button.name").first.inner_text()
    assert item.locator("small").first.evaluate("one => getComputedStyle(one).visibility") == "hidden"
    item.locator("input[type=checkbox]").uncheck()
    assert "plain" in item.locator("button.name").first.inner_text()


def test_without_a_script_every_sound_can_be_played(browser, reports):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(reports["blocks"].as_uri())
    assert page.locator(".item audio[controls]").is_visible()
    for one in page.locator("details").all():  # the sounds of a map, and the tables behind charts
        one.locator("summary").click()
    assert page.locator(".map audio[controls]").count() == 4 * 6
    assert all(one.is_visible() for one in page.locator("audio[controls]").all())
    assert page.locator("figure table").count() == 5
    assert page.locator(".plot title").first.text_content()
    context.close()


@pytest.mark.parametrize("seen", ["separation"], indirect=True)
def test_a_click_on_a_heading_sorts_by_the_numbers_below_it(seen):
    page: Page = seen[0]
    heading = page.locator(".wide > table").first.locator("thead th").nth(2)
    order = """table => [...table.tBodies[0].rows].map(one => value(one.cells[2])).filter(one => !Number.isNaN(one))"""
    for arrow, turned in (("ascending", False), ("descending", True)):
        heading.locator("button").click()
        assert heading.get_attribute("aria-sort") == arrow
        found = page.locator(".wide > table").first.evaluate(order)
        assert len(found) > 2
        assert found == sorted(found, reverse=turned)


# The smallest contrast ratio (WCAG 2.1) of any text on the page against what lies behind it.
CONTRAST = """
() => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(one => one / 255)
    .map(one => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const found = channels(getComputedStyle(one).backgroundColor);
      if (found.length === 3 || found[3] > 0) { return found; }
    }
    return [255, 255, 255];
  };
  let worst = 21;
  const texts = "h1, h2, h3, h4, p, li, a, th, td, caption, small, figcaption, dt, dd, button, label";
  for (const one of document.querySelectorAll(texts)) {
    if (!one.textContent.trim()) { continue; }
    const pair = [light(channels(getComputedStyle(one).color)), light(behind(one))].sort((a, b) => b - a);
    worst = Math.min(worst, (pair[0] + 0.05) / (pair[1] + 0.05));
  }
  return worst;
}
"""
