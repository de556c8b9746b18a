"""The page of a listening test in a real browser: by mouse and keyboard, stopped and resumed, to the file."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright
from tiny_axe import violations
from tiny_listening import written_test

from eval.listening.design import Plan
from eval.listening.kinds import KINDS
from eval.listening.results import collect
from eval.listening.write import PAGE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
# The clock of the sound runs on as if it were heard: 20 times as fast, so that a test takes seconds.
FAST = """
    const real = Object.getOwnPropertyDescriptor(BaseAudioContext.prototype, "currentTime").get;
    Object.defineProperty(BaseAudioContext.prototype, "currentTime", { get() { return 20 * real.call(this); } });
    const later = window.setInterval;
    window.setInterval = (call, every) => later(call, every / 10);
    const now = Date.now;
    Date.now = () => 20 * now();
"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as program:
        started = program.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        yield started
        started.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(accept_downloads=True)
    context.add_init_script(FAST)
    made = context.new_page()
    made.problems = []
    made.on("pageerror", lambda error: made.problems.append(str(error)))
    made.on("console", lambda said: made.problems.append(said.text) if said.type == "error" else None)
    made.on(
        "request", lambda one: made.problems.append(one.url) if not one.url.startswith(("file:", "blob:")) else None
    )
    yield made
    assert made.problems == []
    context.close()


def begin(page: Page, folder: Path, form: int = 0) -> None:
    """Open the page and go through welcome and training."""
    page.goto(f"{(folder / PAGE).as_uri()}?form={form}")
    assert page.is_disabled("#begin")
    page.check("[name=headphones][value=yes]")
    page.click("#begin")
    for place in range(3):
        assert page.is_disabled("#trained")
        page.click(f"#examples button >> nth={place}")
        until_heard(page, place + 1)
    page.click("#trained")


def hear(page: Page) -> None:
    """Play every sound of the trial to its end."""
    page.wait_for_selector("#answers input")
    for place in range(page.locator("#sounds button").count()):
        page.click(f"#sounds button >> nth={place}")
        until_heard(page, place + 1)


def until_heard(page: Page, count: int) -> None:
    """Wait until that many sounds were heard and nothing plays."""
    for _ in range(1000):
        if page.evaluate("player.playing ? 0 : Object.keys(player.heard).length") == count:
            return
        page.wait_for_timeout(10)
    raise AssertionError(f"{count} sounds were not heard within 10 s")


def answer(page: Page, kind: str, place: int) -> None:
    """Answer the question of the trial, in turn otherwise."""
    if kind == "mushra":
        sliders = page.locator("#answers input")
        for number in range(sliders.count()):
            sliders.nth(number).fill(str(20 + 10 * number))
    else:
        options = page.locator("#answers input")
        options.nth(place % options.count()).check()


def results(page: Page, folder: Path) -> dict[str, Any]:
    """Save the file of results and return it."""
    with page.expect_download() as got:
        page.click("#save")
    path = folder / "results" / got.value.suggested_filename
    got.value.save_as(path)
    content = json.loads(path.read_text())
    assert content == json.loads(page.input_value("#text"))
    return content


def allowed(found: Any) -> bool:
    """Return whether nothing is wrong with a session but that it answered attention checks by turns."""
    return all("attention" in reason for reason in found.quarantine["reason"])


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_test_by_mouse(tmp_path, page, kind):
    plan = written_test(tmp_path, kind, count=1)
    begin(page, tmp_path, form=1)
    for place in range(len(plan.forms[1])):
        assert page.is_disabled("#next")
        hear(page)
        assert page.is_disabled("#next")
        answer(page, kind, place)
        page.click("#next")
    content = results(page, tmp_path)
    assert content["form"] == 1
    assert content["headphones"] is True
    assert len(content["trials"]) == len(plan.forms[1])
    assert allowed(collect(tmp_path))


def test_by_keyboard_alone(tmp_path, page):
    plan = written_test(tmp_path, "ab", count=1)
    begin(page, tmp_path)
    for place in range(len(plan.forms[0])):
        page.wait_for_selector("#answers input")
        for number, key in enumerate("rab", 1):
            page.keyboard.press(key)
            until_heard(page, number)
        page.keyboard.press("12"[place % 2])
        page.keyboard.press("Enter")
    assert len(results(page, tmp_path)["trials"]) == len(plan.forms[0])


def test_a_closed_page_loses_nothing_and_goes_on_with_the_same_form(tmp_path, page):
    plan = written_test(tmp_path, "mos", count=1)
    begin(page, tmp_path, form=2)
    for place in range(2):
        hear(page)
        answer(page, "mos", place)
        page.click("#next")
    page.goto("about:blank")
    page.goto((tmp_path / PAGE).as_uri())
    assert page.text_content("#begin") == "Go on with test 3"
    page.click("#begin")
    assert page.text_content("#trial-title") == f"Test 3 of {len(plan.forms[2])}"
    kept = page.evaluate(f"JSON.parse(localStorage.getItem('listening-test-{plan.test}'))")
    assert kept["form"] == 2
    assert [one["trial"] for one in kept["trials"]] == [name for name, _ in plan.forms[2][:2]]


def test_a_switch_keeps_the_position_and_one_sound_is_heard_at_a_time(tmp_path, page):
    written_test(tmp_path, "mushra", count=1)
    begin(page, tmp_path)
    page.wait_for_selector("#sounds button >> nth=2")
    found = page.evaluate("""async () => {
        await player.play(Object.keys(player.buffers)[0]);
        const began = player.began, sources = player.sources.length, ids = Object.keys(player.buffers);
        player.play(ids[1]);
        await new Promise((done) => setTimeout(done, 5));
        const same = player.began === began && player.sources.length === sources && player.current === ids[1];
        return [same, sources === ids.length, player.context.sampleRate];
    }""")
    assert found == [True, True, 16_000]
    page.evaluate("player.stop()")


def test_no_answer_counts_before_every_sound_was_heard(tmp_path, page):
    written_test(tmp_path, "mos", count=1)
    begin(page, tmp_path)
    page.wait_for_selector("#sounds button")
    answer(page, "mos", 2)
    page.keyboard.press("Enter")
    assert "Listen" in page.text_content("#status")
    assert page.text_content("#trial-title").startswith("Test 1 ")


def test_keys_pressed_while_the_next_sounds_load_break_nothing(tmp_path, page):
    written_test(tmp_path, "ab", count=1)
    begin(page, tmp_path)
    hear(page)
    answer(page, "ab", 0)
    page.evaluate("""() => {
        byId("next").click();
        for (const key of [" ", "r", "a", " "]) {
            document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        }
    }""")
    hear(page)
    answer(page, "ab", 1)
    page.click("#next")
    page.wait_for_selector("#answers input")
    assert page.text_content("#trial-title").startswith("Test 3 ")


def test_the_next_listener_at_the_same_device_starts_anew(tmp_path, page):
    plan = written_test(tmp_path, "mushra", count=1)
    begin(page, tmp_path)
    hear(page)
    answer(page, "mushra", 0)
    page.click("#next")
    assert page.is_disabled("#another")
    first = results(page, tmp_path)
    page.click("#another")
    page.wait_for_selector("#welcome:not([hidden])")
    kept = page.evaluate(f"JSON.parse(localStorage.getItem('listening-test-{plan.test}'))")
    assert kept["trials"] == []
    assert kept["listener"] != first["listener"]


def test_a_browser_that_cannot_play_says_so(tmp_path, page):
    written_test(tmp_path, "mos", count=1)
    page.add_init_script("window.AudioContext = function () { throw new Error('no sound here'); };")
    page.goto((tmp_path / PAGE).as_uri())
    page.check("[name=headphones][value=yes]")
    page.click("#begin")
    assert "no sound here" in page.text_content("#status")


def test_the_keys_are_explained_to_who_has_only_a_keyboard(tmp_path, page):
    written_test(tmp_path, "mos", count=1)
    begin(page, tmp_path)
    page.wait_for_selector("#answers input")
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("details").get_attribute("open") is not None


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("kind", ["mos", "mushra"])
def test_nothing_sticks_out_at_any_width_and_every_control_has_a_name(tmp_path, page, kind, width):
    written_test(tmp_path, kind, count=1)
    page.set_viewport_size({"width": width, "height": 700})
    begin(page, tmp_path)
    page.wait_for_selector("#answers input")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    unnamed = page.evaluate("""[...document.querySelectorAll("input, button, textarea, progress")].filter((one) =>
        one.offsetParent && !one.textContent.trim() && !one.labels?.length && !one.ariaLabel).length""")
    assert unnamed == 0


@pytest.mark.parametrize("kind", ["mos", "ab", "mushra"])
def test_axe_finds_nothing_serious(tmp_path, page, kind):
    written_test(tmp_path, kind, count=1)
    page.goto((tmp_path / PAGE).as_uri())
    assert violations(page) == []
    begin(page, tmp_path)
    page.wait_for_selector("#answers input")
    assert violations(page) == []


def test_a_plan_is_never_guessed_from_the_page(tmp_path, page):
    plan: Plan = written_test(tmp_path, "mos", count=1)
    page.goto((tmp_path / PAGE).as_uri())
    known = page.evaluate("JSON.stringify(plan)")
    assert all(one.item not in known and f'"{one.system}"' not in known for one in plan.sounds.values())
