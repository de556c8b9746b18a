"""The model card of an exported model: what it is, how to use it, its scores where there are any, and its terms.

Scores come from the card of the current report, if that report is on this model; a card never shows the scores of
another one.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from data.errors import InputError
from data.files.durable import read_json
from eval.report.exports import Card, escape_markdown
from pipelines.portable.chosen import Chosen

_TERMS = (
    "`inference.py` and `network/` are under the Apache License 2.0 (`LICENSE`). The weights were learnt from "
    "recordings, and the terms of these decide what may be done with the weights: NSynth is {nsynth}; MUSDB18 is "
    "{musdb}; recordings of singers need their consent; what Tessitura synthesises for its demo is free of claims."
)
_REST = "It does not give the other sources; the accompaniment is the mixture less its vocals."
# The texts of systems of separation that stand beside latent diffusion in its report.
_BESIDE: dict[str, dict[str, Any]] = {
    "masks": {
        "name": "Mask network for singing voice separation",
        "title": "Singing voice separation by a mask network",
        "told": (
            "A network of dilated convolutions that masks the mixture's STFT; the mixture's phase is kept.",
            _REST,
        ),
    },
    "refine": {
        "name": "Refined masks for singing voice separation",
        "title": "Singing voice separation by masks that latent diffusion refines",
        "told": (
            "A mask network estimates the vocals, and diffusion in the latent space of a codec samples what is left.",
            _REST,
        ),
    },
}


def write_card(chosen: Chosen, report: Path | None, facts: Mapping[str, Any]) -> str:
    """Return the card, Markdown after a YAML header that model hubs read.

    Args:
        chosen: the exported model.
        report: folder of the report on it; None if there is none.
        facts: "config" (content of config.json), "onnx" (what each file computes, by its name) and "left_out" (why
            other networks are not there as ONNX, by their names).

    Raises:
        InputError: the card in the report cannot be read.
    """
    card = _card(chosen)
    header: dict[str, Any] = {"library_name": "pytorch", "license": "other", "tags": list(card.tags)}
    measured = ["", "## Scores", "", "The current report is not on this model, so it has no scores here."]
    if report is not None:
        header["model-index"], measured = _measured(chosen, card, report)
    parts = [
        "---", yaml.safe_dump(header, sort_keys=False, allow_unicode=True).strip(), "---",
        f"# {card.title}", "", *card.told, "", *_use(chosen), "", *_files(chosen, facts), *measured, "",
        *_origin(facts["config"]), "", *_terms(), "",
    ]  # fmt: skip
    return "\n".join(parts)


def _card(chosen: Chosen) -> Card:
    """Return the fixed texts of the card."""
    if chosen.system == "synthesis":
        from eval.synthesis.report import CARD
    elif chosen.system == "separation":
        from eval.separation.methods import CARD
    else:
        from eval.conversion.report import CARD
    return replace(CARD, **_BESIDE.get(chosen.method, {}))


def _measured(chosen: Chosen, card: Card, report: Path) -> tuple[list[Any], list[str]]:
    """Return the model-index, and the sections with tables, checks and provenance, of the card in a report."""
    path = report / "model_card.md"
    try:
        _, header, body = path.read_text(encoding="utf-8").split("---\n", 2)
        index = yaml.safe_load(header)["model-index"]
        index[0]["name"] = card.name
        if chosen.method in _BESIDE:  # the report's index is on latent diffusion
            found = read_json(report / "metrics.json")["test"][chosen.method]
            metrics = [{"type": name, "value": one["median"], "name": name} for name, one in found.items()]
            index[0]["results"][0]["metrics"] = [one for one in metrics if one["value"] is not None]
        return index, ["", body[body.index("\n## ") + 1 :].rstrip()]
    except (OSError, ValueError, KeyError, LookupError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: no model card that can be read ({error}); make the report anew") from error


def _use(chosen: Chosen) -> list[str]:
    """Return the section on how to use the model."""
    instrument = next(iter(chosen.told.get("instruments", {})), "INSTRUMENT")
    examples = {
        "synthesis": f"python inference.py {instrument} 60 -o note.wav",
        "masks": "python inference.py song.wav -o vocals.wav",
        "refine": "python inference.py song.wav -o vocals.wav",
        "diffusion": "python inference.py song.wav -o vocals.wav",
        "conversion": "python inference.py song.wav -o converted.wav --key octave",
    }
    return [
        "## Use", "",
        f"    pip install {' '.join(chosen.requires)}",
        f"    {examples[chosen.method]}", "",
        "`python inference.py --help` lists the options. The script uses a GPU where torch finds one.",
    ]  # fmt: skip


def _files(chosen: Chosen, facts: Mapping[str, Any]) -> list[str]:
    """Return the section on the files."""
    places = [f"`{place}/`" if place else "here" for place in chosen.stages]
    lines = [
        "## Files", "",
        f"- `model.safetensors` and `model.json` ({', '.join(places)}): weights, and the sizes of the network",
        "- `config.json`: what the model is, and the SHA-256 of its weights",
        "- `network/`: the code of the networks, the part of Tessitura that this model needs; it opens no pickle",
        "- `inference.py`: uses both",
        "- `SHA256SUMS`: `sha256sum --check SHA256SUMS` names files that were damaged since",
        *(f"- `onnx/{name}`: {escape_markdown(meaning)}" for name, meaning in facts["onnx"].items()),
    ]  # fmt: skip
    if facts["left_out"]:
        lines += ["", "Not there as ONNX:", ""]
        lines += [f"- {escape_markdown(name)}: {escape_markdown(why)}" for name, why in facts["left_out"].items()]
    return lines


def _origin(config: Mapping[str, Any]) -> list[str]:
    """Return the section on where the model comes from."""
    promoted = "the champion: it passed every required check on validation data" if config["champion"] else "the newest"
    return [
        "## Origin", "",
        f"Trained by Tessitura with the preset {escape_markdown(config['preset'])} at commit "
        f"{escape_markdown(config['commit'])}; exported by commit {escape_markdown(config['exported_by'])}. "
        f"Among the models there it was {promoted}.",
    ]  # fmt: skip


def _terms() -> list[str]:
    """Return the section on the licence."""
    from data.musdb import dataset as musdb
    from data.nsynth import dataset as nsynth

    return ["## Licence", "", _TERMS.format(nsynth=nsynth.LICENCE, musdb=musdb.LICENCE)]
