"""Assets and trainings over a shared store: one is made once for all machines, and goes on on another one."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import write_musdb
from tiny_assets import CONTENT, REGISTRY, Known, down, report, reset, up
from tiny_graph import Home
from tiny_machines import Files, Machine
from tiny_s3 import KEYS, SECRET
from tiny_training import CONFIG, make_stage, write_shards

from assets.environment import Configuration, Environment
from assets.production import Order, Workshop
from assets.store.pointers import find, get
from assets.store.versions import Version
from data.errors import InputError
from data.execution import Execution
from data.files.audio import write_sound
from data.progress import ignore
from models.training.checkpoint import load, save
from models.training.fit import fit
from models.training.processes import World
from pipelines.settings import Settings
from pipelines.status import survey


@pytest.fixture(autouse=True)
def content():
    reset()


class Desk:
    """A machine on which assets are made."""

    def __init__(self, home, url: str) -> None:
        self.environment, self.said = Environment(home, device="cpu", nsynth="/somewhere", place=url), list[str]()
        self.workshop = Workshop(REGISTRY, Known(), ignore, self.said.append)

    def order(self, asset, *, variant: str = "", experiment: str = "", **overrides) -> Order:
        return Order(asset, Configuration(self.environment, variant, overrides), experiment)

    def make(self, asset, **options):
        return self.workshop.produce(self.order(asset, **options))


def test_assets_are_made_once_for_all_machines(tmp_path, url):
    first, second = Desk(tmp_path / "1", url), Desk(tmp_path / "2", url)
    made = [first.make(one) for one in (up, down, report)]
    assert all(one.published for one in made)
    again = [second.make(one) for one in (down, report, up)]  # the inputs of each come by themselves
    assert all(one.version.reused and one.published for one in again)
    CONTENT["down"] = b"more"
    changed = replace(up, audits=())
    assert second.make(changed).version.reused
    tried = second.make(down, experiment="wider", **{"fine_tune.steps": 7})
    assert get(first.order(down, experiment="wider").slot).name == tried.version.key
    assert get(first.order(down).slot).name == made[1].version.key


def test_what_fails_its_audits_is_found_by_others_and_current_for_nobody(tmp_path, url):
    first, second = Desk(tmp_path / "1", url), Desk(tmp_path / "2", url)
    good = first.make(up)
    CONTENT.update(up=b"bad", source="2")
    assert not first.make(up).published
    refused = second.make(up)
    assert (refused.version.reused, refused.published) == (True, False)
    assert find(second.order(up).slot).name == good.version.key


def test_damage_that_an_audit_finds_is_set_aside_for_all(tmp_path, url):
    first, second = Desk(tmp_path / "1", url), Desk(tmp_path / "2", url)
    first.make(up)
    damaged = second.make(up).version.folder
    (damaged / "note").write_bytes(b"")  # what the audit takes for damage
    assert not second.make(up).version.reused
    assert "set aside in" in " ".join(second.said)
    assert damaged.with_name(damaged.name).is_dir()
    assert get(Desk(tmp_path / "3", url).order(up).slot).name == damaged.name


def test_no_path_of_a_machine_and_no_secret_stands_in_an_artefact(tmp_path, url):
    desk = Desk(tmp_path / "the-home", url)
    for one in (up, down, report):
        desk.make(one)
    folder = desk.environment.store / "demo/down"
    files = {path: path.read_bytes() for path in desk.environment.home.rglob("*") if path.is_file()}
    bucket = desk.order(up).slot.remote.bucket
    files |= {one.path: bucket.read(one.path)[0] for one in bucket.list()}
    assert len(files) > 20
    assert folder.is_dir()
    for path, content in files.items():
        for text in (str(tmp_path), "the-home", SECRET, KEYS["AWS_ACCESS_KEY_ID"], os.path.expanduser("~") + "/"):
            assert text.encode() not in content, f"{text} in {path}"


def test_foreign_data_are_ingested_once_for_all_machines(tmp_path, url, nsynth_part):
    """Recordings from elsewhere are decoded in a process of their own, which knows nothing of the bucket."""
    songs = write_musdb(tmp_path / "raw" / "songs", {f"Song {number}": "train" for number in range(4)})
    for number, singer in enumerate("abcd"):
        for song in range(2):
            wave = np.random.default_rng(10 * number + song).integers(-3000, 3000, (32_000, 1), np.int16)
            write_sound(tmp_path / "raw" / "voices" / singer / f"{song}.wav", wave, 16_000)
    sources = {"nsynth": str(nsynth_part), "musdb": str(songs), "voices": str(tmp_path / "raw" / "voices")}
    names = ("nsynth_shards", "musdb_tracks", "voices_clips")
    machines = [Home(tmp_path / name, place=url, workers=2, **sources) for name in ("first", "second")]
    copied = {name: str(shutil.copytree(one, tmp_path / "copy" / Path(one).name, copy_function=shutil.copyfile))
              for name, one in sources.items()}  # fmt: skip
    alone = Home(tmp_path / "alone", workers=2, **copied)  # from a copy without the times of the files
    folders = []
    for home in (*machines, alone):
        assert home.materialize(*names).success
        folders.append([home.current(name) for name in names])
    records = [[Version(folder).record for folder in several] for several in folders]
    assert records[0] == records[1], "found, not made again"
    for one, other in zip(records[0], records[2], strict=True):
        assert (one["fingerprint"], one["summary"]) == (other["fingerprint"], other["summary"])
    assert [one["summary"]["location"] for one in records[0]] == ["…/nsynth-train", "…/songs", "…/voices"]
    written = [path for home in machines for path in home.environment.store.rglob("*") if path.is_file()]
    assert len(written) > 20
    told = [path for path in written if any(str(one).encode() in path.read_bytes() for one in (tmp_path, nsynth_part))]
    assert told == [], "no path of a machine stands in the store"


def test_a_training_ends_at_the_same_bits_on_another_machine(tmp_path, url):
    """The first machine is stopped after a checkpoint, its folder is lost, and another one trains to the end."""
    shards = write_shards(tmp_path / "shards")
    stage = make_stage(shards, CONFIG, World())
    fit(stage, CONFIG, Execution(tmp_path / "whole"))
    machines = [Machine(tmp_path / str(number), url, seconds=1.0) for number in range(2)]

    def train(machine: Machine, stops: int):
        def work(folder, earlier):
            saves = 0

            def saved(path) -> None:
                nonlocal saves
                machine.remote.saved(path)
                saves += 1
                if saves == stops:
                    raise KeyboardInterrupt

            stage, steps = make_stage(shards, CONFIG, World()), list[int]()
            found = [int(path.stem.removeprefix("step-")) for path in folder.glob("step-*.json")]
            fit(stage, CONFIG, Execution(folder, lambda one: steps.append(one.done), saved=saved))
            save(folder / "out", stage.network.state_dict(), {})
            return {"from": max(found, default=0)}

        return machine.build(lambda folder, earlier: {**work(folder, earlier), **_renamed(folder)})

    with pytest.raises(KeyboardInterrupt):
        train(machines[0], 3)
    shutil.rmtree(tmp_path / "0")
    made = train(machines[1], 0)
    assert made.record["summary"]["from"] == 15
    tensors = load(made.folder / "out").tensors
    assert all(bool((one == tensors[name]).all()) for name, one in stage.network.state_dict().items())
    left = [one.path for one in machines[1].remote.bucket.list() if "step-" in one.path or "unfinished" in one.path]
    assert left == []  # checkpoints go when they are no longer needed


def _renamed(folder) -> dict:
    shutil.copy2(folder / "out.safetensors", folder / "out")  # the essential file of a tiny version
    return {}


def test_only_the_last_checkpoint_stays_in_the_bucket(tmp_path, url):
    machine = Machine(tmp_path / "1", url)

    def work(folder, earlier):
        for number in range(3):
            for path in folder.glob("step-*"):
                path.unlink()
            (folder / f"step-{number}").write_bytes(b"%d" % number * 9)
            machine.remote.saved(folder)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        machine.build(work)
    names = sorted(one.path.rpartition("/")[2] for one in machine.remote.bucket.list("demo/a/unfinished"))
    assert names == ["manifest.json", "recipe.json", "step-2"]


def test_a_checkpoint_that_is_damaged_is_told_and_the_one_before_is_taken(tmp_path, url):
    first, second = Machine(tmp_path / "1", url, seconds=0.5), Machine(tmp_path / "2", url, seconds=0.5)

    def stop(folder, earlier):
        for number in (1, 2):
            (folder / f"step-{number}").write_bytes(b"%d" % number)
        first.remote.saved(folder)
        raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        first.build(stop)
    (path,) = [one.path for one in first.remote.bucket.list() if one.path.endswith("step-2")]
    first.remote.bucket.write(path, b"3")

    def goes_on(folder, earlier):
        assert sorted(one.name for one in folder.glob("step-*")) == ["step-1"]
        return Files()(folder, earlier)

    second.build(goes_on)
    assert f"{path}: its content is not what was written: left out" in second.said[-1]


def test_the_settings_name_the_store(tmp_path, url, settings, monkeypatch):
    assert settings.environment().shared == ""
    monkeypatch.setenv("TESSITURA_STORE", str(tmp_path / "elsewhere"))
    assert Settings.read().store_folder == tmp_path / "elsewhere"
    monkeypatch.setenv("TESSITURA_STORE", f"{url}/")
    monkeypatch.setenv("TESSITURA_CACHE", "0.5")
    found = Settings.read()
    assert (found.environment().shared, found.store_folder) == (url, settings.home / "store")
    assert survey(found) == []
    assert json.loads(found.frozen())["store"] == url
    monkeypatch.setenv("TESSITURA_STORE", "s3://user:word@bucket/x")
    with pytest.raises(InputError, match=r"TESSITURA_STORE=…: .*no credentials in the url") as error:
        Settings.read()
    assert "user:word" not in str(error.value)
