"""Writes the page of a listening test: one HTML file that holds its sounds and needs no network.

The page runs from a file or from any web server, by mouse, touch, keyboard and screen reader. It plays sounds at their
own sample rate, switches between the sounds of a trial at the same position without a gap, saves the answers in the
browser after each trial, and gives one file of results at the end. It knows ids only, not what they stand for.
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.errors import InputError
from data.files.audio import encode, to_pcm16
from data.files.durable import write_bytes
from eval.listening.design import Plan
from eval.listening.kinds import KINDS
from eval.report.inline import inline_page

_TEMPLATES = Path(__file__).parent / "templates"
_LARGEST = 200_000_000  # bytes of a page; browsers of phones give up on larger ones
_TRAINING = ("very good", "in between", "very bad")


def write_page(path: Path, plan: Plan, waves: Mapping[str, np.ndarray]) -> int:
    """Write the page of a listening test.

    Args:
        path: the file.
        plan: the plan.
        waves: the sounds by id, float32, (T, K), with those of the training page (`plan.plan_test`).

    Returns:
        Size of the page in bytes.

    Raises:
        InputError: the page would be larger than 200 MB.

    Example:
        >>> write_page(Path("index.html"), *plan_test(items, Design("mos"), 16_000, "synthesis", {}))
    """
    sounds = {name: base64.b64encode(_flac(wave, plan.sample_rate)).decode() for name, wave in waves.items()}
    page = inline_page(
        _TEMPLATES, "listen", media="media-src 'none'", kind=KINDS[plan.kind], plan=_public(plan), sounds=sounds
    ).encode()
    if len(page) > _LARGEST:
        raise InputError(
            f"{path.name}: the page would have {len(page) / 1e6:.0f} MB; take fewer items or shorter sounds"
        )
    write_bytes(path, page)
    return len(page)


def _flac(wave: np.ndarray, sample_rate: int) -> bytes:
    return encode(to_pcm16(wave), sample_rate, "FLAC")


def _public(plan: Plan) -> str:
    """Return what the page may know of a plan, as JSON text that can stand in a script element."""
    kind = KINDS[plan.kind]
    known: dict[str, Any] = {
        "schema": plan.schema,
        "test": plan.test,
        "kind": plan.kind,
        "low": kind.low,
        "high": kind.high,
        "labels": kind.labels,
        "compared": kind.compared,
        "rate": plan.sample_rate,
        "references": {name: one.reference for name, one in plan.trials.items()},
        "forms": plan.forms,
        "training": [[f"training-{place}", told] for place, told in enumerate(_TRAINING, 1)],
    }
    return json.dumps(known, separators=(",", ":")).replace("<", "\\u003c")
