"""Every snippet of the README and of the site: Python is run, commands are parsed by the program, cheap ones run."""

import re
import sys
from pathlib import Path

import click
import mido
import numpy as np
import pytest
import soundfile
import typer
from tiny import sine_note, write_nsynth, write_songs
from tiny_conversion import SINGERS, voice
from tiny_documents import ROOT, blocks, commands, make_targets, pages
from tiny_trained import keep_masks, keep_sing, write_instruments

from data.execution import Execution
from data.nsynth.dataset import Part
from data.nsynth.ingest import ingest
from pipelines import cli
from pipelines.settings import Settings

WITH_PYTHON = [path for path in pages() if blocks(path, "python")]
ADMINISTRATION = ("server.md", "ray.md", "kubernetes.md")  # for other programs; test_homes_*.py follow these pages
WITH_SHELL = [path for path in pages() if blocks(path, "sh") and path.name not in ADMINISTRATION]
BRING = sorted((ROOT / "docs/own").glob("*.md"))
LANGUAGES = {"python", "sh", "text", "bibtex"}
CHEAP = ("describe", "status", "verify")  # commands that are run whatever their options
PLAYED = ("synthesize", "separate")  # commands that are run on the tiny store


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.fixture
def desk(tmp_path, monkeypatch, settings):
    """A working folder with what the snippets speak of, and a store with models."""
    keep_sing(settings.home, write_instruments(tmp_path / "instruments"))
    keep_masks(settings.home)
    folder = tmp_path / "desk"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for name in ("song", "vocals", "band"):
        soundfile.write(folder / f"{name}.wav", 0.1 * draw.standard_normal((88_200, 2)), 44_100)
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=75), mido.Message("note_off", note=60, time=480)])
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(track)
    file.save(folder / "song.mid")
    for place, gain in (("reference", 1), ("estimate", 0.5), ("recordings", 1)):
        (folder / place).mkdir()
        for pitch in (60, 64):
            wave = sine_note(0, pitch, 100) / 32_767 * gain
            soundfile.write(folder / place / f"flute_acoustic_000-{pitch:03d}-100.wav", wave, 16_000)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def materials(desk):
    """Shards of notes and of songs, and a folder of singing."""
    ingest(Execution(desk / "shards"), [Part("part", write_nsynth(desk / "part", 1, range(60, 62)))])
    draw = np.random.default_rng(1)
    sounds = tuple(0.1 * draw.standard_normal((16_000, 2)) for _ in range(2))
    write_songs(desk / "songs", {"A - One": sounds, "B - Two": sounds[::-1]}, 8000)
    for number, singer in enumerate(SINGERS[:3]):
        (desk / "singing" / singer / "song").mkdir(parents=True)
        soundfile.write(desk / "singing" / singer / "song" / "take.wav", voice(number, 0, 2.4)[0], 16_000)
    return desk


def test_there_are_snippets_and_each_has_a_language():
    assert name_of(ROOT / "README.md") in map(name_of, WITH_PYTHON)
    assert len(WITH_PYTHON) >= 7
    assert len(WITH_SHELL) >= 10
    strange = [
        f"{name_of(path)}, line {number}: {line}"
        for path in pages()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if line.startswith("```") and line != "```" and line[3:] not in LANGUAGES
    ]
    assert strange == []


@pytest.mark.parametrize("path", WITH_PYTHON, ids=name_of)
def test_python_runs(path, request, desk):
    if path in BRING and path.name != "data.md":
        request.getfixturevalue("materials")
    space: dict[str, object] = {"__name__": "snippet"}
    for block in blocks(path, "python"):
        code = "\n" * (block.line - 1) + block.code  # so that an error names the line of the document
        exec(compile(code, name_of(path), "exec"), space)


@pytest.mark.parametrize("path", BRING, ids=name_of)
def test_what_users_write_stays_short(path):
    for block in blocks(path, "python"):
        assert len([line for line in block.code.splitlines() if line.strip()]) < 60


def test_five_lines_of_python_are_five():
    [block] = blocks(ROOT / "README.md", "python")
    assert len([line for line in block.code.splitlines() if line.strip()]) == 5
    assert block.code in (ROOT / "docs/index.md").read_text(encoding="utf-8")


def parse(words: list[str]) -> tuple[str, click.Context]:
    """Parse the words after `tessitura` as the program does, and return the name of the command and its context."""
    command: click.Command = typer.main.get_command(cli.app)
    context, rest = click.Context(command, info_name="tessitura"), words
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert name is not None
        assert found is not None
        command = found
        context = click.Context(command, parent=context, info_name=name)
    context = command.make_context(context.info_name, list(rest), parent=context.parent)
    return context.command_path.removeprefix("tessitura "), context


def check_setting(words: list[str]) -> None:
    """Check a line `echo 'NAME=VALUE' >> .env`: the setting exists, and takes the value."""
    name, equals, value = words[1].partition("=")
    field = Settings.model_fields[name.removeprefix("TESSITURA_").lower()]
    assert (words[0], words[2:], equals) == ("echo", [">>", ".env"], "=")
    if name == "TESSITURA_PRESET":
        assert value in str(field.annotation)


@pytest.mark.parametrize("path", WITH_SHELL, ids=name_of)
def test_commands_are_what_the_program_takes(path):
    for block in blocks(path, "sh"):
        for words in commands(block):
            if words[0] in ("tessitura", ".venv/bin/tessitura"):
                assert parse(words[1:])[0]
            elif words[0] == "make":
                assert set(words[1:]) <= make_targets()
            else:
                check_setting(words)


def test_a_wrong_command_would_be_noticed():
    with pytest.raises(click.UsageError):
        parse(["synthesise", "--pitch", "60"])
    with pytest.raises(click.UsageError):
        parse(["separate", "song.wav", "--stepz", "5"])
    with pytest.raises(KeyError):
        check_setting(["echo", "TESSITURA_PRESETS=small", ">>", ".env"])


@pytest.mark.parametrize("path", WITH_SHELL, ids=name_of)
def test_cheap_commands_run(path, desk, monkeypatch, capsys):
    for block in blocks(path, "sh"):
        for words in commands(block):
            if not words[0].endswith("tessitura") or {"diffusion", "refine", "harmonic"} & set(words):
                continue  # the tiny store has SING and masks
            if words[1] in (*CHEAP, *PLAYED) or words[1:3] == ["score", "synthesis"]:
                monkeypatch.setattr(
                    sys, "argv", ["tessitura", *("reference" if one == "DIR" else one for one in words[1:])]
                )
                with pytest.raises(SystemExit) as ended:
                    cli.main()
                said = capsys.readouterr()
                assert not ended.value.code, f"{' '.join(words)}: {said.err}"


def test_the_sound_of_the_readme_is_small_and_what_its_command_says():
    text = (ROOT / "docs/guides/synthesis.md").read_text(encoding="utf-8")
    assert re.search(r"--pitch 62,65,69 -o chord\.flac", text)
    wave, rate = soundfile.read(ROOT / "docs/chord.flac")
    assert (rate, len(wave)) == (16_000, 64_000)  # a chord of SING lasts 4 s
    assert (ROOT / "docs/chord.flac").stat().st_size < 100_000
    power = np.square(np.abs(np.fft.rfft(wave * np.hanning(len(wave)))))
    hertz = np.maximum(np.fft.rfftfreq(len(wave), 1 / rate), 1)

    def share(cents: float) -> float:
        """Return which share of the power lies within 30 cents of partials of the chord, moved by some cents."""
        partials = [440 * 2 ** ((pitch - 69 + cents / 100) / 12) * k for pitch in (62, 65, 69) for k in range(1, 9)]
        return float(
            power[np.any([np.abs(1200 * np.log2(hertz / one)) < 30 for one in partials], 0)].sum() / power.sum()
        )

    assert share(0) > 0.5
    assert share(0) > 2 * max(share(-60), share(60))
