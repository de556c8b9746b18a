"""Programs run in processes of their own, without importing torch and Dagster anew, which takes 13 s of a slow core.

A fork server imports them once for each process of the tests. It runs nothing else, so what it forks is as good as a
new interpreter, except for `sys.modules`. A program is Python source text, as for `python -c`.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_CONTEXT: Any = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "torch",
        "torch.distributed",
        "torch._dynamo",
        "pandas",
        "pyarrow.parquet",
        "pipelines.definitions",
        "pipelines.cli",
    ]
)


class Forked:
    """A program that runs in a process of its own; `wait` returns how it ended.

    Example:
        >>> Forked("import sys; print(sys.argv[1])", ["hello"], os.environ).wait().stdout
        'hello\\n'
    """

    def __init__(self, program: str, arguments: Sequence[object], environment: Mapping[str, str]) -> None:
        self._texts = tempfile.TemporaryDirectory()
        self.arguments = [str(one) for one in arguments]
        given = (program, self.arguments, dict(environment), self._texts.name, str(Path.cwd()))
        self.process = _CONTEXT.Process(target=_execute, args=given)
        self.process.start()

    def wait(self, seconds: float = 300.0) -> subprocess.CompletedProcess[str]:
        """Wait for the end of the program; kill it after some seconds."""
        self.process.join(seconds)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        texts = [Path(self._texts.name, name).read_text(errors="replace") for name in ("out", "err")]
        self._texts.cleanup()
        return subprocess.CompletedProcess(self.arguments, self.process.exitcode, *texts)


def _execute(program: str, arguments: list[str], environment: dict[str, str], texts: str, folder: str) -> None:
    """Run a program in this process, which the fork server made for it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [one for one in environment.get("PYTHONPATH", "").split(os.pathsep) if one]
    for number, name in ((1, "out"), (2, "err")):
        descriptor = os.open(Path(texts, name), os.O_WRONLY | os.O_CREAT)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdout, sys.stderr = (open(one, "w", buffering=1, closefd=False) for one in (1, 2))  # noqa: SIM115
    sys.argv = ["-c", *arguments]
    exec(compile(program, "<program>", "exec"), {"__name__": "__main__"})
