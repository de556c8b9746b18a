"""Versions of code: what changes them, what does not, and how a change is waived."""

import json
import shutil
import subprocess
import sys

import pytest

from assets.code import FLOORS, ROOT, Sources, Waivers
from assets.names_in_code import parse, references
from assets.registry import REGISTRY
from data.errors import InputError
from pipelines import waiving

PROJECT = {
    "assets/__init__.py": '"""Floor."""\n',
    "assets/stages.py": '''"""Assets."""

def decorate(**options):
    return lambda function: function

@decorate(show=lambda folder: {})
def model(work, shards):
    """Train."""
    from models.train import train

    return train(shards, work.config)
''',
    "models/__init__.py": '"""Floor."""\n',
    "models/train.py": '''"""Training."""

from data import loader
from data.signal import RATE, window
from models.losses import LOSSES
from models.net import Net

STEPS = 10
UNUSED = 3

def train(shards: "Shards", config: Config) -> float:
    """Train a network."""
    network = Net()  # the network
    return LOSSES[config.loss](network, loader.load(shards), window(RATE), STEPS)

def elsewhere():
    return UNUSED
''',
    "models/net.py": '''"""Networks."""

from models.layers import Layer as Block

class Net:
    """A network."""

    def __init__(self):
        self.block = Block()
''',
    "models/layers.py": '"""Layers."""\n\nclass Layer:\n    size = 3\n',
    "models/losses.py": '"""Losses."""\n\ndef l1(*args):\n    return 1\n\nLOSSES = {"l1": l1}\n',
    "data/__init__.py": '"""Floor."""\n',
    "data/loader.py": '"""Loading."""\n\ndef load(shards):\n    return shards\n\ndef unload():\n    return None\n',
    "data/signal.py": '''"""Signals."""


RATE = 16000

def window(rate):
    return Path(__file__).with_name("window.txt").read_text()
''',
    "data/window.txt": "hann",
}


@pytest.fixture
def version(tmp_path):
    """Return a function that changes a file of a small project and gives the code version of its one asset."""
    for path, text in PROJECT.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    def changed(path: str = "", before: str = "", after: str = "") -> str:
        if path:
            text = (tmp_path / path).read_text()
            assert before in text
            (tmp_path / path).write_text(text.replace(before, after))
        return Sources.read(tmp_path).closure("assets.stages", "model").version

    return changed


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("models/train.py", "# the network", "# a network, which is trained"),
        ("models/train.py", "Train a network.", "Train a network to the end."),
        ("models/train.py", "def train(shards:", "\n\ndef train(  shards:"),
        ("models/train.py", 'shards: "Shards", config: Config) -> float', "shards, config)"),
        ("models/train.py", "UNUSED = 3", "UNUSED = 4"),
        ("models/train.py", "return UNUSED", "return 2 * UNUSED"),
        ("data/loader.py", "return None", "return 1"),
        ("assets/stages.py", "show=lambda folder: {}", "show=lambda folder: {1: 2}"),
        ("assets/stages.py", "Train.", "Train it."),
    ],
)
def test_what_changes_no_result_changes_no_version(version, path, before, after):
    assert version() == version(path, before, after)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("assets/stages.py", "train(shards, work.config)", "train(shards, work.config) + 1"),
        ("models/train.py", "STEPS = 10", "STEPS = 11"),
        ("models/train.py", "window(RATE)", "window(2 * RATE)"),
        ("models/net.py", "Block()", "Block() or None"),
        ("models/layers.py", "size = 3", "size = 4"),  # through a renamed import
        ("models/losses.py", "return 1", "return 2"),  # through a table of functions
        ("data/loader.py", "return shards", "return 2 * shards"),  # through an attribute of a module
        ("data/signal.py", "RATE = 16000", "RATE = 8000"),
        ("data/window.txt", "hann", "hamming"),  # a file beside a module that looks for files
        ("data/loader.py", "def load", "print('side effect')\n\ndef load"),  # what a module does when it is imported
        ("data/__init__.py", '"""Floor."""', '"""Floor."""\n\nimport warnings\nwarnings.simplefilter("ignore")'),
    ],
)
def test_what_can_be_reached_changes_the_version(version, path, before, after):
    assert version() != version(path, before, after)


def test_a_module_used_as_a_value_counts_as_a_whole(version):
    first = version("models/train.py", "loader.load(shards)", "list(map(loader, shards))")
    assert first != version("data/loader.py", "return None", "return 1")


def test_a_waiver_makes_the_later_code_mean_the_earlier(version, tmp_path):
    """The way to say "same result": `tessitura waive --reason TEXT`, which writes such an entry; it is reviewed."""
    first = version()
    second = version("models/train.py", "network = Net()", "network = Net() if True else None")
    third = version("models/train.py", "if True", "if not False")
    waivers = Waivers(tmp_path / "waivers.json")
    waivers.add("a condition that is always true", {"model": (first, second)})
    Waivers(tmp_path / "waivers.json").add("the same condition in other words", {"model": (second, third)})
    waivers = Waivers(tmp_path / "waivers.json")
    assert [waivers.original("model", one) for one in (first, second, third)] == [first] * 3
    assert waivers.original("other", second) == second
    assert waivers.original("model", "0" * 16) == "0" * 16


@pytest.mark.parametrize(
    ("entries", "said"),
    [([{"reason": " ", "same": {}}], "without a reason"), ([{"reason": "x"}], "not a list of waivers"), ({}, None)],
)
def test_waivers_that_say_nothing_are_refused(tmp_path, entries, said):
    path = tmp_path / "waivers.json"
    path.write_text(json.dumps(entries))
    if said is None:
        assert Waivers(path).original("a", "b") == "b"
    else:
        with pytest.raises(InputError, match=said):
            Waivers(path)


def test_every_waiver_of_the_project_is_of_an_asset():
    for entry in json.loads((ROOT / "assets" / "waivers.json").read_text()):
        assert set(entry["same"]) <= set(REGISTRY.assets)


def test_every_asset_reaches_what_it_is_about():
    sources = Sources.read(ROOT)
    reached = {
        name: set(sources.closure(one.function.__module__, name).modules) for name, one in REGISTRY.assets.items()
    }
    assert "models.training.fit" in reached["synthesis_model"] & reached["separation_denoiser"]
    assert "eval.report.document" in reached["synthesis_report"]
    assert "models.synthesis.wavenet" in reached["synthesis_baseline_notes"]
    assert not any(one.startswith("models.separation") for one in reached["synthesis_model"])
    for name, modules in reached.items():
        assert not any(one.startswith("pipelines") for one in modules), name


def test_the_version_is_the_same_on_every_machine():
    """It depends on neither the order of sets nor the process."""
    program = (
        "from assets.code import ROOT, Sources; "
        "print(Sources.read(ROOT).closure('assets.synthesis.stages', 'synthesis_model').version)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, env={"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1


def test_a_waiver_is_written_for_what_differs_from_a_revision(tmp_path, monkeypatch):
    repository = tmp_path / "repository"
    for floor in FLOORS:
        shutil.copytree(ROOT / floor, repository / floor, ignore=shutil.ignore_patterns("__pycache__"))
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "before"]):
        subprocess.run([*git, *command], cwd=repository, check=True)
    source = repository / "models" / "synthesis" / "cost.py"
    source.write_text(source.read_text().replace("_ROUNDS = 16, 3", "_ROUNDS = 8 + 8, 3"))
    monkeypatch.setattr(waiving, "ROOT", repository)
    monkeypatch.setattr(waiving, "Waivers", lambda: Waivers(repository / "waivers.json"))
    assert waiving.waive_changes("8 + 8 is 16", "HEAD", []) == ["synthesis_cost"]
    assert waiving.waive_changes("8 + 8 is 16", "HEAD", ["synthesis_cost"]) == []
    (entry,) = json.loads((repository / "waivers.json").read_text())
    assert entry["reason"] == "8 + 8 is 16"
    with pytest.raises(InputError, match="nowhere"):
        waiving.waive_changes("x", "nowhere", [])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(a, *b, c=d, **e):\n    return a, b, c, e, g", {"d", "g"}),
        ("def f():\n    x = y\n    return x", {"y"}),
        ("def f():\n    return [x for x in xs if x > y], x", {"xs", "y", "x"}),
        ("def f():\n    def g(z):\n        return z, h\n    return g", {"h"}),
        ("f = lambda a: (a, b)", {"f", "b"}),
        ("class C(B):\n    size = S\n    def m(self):\n        return self.size, T", {"B", "size", "S", "T"}),
        ("def f():\n    global x\n    x = 1\n    return x", {"x"}),
        ("def f():\n    with a as b, c() as (d, e):\n        return b, d, e", {"a", "c"}),
        ("def f():\n    try:\n        g()\n    except E as error:\n        raise H from error", {"g", "E", "H"}),
        ("def f(x):\n    return x.y.z, a.b(c)", {"a", "c"}),
        ("def f():\n    if (n := g()):\n        return n", {"g"}),
        ("def f():\n    for i, (j, k) in enumerate(rows):\n        yield i, j, k", {"enumerate", "rows"}),
        ("def f():\n    from m import q\n    return q(r)", {"q", "r"}),
    ],
)
def test_names_that_a_definition_takes_from_outside(text, names):
    statements = [one for some in parse(text).definitions.values() for one in some]
    assert {one.name for one in references(statements)} == names


def test_a_parameter_is_not_the_definition_of_its_name(version, tmp_path):
    path = tmp_path / "assets" / "stages.py"
    path.write_text(path.read_text() + "\ndef shards():\n    return 1\n")
    first = version()
    assert version("assets/stages.py", "return 1", "return 2") == first
