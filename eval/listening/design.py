"""What a listening test consists of: items, settings, sounds, trials, forms.

Shapes: T samples, K channels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

SCHEMA = 1  # version of key.json


@dataclass(frozen=True)
class Item:
    """What is compared: a note, a song or a clip.

    Attributes:
        name: its name.
        sounds: float32, (T, K), by name of the system; `RECORDING` is the recorded sound, if it is rated too.
        reference: the sound that listeners compare with, (T, K). It need not be as long as the others.
    """

    name: str
    sounds: Mapping[str, np.ndarray]
    reference: np.ndarray


@dataclass(frozen=True)
class Design:
    """Settings of a listening test.

    Attributes:
        kind: one of `kinds.KINDS`.
        seconds: longest sound in seconds.
        most_trials: largest number of trials of a listener, without checks; items are shared out over the listeners
            where there are more.
        checks: number of attention checks of a listener; a test with a hidden reference (`mushra`) has none.
        pairs: number of pairs of forms.
        seed: seed of the orders.
    """

    kind: str
    seconds: float = 8.0
    most_trials: int = 60
    checks: int = 2
    pairs: int = 6
    seed: int = 0


@dataclass(frozen=True)
class Sound:
    """A sound of a test, as its key tells.

    Attributes:
        item: name of the item.
        system: name of the system, "" for the open reference.
        role: "system", "reference" (open), "hidden" (hidden reference), "anchor" or "check".
        gain: gain that was applied, in dB.
        seconds: length in seconds.
    """

    item: str
    system: str
    role: str
    gain: float
    seconds: float


@dataclass(frozen=True)
class Check:
    """The right answer of an attention check: the rating of a sound lies within bounds."""

    sound: str
    least: float
    most: float


@dataclass(frozen=True)
class Trial:
    """A trial: the id of the open reference, "" for none, and the ids of the sounds that are rated.

    Attributes:
        reference: id of the sound that is played openly; "" for none.
        sounds: ids of the sounds that are rated.
        check: the right answer, if the trial is an attention check.
    """

    reference: str
    sounds: tuple[str, ...]
    check: Check | None = None


@dataclass(frozen=True)
class Plan:
    """A listening test without its sounds: what `key.json` holds. It is not for listeners.

    Attributes:
        test: id of the test.
        kind: one of `kinds.KINDS`.
        subject: system of the project that is judged, such as "separation".
        sample_rate: in Hz.
        sounds: every sound by its id.
        trials: every trial by its id.
        forms: for each form the ids of the trials in order, each with the ids of its sounds in order.
        provenance: where models and data come from, as text by name.
        schema: version of the format.
    """

    test: str
    kind: str
    subject: str
    sample_rate: int
    sounds: Mapping[str, Sound]
    trials: Mapping[str, Trial]
    forms: Sequence[Sequence[tuple[str, tuple[str, ...]]]]
    provenance: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def as_json(self) -> dict[str, Any]:
        """Return the plan as JSON values."""
        return asdict(self)
