"""Coverage-guided fuzzing of every parser in `tiny_hostile` with atheris (libFuzzer), each in a process of its own.

    python -m pip install --require-hashes -r tests/fuzz/requirements.lock
    python tests/fuzz/parsers.py --seconds 60              all parsers, one after the other
    python tests/fuzz/parsers.py --seconds 600 midi tar    these

For each parser one line tells how many inputs were tried, how many lines of the code were reached first and last, peak
memory, and what was found: an exception that is no InputError of one line, a crash, more than 2 GB, or more than 20 s
for one input. What was found is kept in `--keep`, a file each.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS.parent), str(TESTS)]
OWN = ("data.files", "data.nsynth", "data.voices", "models.synthesis.music", "models.training", "mido", "ijson")


def fuzz(name: str, arguments: list[str]) -> None:
    """Fuzz one parser in this process, which libFuzzer ends."""
    import atheris  # noqa: PLC0415 (only here)

    with atheris.instrument_imports(include=[*OWN]):
        import tiny_hostile  # noqa: PLC0415 (instrumented)

    parser = tiny_hostile.parsers()[name]
    atheris.Setup([sys.argv[0], *arguments], lambda content: tiny_hostile.survives(parser, content) and None)
    atheris.Fuzz()


def told(name: str, seconds: int, keep: Path) -> str:
    """Fuzz one parser in another process; return a line of what came of it."""
    from tiny_hostile import parsers  # noqa: PLC0415 (not in the process that fuzzes)

    with tempfile.TemporaryDirectory() as folder:
        for number, example in enumerate(parsers()[name].examples):
            (Path(folder) / f"example-{number}").write_bytes(example)
        keep.mkdir(parents=True, exist_ok=True)
        prefix = f"{keep / re.sub('[^a-z0-9]+', '-', name)}-"
        options = [folder, f"-max_total_time={seconds}", "-rss_limit_mb=2048", "-timeout=20", "-max_len=20000",
                   f"-artifact_prefix={prefix}", "-print_final_stats=1", "-seed=1"]  # fmt: skip
        command = [sys.executable, str(Path(__file__).resolve()), "--one", name, *options]
        said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stderr
    tried = re.findall(r"number_of_executed_units:\s+(\d+)", said)
    peak = re.findall(r"peak_rss_mb:\s+(\d+)", said)
    reached = re.findall(r"\bcov: (\d+)", said)
    faults = re.findall(r"Uncaught Python exception: ===\n(.*)|(SUMMARY: libFuzzer: .*)", said)
    found = "; ".join(filter(None, (one for pair in faults for one in pair))) or "nothing found"
    cover = f"{reached[0]} to {reached[-1]}" if reached else "?"
    return f"{name:<20} {''.join(tried[-1:]):>9} inputs  cover {cover:<12} {''.join(peak[-1:]):>5} MB  {found}"


def main() -> None:
    """Fuzz what the command line names."""
    if sys.argv[1:2] == ["--one"]:
        fuzz(sys.argv[2], sys.argv[3:])
        return
    from tiny_hostile import parsers  # noqa: PLC0415 (not in the process that fuzzes)

    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=60)
    options.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    options.add_argument("names", nargs="*", help="parsers; all by default")
    chosen = options.parse_args()
    for name in chosen.names or parsers():
        print(told(name, chosen.seconds, chosen.keep), flush=True)


if __name__ == "__main__":
    main()
