"""Writes the folder of an exported model, whole or not at all.

    README.md        model card
    config.json      what the model is: system, preset, labels, commit, SHA-256 of the weights
    model.safetensors, model.json   weights and sizes of a network; where there are several, each in a folder of its own
    network/         the code of the networks, taken from this project, which torch alone runs
    inference.py     uses the model
    onnx/            networks that can be traced
    LICENSE
    SHA256SUMS       the SHA-256 of every other file; `sha256sum --check SHA256SUMS` names what was damaged since

The code is in Python, not in a program of `torch.export` or TorchScript, because it runs at any length and on any
device, can be read, and holds no pickle; both of these formats hold one.
"""

import ast
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assets.champion import history
from assets.code import ROOT, Place, Sources
from assets.provenance import commit, commit_of
from assets.store.locks import reading
from assets.store.versions import Version
from data.errors import InputError
from data.files.checked_json import write_checked_json
from data.files.durable import file_sha256, new_folder, write_bytes
from data.files.regular import printable
from data.progress import Listener, Progress, ignore
from pipelines.definitions import make_graph
from pipelines.portable.bundle import bundle, with_stand_ins
from pipelines.portable.card import write_card
from pipelines.portable.chosen import Chosen, Wish, choose, locks, report_of
from pipelines.settings import Settings

_HERE = Path(__file__).parent
_PACKAGE = "network"
SUMS = "SHA256SUMS"
_STAND_INS = {
    "checkpoint": "models/training/checkpoint.py",
    "published_codec": "models/separation/published/hub.py",
    "sound": "sound.py",
    "torchaudio": "torchaudio.py",
}
# What a training keeps beside the network that is used, such as discriminators, is left out: name of the subfolder, and
# how the names of the network's tensors begin.
_USED = {"acoustic": "network.", "vocoder": "generator."}
_STEPS = 4


def export_model(
    settings: Settings, wish: Wish, output: Path, *, onnx: bool = True, listener: Listener = ignore
) -> dict[str, Any]:
    """Export a model as a folder that needs torch and soundfile only.

    Args:
        settings: the settings, which name the store and the preset.
        wish: which model.
        output: folder to write; there must be none yet.
        onnx: whether networks that can be traced are exported as ONNX too, if the packages for that are installed.
        listener: receives progress reports.

    Returns:
        "model" (the folder), "system", "method", "champion" (whether it is the champion), "bytes" (size of the
        folder), "onnx" (names of the ONNX files) and "scores" (whether the card has scores).

    Raises:
        InputError: the folder exists, lies in the store or cannot be written, or as `chosen.choose`.

    Example:
        >>> export_model(Settings.read(), Wish("synthesis"), Path("sing"))["model"]
        'sing'
    """
    target = _free(output, settings.store_folder)
    progress = Progress("export model", total=_STEPS, unit="parts", listener=listener)
    chosen = choose(settings, wish)
    with new_folder(target) as partial, reading(locks(chosen)):
        report = report_of(make_graph(settings), chosen)
        config = _write_weights(chosen, settings, partial)
        progress.advance()
        write_checked_json(partial / "config.json", config)
        _write_code(chosen.method, partial)
        progress.advance()
        facts = {"config": config, **_write_onnx(chosen.method, partial, wanted=onnx)}
        progress.advance()
        write_bytes(partial / "README.md", write_card(chosen, report, facts).encode())
        _write_sums(partial)
        size = sum(one.stat().st_size for one in partial.rglob("*") if one.is_file())
    progress.advance()
    progress.finish()
    return {
        "model": str(output), "system": chosen.system, "method": chosen.method, "champion": chosen.champion,
        "bytes": size, "onnx": sorted(facts["onnx"]), "scores": report is not None,
    }  # fmt: skip


def _free(output: Path, store: Path) -> Path:
    """Return the path of the folder to write.

    Raises:
        InputError: there is something already, or it lies in the store.
    """
    if os.path.lexists(output):
        raise InputError(f"{printable(output)}: is there already, and nothing is replaced; name a new folder with -o")
    target = output.expanduser().resolve()
    if target.is_relative_to(store.resolve()):
        raise InputError(f"{printable(output)}: lies in the store ({store}); choose another folder with -o")
    return target


def _write_weights(chosen: Chosen, settings: Settings, folder: Path) -> dict[str, Any]:
    """Copy the networks that are used, and return the content of config.json."""
    from models.training.checkpoint import load, save

    networks = {}
    for place, source in chosen.stages.items():
        found = load(source / "model")
        used = _USED.get(place, "") if chosen.system == "conversion" else ""
        tensors = {name: one for name, one in found.tensors.items() if name.startswith(used)}
        metadata = {name: one for name, one in found.metadata.items() if name not in ("version", "sha256")}
        (folder / place).mkdir(exist_ok=True)
        save(folder / place / "model", tensors, metadata)
        weights = folder / place / "model.safetensors"
        networks[place or "model"] = {
            "file": weights.relative_to(folder).as_posix(),
            "sha256": file_sha256(weights),
            "values": sum(one.numel() for one in tensors.values()),
        }
    return {
        "format": 1,
        "system": chosen.system,
        "method": chosen.method,
        "preset": settings.preset,
        "champion": chosen.champion,
        "commit": _trained_at(chosen),
        "exported_by": commit(),
        "networks": networks,
        "requires": list(chosen.requires),
        **chosen.told,
    }


def _write_sums(folder: Path) -> None:
    """Write the SHA-256 of every file of a folder, as the program `sha256sum` reads them."""
    found = {one.relative_to(folder).as_posix(): one for one in sorted(folder.rglob("*")) if one.is_file()}
    write_bytes(folder / SUMS, "".join(f"{file_sha256(one)}  {name}\n" for name, one in found.items()).encode())


def _trained_at(chosen: Chosen) -> str:
    """Return the commit or commits that the networks were trained at."""
    if chosen.champion:
        return str(history(chosen.versions[0])[-1]["commit"])
    found = [commit_of(Version(one).record["provenance"]) for one in chosen.versions]
    return ", ".join(dict.fromkeys(found))


def _write_code(method: str, folder: Path) -> None:
    """Write inference.py, the code that it reaches, and the licence."""
    script = (_HERE / "inference" / f"{method}.txt").read_bytes()
    stand_ins = {place: (_HERE / "stand_ins" / f"{name}.py").read_bytes() for name, place in _STAND_INS.items()}
    files = bundle(with_stand_ins(Sources.read(ROOT), stand_ins), entries(script.decode()))
    for path, text in files.items():
        write_bytes(folder / _PACKAGE / path, text.encode())
    write_bytes(folder / "inference.py", script)
    write_bytes(folder / "LICENSE", (ROOT / "LICENSE").read_bytes())


def entries(script: str) -> list[Place]:
    """Return what a script imports from the package `network`: module and name in this project.

    Example:
        >>> entries("from network.models.synthesis.train import load_sing")
        [('models.synthesis.train', 'load_sing')]
    """
    imports = [one for one in ast.parse(script).body if isinstance(one, ast.ImportFrom)]
    return [
        ((one.module or "").removeprefix(f"{_PACKAGE}."), alias.name)
        for one in imports
        if (one.module or "").startswith(f"{_PACKAGE}.")
        for alias in one.names
    ]


def _write_onnx(method: str, folder: Path, *, wanted: bool) -> Mapping[str, dict[str, str]]:
    """Write the networks that can be traced as ONNX; return "onnx" and "left_out" for `card.write_card`."""
    from pipelines.portable.onnx import export_parts, missing, parts_of

    if not wanted:
        return {"onnx": {}, "left_out": {"all": "not asked for"}}
    if lacking := missing():
        why = f"not installed: {', '.join(lacking)} (the extra onnx)"
        return {"onnx": {}, "left_out": {"all": why}}
    written, left_out = export_parts(parts_of(method, folder), folder / "onnx")
    return {"onnx": written, "left_out": left_out}
