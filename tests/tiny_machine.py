"""A machine of its own as a program: `python tiny_machine.py ROOT URL SECONDS CONTENT [STOP …] [--config TEXT]`.

It makes and publishes the asset "a" in the shared store of URL, with CONTENT as content. At every STOP ("working": in
the middle of the work, after a checkpoint; "made": before it publishes) it prints the word and waits for a line on
stdin. In the end it prints "published KEY", or "refused: MESSAGE".
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tiny_machines import Files, Machine

from assets.store.pointers import publish, working
from assets.store.versions import Making, Recipe, make
from data.errors import InputError
from data.files.durable import write_bytes


@contextmanager
def started(root: Path, url: str, seconds: float, content: str, *stops: str) -> Iterator[subprocess.Popen[str]]:
    """Context manager: yields a machine in a process of its own, which is killed in the end if it has not ended."""
    words = [sys.executable, __file__, str(root), url, str(seconds), content, *stops]
    folder = Path(__file__).parent
    environment = {"PYTHONPATH": f"{folder}:{folder.parent}"}
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def go_on(child: subprocess.Popen[str]) -> None:
    """Let a machine go on from where it stopped."""
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def line(child: subprocess.Popen[str]) -> str:
    """Return the next line that a machine prints."""
    assert child.stdout is not None
    return child.stdout.readline().strip()


def main(root: str, url: str, seconds: str, content: str, *stops: str) -> None:
    def stop(name: str) -> None:
        if name in stops:
            print(name, flush=True)
            sys.stdin.readline()

    machine = Machine(Path(root), url, seconds=float(seconds))
    slot, files = machine.slot(), Files(content.encode())
    config = {"config": stops[stops.index("--config") + 1]} if "--config" in stops else {}

    def work(folder: Path, earlier: tuple[Path, ...]) -> dict[str, int]:
        write_bytes(folder / "step-1", b"half way")
        machine.remote.saved(folder)
        stop("working")
        return files(folder, earlier)

    try:
        with working(slot, lambda text: None):
            made = make(slot, Recipe("1", config, {}, ("out",)), Making(work, {}))
            stop("made")
            publish(slot, made.folder)
        print(f"published {made.key}", flush=True)
    except InputError as error:
        print(f"refused: {error}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
