"""Guides of homes, followed: PostgreSQL on a free port, blocks of a page run by a shell, the web UI as a process."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tiny_descendants import children, kill
from tiny_documents import ROOT, blocks

GUIDES = ROOT / "docs" / "guides" / "homes"
PATIENCE, TRIES = 600.0, 5


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def steps(name: str, changes: Mapping[str, str]) -> list[str]:
    """Return the shell blocks of a guide, with values of this test instead of those of the page."""
    found = [block.code for block in blocks(GUIDES / f"{name}.md", "sh")]
    for old, new in changes.items():
        assert any(old in one for one in found), f"{name}.md no longer says {old}"
        found = [one.replace(old, new) for one in found]
    return found


class Shell:
    """A shell whose exported variables last from block to block, as in the terminal of a person."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._saved, self._environment = folder / "environment", dict(environment)

    def run(self, block: str) -> str:
        """Run a block in the checkout; it must succeed. Returns what it prints."""
        words = ["bash", "-euc", f"{block}\nenv -0 > {self._saved}"]
        done = subprocess.run(
            words, cwd=ROOT, env=self._environment, capture_output=True, text=True, timeout=PATIENCE / 3, check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        pairs = (one.partition("=") for one in self._saved.read_text().split("\0") if one)
        self._environment = {name: value for name, _, value in pairs}
        return done.stdout

    @contextmanager
    def background(self, block: str, said: str, log: Path) -> Iterator[None]:
        """Context manager: a block goes on, has printed some text, and is stopped by SIGTERM at the end."""
        with log.open("w") as file, subprocess.Popen(
            ["bash", "-euc", f"exec {block.strip()}"], cwd=ROOT, env=self._environment, stdout=file, stderr=file
        ) as process:  # fmt: skip
            try:
                wait_for(lambda: said in log.read_text() or process.poll() is not None)
                assert process.poll() is None, log.read_text()
                yield
            finally:
                process.terminate()
                process.wait(PATIENCE)

    def query(self, text: str) -> str:
        """Return what the database answers."""
        return self.run(f'psql --tuples-only --no-align "$DAGSTER_POSTGRES_DB" --command "{text}"').strip()


def follow(name: str, folder: Path, environment: Mapping[str, str], changes: Mapping[str, str]) -> Shell:
    """Follow the guides of a home to the digest of a run that went through the queue, and return the shell.

    Args:
        name: the home: "server", or another one whose guide builds upon that of the server.
        folder: for the home and the log.
        environment: variables in which the guide is followed, with those by which a superuser reaches PostgreSQL.
        changes: values of the test instead of those of the home's own page.
    """
    port, home = free_port(), folder / "home"
    shared = {"/srv/tessitura-home": str(home), "POSTGRES_PORT=5432": f"POSTGRES_PORT={environment['PGPORT']}"}
    own = {**changes, "--port 3000": f"--port {port}"}
    shell = Shell(folder, {**os.environ, **environment})
    _install, *before, start, attempt = steps(name, {**shared, **own} if name == "server" else own)
    if name != "server":
        before = [*steps("server", shared)[1:3], *before]
    for block in before:
        again(lambda block=block: shell.run(block), TRIES if "ray start" in block else 1)
    *copy, dev = start.strip().splitlines()
    shell.run("\n".join(copy))
    with shell.background(dev, f":{port}", folder / "dev.log"):
        shell.run(attempt)
        wait_for(lambda: shell.query("select status from runs") in ("SUCCESS", "FAILURE"))
        assert shell.query("select pipeline_name, status from runs") == "digest|SUCCESS"
    return shell


def again(work: Callable[[], object], tries: int = TRIES) -> None:
    """Do what may come too late on a busy machine, several times if need be; what a try has started ends with it.

    Ray waits 30 s for a node to come up, and its node 15 s for its agents, whatever they are told; then it may hang.
    """
    before = children()
    for left in reversed(range(tries)):
        try:
            work()
            return
        except (AssertionError, subprocess.SubprocessError):
            kill(*(children() - before))
            if not left:
                raise


def wait_for(look) -> None:
    deadline = time.monotonic() + PATIENCE
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def has_postgres() -> bool:
    """Return whether PostgreSQL can be started here: its programs are there, and a user other than root to run it."""
    programs = all(shutil.which(one) for one in ("initdb", "pg_ctl", "psql", "createdb"))
    return programs and (os.getuid() != 0 or shutil.which("runuser") is not None)


@contextmanager
def postgres() -> Iterator[dict[str, str]]:
    """Context manager: a PostgreSQL server of its own; yields the variables by which its superuser reaches it.

    Its files lie outside the folders of pytest, which every start of pytest closes to other users.
    """
    port, place = free_port(), Path(tempfile.mkdtemp(prefix="postgres-"))
    other = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if other:
        shutil.chown(place, "postgres")
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c fsync=off"
    control = [*other, "pg_ctl", "-D", place / "data", "-t", str(int(PATIENCE))]
    make = [*other, "initdb", "-D", place / "data", "-U", "postgres", "--auth=trust"]
    try:
        for command in (make, [*control, "-o", options, "-l", place / "log", "-w", "start"]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")
        yield {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres"}
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, stdout=-3, stderr=-3, cwd="/")
        shutil.rmtree(place, ignore_errors=True)
