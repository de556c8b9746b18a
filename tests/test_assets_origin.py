"""A report tells the command that makes it again, so that a shell takes it as it is meant."""

import shlex
from pathlib import Path

from assets.environment import Environment
from assets.origin import command, hours_of


def test_the_command_names_what_is_not_the_default_and_nothing_local():
    there = Environment(Path("/home/x"), "small", nsynth="/data/n synth", device="cuda", trainings=4, ratings="/r")
    assert command(there, "synthesis", {"experiment": "", "overrides": {}}) == (
        "TESSITURA_PRESET=small TESSITURA_NSYNTH='…/n synth' .venv/bin/tessitura run synthesis"
    )


def test_no_folder_of_this_machine_is_told():
    named = Environment(Path("/h"), separators="umxhq,hdemucs=/home/x/w.th,spleeter=~/s", voices="~/my voices/")
    assert command(named, "separation", {}) == (
        "TESSITURA_PRESET=demo TESSITURA_VOICES='…/my voices' "
        "TESSITURA_SEPARATORS='umxhq,hdemucs=…/w.th,spleeter=…/s' .venv/bin/tessitura run separation"
    )


def test_an_experiment_is_told_with_its_overrides_and_nothing_of_them_reaches_the_shell():
    evil = "x; rm -rf ~ $(id) 'q'"
    recipe = {"experiment": "longer", "overrides": {"fine_tune.steps": 2000, "loss": evil, "on": True}}
    words = shlex.split(command(Environment(Path("home"), musdb=evil), "separation", recipe))
    assert words == [
        "TESSITURA_PRESET=demo", f"TESSITURA_MUSDB={evil}", ".venv/bin/tessitura", "run", "separation",
        "--experiment", "longer", "--set", "fine_tune.steps=2000", "--set", f"loss={evil}", "--set", "on=true",
    ]  # fmt: skip


def test_hours_are_summed():
    assert hours_of({"codec": 1800.0, "mask_network": 5400.0}) == "2.00 (codec 0.50, mask network 1.50)"
    assert hours_of({}) == "0.00"
