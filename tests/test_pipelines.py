"""The graph as Dagster sees it: what is in it, what decides it, how fast it loads, what can be launched."""

import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest
import typer
import yaml

from assets import registry
from assets.graph import Graph
from data.errors import InputError
from models.separation import presets as separation_presets
from pipelines import children
from pipelines.commands.making import demo
from pipelines.definitions import build_defs, make_graph
from pipelines.jobs import SYSTEMS, find_system
from pipelines.launch import Target, run_graph
from pipelines.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DATA = {"nsynth_source", "nsynth_shards", "musdb_source", "musdb_tracks", "voices_source", "voices_clips"}
SYNTHESIS = {
    "autoencoder", "embeddings", "sequence", "model", "notes", "baseline_notes", "scores",
    "baseline_scores", "instrument_map", "sweeps", "disentanglement", "cost", "champion", "listening_tests",
    "report",
}  # fmt: skip
SEPARATION = {
    "songs", "codec", "latent_scale", "embedded_songs", "refiner", "denoiser", "mask_network", "vocals", "scores",
    "baseline_vocals",
    "baseline_scores", "steps_study", "noise_study", "average_study", "cost", "validation", "champion",
    "listening_tests", "report",
}  # fmt: skip
CONVERSION = {
    "targets", "mixtures", "encoder", "melody", "content", "features", "acoustic", "pitched_acoustic", "vocoder",
    "predicted", "tuned_vocoder", "melodies", "baseline_melodies", "converted", "baseline_converted", "copies",
    "melody_scores", "baseline_melody_scores", "scores", "baseline_scores", "vocoder_scores", "layer_weights",
    "length_study", "target_study", "cost", "champion", "listening_tests",
    "report",
}  # fmt: skip
ASSETS = {"synthesis": SYNTHESIS, "separation": SEPARATION, "conversion": CONVERSION}
ROWS = {
    "conversion": {
        "melody",
        "melodies",
        "melody_scores",
        "features",
        "acoustic",
        "predicted",
        "tuned_vocoder",
        "converted",
        "scores",
        "length_study",
    },
    "synthesis": {"autoencoder", "embeddings", "sequence", "model", "notes", "scores"},
    "separation": {"denoiser", "vocals", "scores"},
}


@pytest.fixture
def graph(settings) -> Graph:
    return make_graph(settings)


def resolved(settings: Settings):
    return build_defs(settings).resolve_asset_graph()


def keys_by_group(settings: Settings) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    graph = resolved(settings)
    for key in graph.get_all_asset_keys():
        found.setdefault(graph.get(key).group_name, set()).add(key.to_user_string())
    return found


def test_every_asset_has_its_place(settings):
    assert keys_by_group(settings) == {
        "data": {f"embedded/{name}" for name in DATA},
        "synthesis": {f"demo/synthesis_{name}" for name in SYNTHESIS},
        "separation": {f"demo/separation_{name}" for name in SEPARATION},
        "conversion": {f"demo/conversion_{name}" for name in CONVERSION},
        "conversion_ablations": {f"demo/ablations/conversion_{name}" for name in ROWS["conversion"]},
        "synthesis_ablations": {f"demo/ablations/synthesis_{name}" for name in ROWS["synthesis"]},
        "separation_ablations": {f"demo/ablations/separation_{name}" for name in ROWS["separation"]},
    }


def test_ratings_belong_to_the_graph_where_a_folder_of_results_is_named(settings, tmp_path):
    named = settings.model_copy(update={"ratings": str(tmp_path)})
    assert keys_by_group(named)["data"] == keys_by_group(settings)["data"] | {
        "data/listening_results", "data/listening_ratings",
    }  # fmt: skip
    definitions = build_defs(named)
    for job in ("listening", *SYSTEMS):
        made = {key.path[-1] for key in definitions.resolve_job_def(job).asset_layer.selected_asset_keys}
        assert "listening_ratings" in made, job


def test_every_asset_says_what_it_is(settings):
    graph = resolved(settings)
    for key in graph.materializable_asset_keys:
        spec = graph.get(key).to_asset_spec()
        assert spec.description, key
        assert spec.kinds, key
        assert spec.owners == ["team:tessitura"], key
        assert spec.code_version, key
    assert {key.path[-1] for key in graph.observable_asset_keys} == {"nsynth_source", "musdb_source", "voices_source"}


def test_data_are_shared_by_all_presets_and_nothing_else_is(settings):
    real = settings.model_copy(update={"nsynth": "/data/nsynth", "musdb": "/data/musdb", "voices": "/data/voices"})
    demo, small = (keys_by_group(real.model_copy(update={"preset": preset})) for preset in ("demo", "small"))
    assert demo.pop("data") == small.pop("data") == {f"data/{name}" for name in DATA}
    assert not set().union(*demo.values()) & set().union(*small.values())


@pytest.mark.parametrize("preset", ["demo", "small", "paper"])
@pytest.mark.parametrize("encoder", ["", "whisper-base"])
def test_every_preset_gives_a_graph(settings, preset, encoder):
    graph = make_graph(settings.model_copy(update={"preset": preset, "encoder": encoder}))
    assets = graph.registry.assets
    assert len({graph.code_version(asset) for asset in assets.values()}) == len(assets)
    assert ("synthesis_wavenet" in assets) == (preset != "demo")
    for asset in assets.values():
        assert set(asset.inputs) - set(asset.optional) <= assets.keys(), asset.name


@pytest.mark.parametrize("statuses", [(0, 0), (0, 2), (2, 0)])
def test_the_demo_makes_every_system_and_ends_with_the_worst_status(settings, monkeypatch, statuses):
    begun = []

    class Lane:
        def __init__(self, arguments):
            begun.append(arguments)
            self.number = len(begun) - 1

        def wait(self):
            return statuses[self.number]

    monkeypatch.setattr(children.Children, "start", lambda self, command, environment, folder: Lane(command[4:]))
    if any(statuses):
        with pytest.raises(typer.Exit) as ended:
            demo()
        assert ended.value.exit_code == 2
    else:
        demo()
    assert sorted(name for lane in begun for name in lane) == sorted(SYSTEMS)


def test_conversion_needs_assets_of_separation_and_synthesis_needs_none():
    groups = {name: one.group for name, one in registry.REGISTRY.assets.items()}
    assert {groups[name] for name in SYSTEMS["conversion"].needs} <= {"separation", "data"}
    assert not SYSTEMS["synthesis"].needs


def test_only_some_assets_of_a_system_can_be_made(settings):
    with pytest.raises(InputError, match="'nothing' is no asset of synthesis; there are nsynth_shards, synthesis_auto"):
        run_graph(settings, replace(Target.parse("synthesis"), only=("nothing",)))
    with pytest.raises(InputError, match="made whole"):
        replace(Target.parse("synthesis", "waveform"), only=("synthesis_model",)).launches()
    (launch,) = replace(Target.parse("conversion"), only=("musdb_tracks",)).launches()
    assert (launch.job, launch.only) == ("conversion", ("musdb_tracks",))


def test_real_data_never_share_a_history_with_embedded_ones(settings):
    real = settings.model_copy(update={"nsynth": "/data/nsynth"})
    assert keys_by_group(real)["data"] == {
        "data/nsynth_source", "data/nsynth_shards", "embedded/musdb_source", "embedded/musdb_tracks",
        "embedded/voices_source", "embedded/voices_clips",
    }  # fmt: skip


def test_another_setting_of_the_sampler_concerns_what_samples_and_nothing_else(graph, monkeypatch):
    before = {name: graph.code_version(asset) for name, asset in graph.registry.assets.items()}
    preset = separation_presets.PRESETS["demo"]
    monkeypatch.setitem(separation_presets.PRESETS, "demo", replace(preset, steps=preset.steps + 1))
    changed = {name for name, asset in graph.registry.assets.items() if graph.code_version(asset) != before[name]}
    assert changed == {
        "separation_vocals", "separation_average_study", "separation_cost", "separation_validation",
        "separation_champion",
    }  # fmt: skip


def test_how_often_progress_is_reported_decides_nothing(graph, monkeypatch):
    before = {name: graph.code_version(asset) for name, asset in graph.registry.assets.items()}
    preset = separation_presets.PRESETS["demo"]
    codec = replace(preset.train_codec, report_every=preset.train_codec.report_every + 1)
    monkeypatch.setitem(separation_presets.PRESETS, "demo", replace(preset, train_codec=codec))
    assert before == {name: graph.code_version(asset) for name, asset in graph.registry.assets.items()}


def test_data_are_checked_before_anything_trains(settings):
    graph = resolved(settings)
    blocking = {key.name for key in graph.asset_check_keys if graph.get(key).blocking}
    warning = {key.name for key in graph.asset_check_keys} - blocking
    assert blocking == {
        "readable", "few_quarantined", "no_leak", "no_song_in_two_splits", "weights_finite", "unit_variance",
        "no_singer_in_two_splits", "unheard",
    }  # fmt: skip
    assert warning == {
        "complete", "in_tune", "better_than_silence", "better_than_nearest_pitch", "better_than_mixture",
        "masks_separate", "near_codec_ceiling", "refining_helps", "keeps_melody", "keeps_voicing", "robust",
        "beats_baselines", "sounds_like_target",
        "melody_0db", "melody_overall_0db", "melody_5db", "melody_clean", "above_trackers", "vocoder_in_tune",
        "vocoder_beats_griffin_lim",
    }  # fmt: skip


def test_the_main_graph_has_no_partitions_and_materialises_by_a_click(settings):
    graph = resolved(settings)
    partitioned = {key.path[1] for key in graph.get_all_asset_keys() if graph.get(key).is_partitioned}
    assert partitioned == {"ablations"}
    everything = build_defs(settings).resolve_job_def("everything")
    made = {key.path[-1] for key in everything.asset_layer.executable_asset_keys}
    assert made == DATA | {f"{system}_{one}" for system, names in ASSETS.items() for one in names}


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_system_has_a_job_for_itself_its_ablations_and_its_experiments(settings, system):
    definitions = build_defs(settings)
    whole = definitions.resolve_job_def(system)
    made = {key.path[-1] for key in whole.asset_layer.executable_asset_keys}
    needed = {*SYSTEMS[system].needs, SYSTEMS[system].data}
    assert made - DATA - needed == {f"{system}_{one}" for one in ASSETS[system]}
    assert needed <= made
    sources = {name.split("_")[0] for name in needed & DATA}
    assert made & DATA == {name for name in DATA if name.split("_")[0] in sources}
    ablations = definitions.resolve_job_def(f"{system}_ablations")
    assert make_graph(settings).variants(system) == list(SYSTEMS[system].variants[1:])
    with dg.DagsterInstance.ephemeral() as instance:
        keys = lambda: ablations.partitions_def.get_partition_keys(dynamic_partitions_store=instance)  # noqa: E731
        assert keys() == [], "nothing is missing that nobody asked for"
        make_graph(settings).ask(instance, system, SYSTEMS[system].variants[1:2])
        assert keys() == list(SYSTEMS[system].variants[1:2])
    experiment = definitions.resolve_job_def(f"{system}_experiment")
    assert "experiment" in experiment.get_required_resource_defs()
    assert {whole.tags["tessitura/preset"], experiment.tags["tessitura/preset"]} == {"demo"}


def test_a_target_becomes_runs():
    assert [one.job for one in Target.parse("synthesis").launches()] == ["synthesis"]
    assert Target.parse("separation", "concat") == Target.parse("separation")
    row = Target.parse("separation", "inject").launches()
    assert [(one.job, one.partition, one.only) for one in row] == [
        ("separation", None, ()),
        ("separation_ablations", "inject", ()),
        ("separation", None, ("separation_report",)),
    ]
    data, experiment = Target.parse("synthesis", experiment="long", overrides={"fine_tuning.fit.steps": 9}).launches()
    assert (data.job, data.only) == ("synthesis", ("nsynth_shards",))
    assert experiment.config == {
        "resources": {"experiment": {"config": {"name": "long", "overrides": {"fine_tuning.fit.steps": 9}}}}
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("x",), "'x' is no system; there are synthesis, separation, conversion"),
        (("separation", "spectral"), "'spectral' is no variant of separation; there are concat, inject"),
        (("separation", "inject", "name"), "an experiment is of the main variant"),
        (("separation", None, "", {"a": 1}), "give it a name with --experiment"),
    ],
)
def test_a_target_that_cannot_be_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        Target.parse(*arguments)
    assert find_system("synthesis").data == "nsynth_shards"


def test_the_graph_loads_without_what_is_slow_to_import():
    program = (
        "from pipelines.definitions import defs; defs(); import sys; "
        "print({'torch', 'numpy', 'pandas', 'pyarrow', 'scipy', 'matplotlib'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def test_both_ways_to_load_the_graph_name_the_same_module():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["dg"]["project"]
    location = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    assert location["module_name"] == project["code_location_target_module"]
    assert location["location_name"] == project["code_location_name"]


def test_a_training_waits_for_another_whatever_the_instance_allows(settings):
    """The limit stands in the code: in the tags of the steps and in the executor of every job."""
    definitions = build_defs(settings)
    graph = definitions.resolve_asset_graph()
    trained = {name for name, asset in make_graph(settings).registry.assets.items() if asset.trains}
    assert {"synthesis_model", "separation_denoiser", "separation_codec"} <= trained
    job = definitions.resolve_job_def("everything")
    for node in job.nodes:
        name = node.name.rpartition("__")[2]
        trains = name in trained
        assert (node.definition.tags.get("tessitura/training") == "yes") == trains, name
        assert (node.definition.pool == "training") == trains, name
    assert {one.executor_def.name for one in definitions.resolve_all_job_defs()} == {"processes"}
    here = build_defs(settings, pooled=False).resolve_job_def("everything")
    assert {node.definition.pool for node in here.nodes} == {None}, "runs of the command line wait for the lock alone"
    assert graph.get_all_asset_keys()


def test_no_step_is_tried_more_than_twice_and_no_run_repeats_a_failed_step(settings):
    for job in build_defs(settings).resolve_all_job_defs():
        for node in job.nodes:
            policy = node.definition.retry_policy
            assert policy is None or policy.max_retries == 1
    written = yaml.safe_load((ROOT / "pipelines" / "homes" / "laptop" / "dagster.yaml").read_text())["run_retries"]
    assert written == {"enabled": True, "max_retries": 0, "retry_on_asset_or_op_failure": False}
