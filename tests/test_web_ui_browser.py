"""The web UI end to end in a real browser: make by a click, progress, cancel, resume, checks, open the report."""

import json
import re

import pandas as pd
import pytest
from playwright.sync_api import Page, sync_playwright
from tiny_ui import STEPS
from tiny_web_ui import CHROMIUM, WebUI, open_page, take_pictures, until

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.timeout(3600),  # each condition has a patience of its own (`tiny_web_ui.PATIENCE`)
]
COLOURS = """{ assetNodes { assetKey { path } partitionStats { numMaterialized numPartitions numFailed }
    assetMaterializations(limit: 1) { runId } } }"""


def made(ui: WebUI) -> set[str]:
    """Return the names of the assets that the graph shows as made."""
    nodes = ui.ask(COLOURS)["assetNodes"]
    return {one["assetKey"]["path"][-1] for one in nodes if one["assetMaterializations"]}


def incomplete(ui: WebUI) -> list[str]:
    """Return the assets that the graph does not show in green: not made, or with partitions that are missing."""
    found = []
    for one in ui.ask(COLOURS)["assetNodes"]:
        partitions = one["partitionStats"]
        whole = (
            partitions["numMaterialized"] == partitions["numPartitions"] if partitions else one["assetMaterializations"]
        )
        if not whole:
            found.append("/".join(one["assetKey"]["path"]))
    return found


def shown_inline(page: Page, ui: WebUI) -> None:
    """See that the page of the model shows curves without a click on “[Show Markdown]”, and that they are pictures."""
    page.goto(f"{ui.address}/assets/demo/tiny_model?view=overview")
    picture = page.locator("img[alt='loss']").first
    picture.wait_for()
    assert picture.evaluate("one => one.naturalWidth") == 240
    page.goto(f"{ui.address}/assets/embedded/tiny_shards?view=overview")
    page.get_by_role("cell", name="vector", exact=True).or_(page.locator("td", has_text="vector")).first.wait_for()


def test_from_a_click_to_the_report(tmp_path):
    slow = tmp_path / "slow"
    slow.touch()
    with WebUI(tmp_path / "home", "tiny_ui", TINY_SLOW=str(slow)) as ui, sync_playwright() as program:
        page = open_page(program)
        assert made(ui) == set()
        assert ui.ended(ui.materialise(page, "embedded/tiny_shards")) == "SUCCESS"

        run = ui.materialise(page, "demo/tiny_model")
        page.goto(f"{ui.address}/runs/{run}")
        page.get_by_text(re.compile(rf"tiny: \d+/{STEPS:,} steps")).first.wait_for()  # progress, while it trains
        assert ui.status(run) == "STARTED"
        folder = until(lambda: next(iter((ui.home / "store/demo/tiny_model/versions").glob("*/")), None), "a folder")
        until((folder / "history.jsonl").exists, "the first figures")
        # The name of a button begins with that of its icon.
        page.get_by_role("button", name="Terminate").first.click()
        page.get_by_role("dialog").get_by_role("button", name="Terminate").click()
        assert ui.ended(run) == "CANCELED"
        assert made(ui) == {"tiny_shards"}
        lines = (folder / "history.jsonl").read_text().splitlines()
        stopped = [json.loads(one)["seconds"] for one in lines]
        assert stopped

        slow.unlink()
        again = ui.materialise(page, "demo/tiny_model")
        assert ui.ended(again) == "SUCCESS"
        history = pd.read_parquet(folder / "history.parquet")
        assert history["step"].tolist() == list(range(10, STEPS + 1, 10)), "to the end"
        assert history["seconds"].tolist()[: len(stopped)] == stopped, "from where it was cancelled"

        shown_inline(page, ui)
        page.goto(f"{ui.address}/assets/demo/tiny_model?view=checks")
        page.get_by_text("weights_finite").first.wait_for()
        page.get_by_text(re.compile("^(Succeeded|Passed)$")).first.wait_for()

        assert ui.ended(ui.materialise(page, "demo/tiny_report")) == "SUCCESS"
        page.goto(f"{ui.address}/assets/demo/tiny_report?view=overview")
        with page.expect_popup() as opened:
            page.locator("a[href$='report.html']").first.click()
        opened.value.get_by_role("heading", name="A report").wait_for()
        assert made(ui) == {"tiny_shards", "tiny_model", "tiny_report"}
        assert incomplete(ui) == ["embedded/tiny_source"], "an ablation that nobody asked for is not missing"

        take_pictures(ui, page, tmp_path, "tiny", "tiny")  # as those of the documentation are made
        for name in ("graph.png", "report.png"):
            assert (tmp_path / name).stat().st_size > 5_000
    assert ui.process.returncode == 0
