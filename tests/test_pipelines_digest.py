"""The monthly digest: champions, scores with intervals, and what changed since the one before."""

import html
import json
from datetime import UTC, datetime

import pytest
from test_pipelines_versions import EVIL, build

from pipelines.definitions import build_defs, make_graph
from pipelines.digest import CRON, write_digest

NOVEMBER, DECEMBER = (datetime(2025, month, 1, 7, tzinfo=UTC) for month in (11, 12))


def test_a_digest_of_an_empty_store_says_so(settings):
    page, text = write_digest(settings, make_graph(settings), ["synthesis", "conversion"], NOVEMBER)
    assert page == settings.report_folder / "digests" / "2025-11-demo.html"
    assert text.splitlines()[0] == "synthesis: no champion yet. There is no earlier digest to compare with."
    assert "default-src 'none'" in html.unescape(page.read_text())


def test_the_next_digest_tells_what_changed(settings):
    graph = make_graph(settings)
    build(settings, 0.5, 2)
    page, text = write_digest(settings, graph, ["synthesis"], NOVEMBER)
    assert "spectral loss 0.555 [" in text, "mean over the notes, with its interval"
    assert json.loads(page.with_suffix(".json").read_text())["synthesis"]["scores"]["spectral loss"][0] == 0.555
    build(settings, 0.4, 3)
    _, text = write_digest(settings, graph, ["synthesis"], DECEMBER)
    assert "spectral loss: 0.455; it was 0.555." in text
    _, again = write_digest(settings, graph, ["synthesis"], DECEMBER)
    assert again == text, "made again in the same month, it compares with the month before"


@pytest.mark.parametrize("content", ["[]", "{", json.dumps({"synthesis": {"champion": EVIL, "scores": {"a": EVIL}}})])
def test_an_earlier_digest_that_is_strange_is_no_harm(settings, content):
    build(settings, 0.5, 2)
    graph = make_graph(settings)
    page, _ = write_digest(settings, graph, ["synthesis"], NOVEMBER)
    page.with_suffix(".json").write_text(content)
    page, _ = write_digest(settings, graph, ["synthesis"], DECEMBER)
    assert EVIL not in page.read_text()


def test_the_job_writes_the_digest_of_this_month_and_the_schedule_is_off(settings):
    definitions = build_defs(settings)
    schedule = definitions.resolve_schedule_def("monthly_digest")
    assert schedule.cron_schedule == CRON
    assert schedule.default_status.value == "STOPPED"
    assert definitions.resolve_job_def("digest").execute_in_process().success
    assert len(list((settings.report_folder / "digests").glob("*.html"))) == 1
