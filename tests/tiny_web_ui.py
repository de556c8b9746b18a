"""The web UI as a person opens it: `tessitura dev` in a process of its own, and a browser that looks at its pages.

It makes the pictures of the README and the documentation too, from the home of a finished demo:
`python tests/tiny_web_ui.py HOME docs`.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600.0  # seconds for one condition; on two idle cores none takes more than 15
# Opens the web UI with other definitions than the project's, if a module is named.
PROGRAM = """
import sys
from pipelines import cli, services
services.MODULE = sys.argv.pop(1)
cli.main()
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return listening.getsockname()[1]


def until(test: Callable[[], Any], what: str) -> Any:
    """Return the first true value of a condition that is asked again and again."""
    deadline = time.monotonic() + PATIENCE
    while not (found := test()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE:.0f} s: {what}")
        time.sleep(0.2)
    return found


class WebUI:
    """The web UI on a home: start it with `with`, ask it by `ask`, look at it by `page`."""

    def __init__(self, home: Path, module: str = "pipelines.definitions", **environment: str) -> None:
        self.home, self.port, self.log = home, free_port(), home.with_name(f"{home.name}.log")
        self.address = f"http://127.0.0.1:{self.port}"
        kept = {name: one for name, one in os.environ.items() if not name.startswith(("TESSITURA_", "DAGSTER_"))}
        paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
        # On a busy machine the start of a run takes longer than the 60 s that Dagster waits for it.
        patience = {"DAGSTER_GRPC_TIMEOUT_SECONDS": f"{PATIENCE:.0f}"}
        self._environment = {**kept, **patience, "TESSITURA_HOME": str(home), "PYTHONPATH": paths, **environment}
        self._command = [sys.executable, "-c", PROGRAM, module, "dev", "--port", str(self.port)]

    def __enter__(self) -> "WebUI":
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_heed,  # noqa: PLW1509 (one thread)
            )
        try:
            until(lambda: self.process.poll() is not None or self._ready(), "the web UI answers")
            assert self.process.poll() is None, self.log.read_text()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)

    def _ready(self) -> bool:
        try:
            return bool(self.ask("{ assetNodes { id } }")["assetNodes"])
        except (requests.RequestException, KeyError):
            return False

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return the answer to a GraphQL query."""
        answer = requests.post(f"{self.address}/graphql", json={"query": query, "variables": variables}, timeout=60)
        found = answer.json()
        assert "errors" not in found, found["errors"]
        return found["data"]

    def status(self, run: str) -> str:
        """Return the status of a run, such as "STARTED"."""
        query = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
        return self.ask(query, run=run)["runOrError"]["status"]

    def launch(self, *keys: str) -> str:
        """Launch a run that makes some assets, as “Materialize” does, and return its id."""
        job = {"repositoryLocationName": "tessitura", "repositoryName": "__repository__", "pipelineName": "__ASSET_JOB"}
        chosen = {**job, "assetSelection": [{"path": key.split("/")} for key in keys]}
        query = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
            __typename ... on LaunchRunSuccess { run { id } } ... on PythonError { message } } }"""
        found = self.ask(query, params={"selector": chosen, "runConfigData": {}})["launchRun"]
        assert found["__typename"] == "LaunchRunSuccess", found
        return found["run"]["id"]

    def terminate(self, run: str) -> None:
        """Ask a run to stop, as “Terminate” does."""
        query = "mutation ($run: String!) { terminateRun(runId: $run) { __typename } }"
        found = self.ask(query, run=run)["terminateRun"]
        assert found["__typename"] == "TerminateRunSuccess", found

    def ended(self, run: str) -> str:
        """Wait until a run has ended, and return its status."""
        final = ("SUCCESS", "FAILURE", "CANCELED")
        return until(lambda: (found := self.status(run)) in final and found, f"run {run} ends")

    def materialise(self, page: Page, key: str) -> str:
        """Open the page of an asset, click on “Materialize”, and return the id of the run."""
        page.goto(f"{self.address}/assets/{key}?view=overview")
        page.get_by_role("button", name="Materialize").first.click()
        launched = page.get_by_text(re.compile("Launched run [0-9a-f]{8}")).first
        launched.wait_for()
        short = re.search("run ([0-9a-f]{8})", launched.inner_text())
        assert short is not None
        runs = self.ask("{ runsOrError { ... on Runs { results { id } } } }")["runsOrError"]["results"]
        return next(one["id"] for one in runs if one["id"].startswith(short[1]))

    def graph(self, page: Page, group: str) -> None:
        """Open the asset graph of a group, and wait until what is in the window is drawn."""
        page.goto(f"{self.address}/locations/tessitura/asset-groups/{group}/lineage")
        # Nodes outside the window are not drawn, so the number of assets is not that of nodes.
        page.locator("foreignObject").first.wait_for()
        page.wait_for_function("() => !document.body.innerText.includes('Loading')")


def _heed() -> None:
    """Let SIGINT end this process: a shell starts background jobs with SIGINT ignored, and children inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def open_page(program: Any) -> Page:
    """Return a page of a new browser, with the patience that a busy machine needs."""
    browser = program.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    page = browser.new_page(viewport={"width": 1372, "height": 896})
    page.set_default_timeout(PATIENCE * 1000)
    page.set_default_navigation_timeout(PATIENCE * 1000)
    return page


def take_pictures(ui: WebUI, page: Page, folder: Path, graph: str, report: str) -> None:
    """Write graph.png, the asset graph of a group, and report.png, the top of the newest report of a system."""
    page.set_viewport_size({"width": 1760, "height": 1100})  # names have room, and the report is in the picture
    ui.graph(page, graph)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=folder / "graph.png")
    page.set_viewport_size({"width": 1280, "height": 920})
    page.goto((ui.home / "reports" / "latest" / f"{report}-demo" / "report.html").resolve().as_uri())
    page.locator("h1").wait_for()
    page.screenshot(path=folder / "report.png")


def main(home: str, folder: str) -> None:
    """Write the pictures of the documentation from the home of a finished demo."""
    with WebUI(Path(home)) as ui, sync_playwright() as program:
        take_pictures(ui, open_page(program), Path(folder), "synthesis", "separation")


if __name__ == "__main__":
    main(*sys.argv[1:])
