"""Plans a listening test: which sounds are compared in which trials, in which order for which listener.

The order is balanced over forms. A form is the list of trials of one listener, in order, each with its sounds in order.
Forms come in pairs: the second has all trials, and the sounds within each, in the opposite order. So over a pair every
trial stands in the middle on average, and every system is as often the first sound as the last. A listener gets one of
the forms at random.

Sounds and trials are named by ids that tell nothing about what they are: a keyed hash of their place in the test, whose
key is made from the sounds before they were levelled, which nobody who takes the test has.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np

from eval.listening.design import Check, Design, Item, Plan, Sound, Trial
from eval.listening.kinds import ANCHORS, KINDS, RECORDING, Kind
from eval.listening.stimuli import Levelled, anchors, damaged, equally_loud, excerpt, faded

_MOST_SYSTEMS = 12  # in a trial of all systems; BS.1534 asks for no more than 12 sounds
_CLEAR, _MIDDLE = 0.0, 15.0  # ratio of sound to noise in dB of a damage that nobody misses, and of one that is milder


class NoTest(ValueError):
    """No test of this kind can be made of these items; the text says of how many systems and items."""


@dataclass
class _Maker:
    """Collects sounds and trials under ids that tell nothing."""

    kind: Kind
    design: Design
    sample_rate: int
    key: bytes
    sounds: dict[str, Sound] = field(default_factory=dict)
    waves: dict[str, np.ndarray] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """Largest number of samples of a sound."""
        return round(self.design.seconds * self.sample_rate)

    def cut(self, wave: np.ndarray) -> np.ndarray:
        """Return the stretch of a sound with the highest energy, (T, K), not longer than `length`."""
        return excerpt({"": wave}, wave, self.length)[""]

    def ready(self, waves: Mapping[str, np.ndarray]) -> dict[str, Levelled]:
        """Return sounds that are compared with each other, faded and equally loud."""
        return equally_loud({name: faded(one, self.sample_rate) for name, one in waves.items()}, self.sample_rate)

    def name(self, *place: str) -> str:
        """Return the id of a place in the test."""
        return hmac.new(self.key, "\0".join(place).encode(), "sha256").hexdigest()[:12]

    def sound(self, item: str, system: str, role: str, levelled: Levelled) -> str:
        """Take a sound into the test and return its id."""
        name = self.name("sound", item, system, role)
        seconds = len(levelled.wave) / self.sample_rate
        self.sounds[name] = Sound(item, system, role, round(levelled.gain, 2), round(seconds, 4))
        self.waves[name] = levelled.wave
        return name

    def trial(self, trial: Trial) -> str:
        """Take a trial into the test, its sounds in the order of their ids, and return its id."""
        trial = replace(trial, sounds=tuple(sorted(trial.sounds)))
        name = self.name("trial", trial.reference, *trial.sounds)
        self.trials[name] = trial
        return name


def plan_test(
    items: Sequence[Item], design: Design, sample_rate: int, subject: str, provenance: Mapping[str, str]
) -> tuple[Plan, dict[str, np.ndarray]]:
    """Plan a listening test and prepare its sounds.

    Args:
        items: the items, at least one, each with the same systems.
        design: the settings.
        sample_rate: sample rate of all sounds in Hz.
        subject: system of the project that is judged.
        provenance: where models and data come from, as text by name.

    Returns:
        The plan, and the sounds by id, float32, (T, K). The sounds of the training page have the ids "training-1" to
        "training-3"; they are not in the plan.

    Raises:
        NoTest: there is no item, or too few or too many systems for this kind of test.

    Example:
        >>> plan, waves = plan_test(items, Design("mos"), 16_000, "synthesis", {})
    """
    kind = KINDS[design.kind]
    systems = [one for one in items[0].sounds if not (kind.referenced and one == RECORDING)] if items else []
    least, most = 2 if kind.name == "ab" else 1, _MOST_SYSTEMS if kind.compared == 0 else len(systems)
    if not least <= len(systems) <= most:
        raise NoTest(f"a test {kind.name} of {len(systems)} systems and {len(items)} items")
    maker = _Maker(kind, design, sample_rate, _secret(items, design))
    made = [_trials_of(maker, item, systems) for item in items]
    checks = [] if kind.compared == 0 else [_check(maker, one) for one in items[: design.checks]]
    forms = _forms(maker, made, checks)
    test = maker.name("test", kind.name, *sorted(maker.sounds))
    # Sorted, so that not even the order in which they were made tells what they are.
    sounds, trials = dict(sorted(maker.sounds.items())), dict(sorted(maker.trials.items()))
    plan = Plan(test, kind.name, subject, sample_rate, sounds, trials, forms, dict(provenance))
    return plan, {**dict(sorted(maker.waves.items())), **_training(maker, items[0])}


def _secret(items: Sequence[Item], design: Design) -> bytes:
    """Return the key of the ids, made from all sounds as they were before they were levelled."""
    digest = hashlib.sha256(repr(design).encode())
    for item in items:
        for name, wave in [*item.sounds.items(), ("", item.reference)]:
            digest.update(f"{item.name}\0{name}".encode() + np.ascontiguousarray(wave, np.float32).tobytes())
    return digest.digest()


def _prepared(maker: _Maker, item: Item) -> dict[str, Levelled]:
    """Return the sounds of an item, cut, faded and equally loud; the open reference is "", anchors have their names.

    All are cut at the same place, where the reference has the most energy. Only the reference of a test of similarity
    is another sound than those beside it, and is cut for itself.
    """
    if maker.kind.name == "smos":
        first = next(iter(item.sounds.values()))
        cut = {"": maker.cut(item.reference), **excerpt(item.sounds, first, maker.length)}
    else:
        cut = excerpt({"": item.reference, **item.sounds}, item.reference, maker.length)
    low = anchors(cut[""], maker.sample_rate) if maker.kind.compared == 0 else {}
    return maker.ready({**cut, **low})


def _trials_of(maker: _Maker, item: Item, systems: Sequence[str]) -> list[str]:
    """Make the trials of an item and return their ids."""
    kind = maker.kind
    ready = _prepared(maker, item)
    if not kind.referenced:
        return [maker.trial(Trial("", (maker.sound(item.name, one, "system", ready[one]),))) for one in systems]
    reference = maker.sound(item.name, "", "reference", ready[""])
    named = {one: maker.sound(item.name, one, "system", ready[one]) for one in systems}
    if kind.compared == 1:
        return [maker.trial(Trial(reference, (named[one],))) for one in systems]
    if kind.name == "ab":
        return [maker.trial(Trial(reference, (named[one], named[two]))) for one, two in combinations(systems, 2)]
    hidden = maker.sound(item.name, RECORDING, "hidden", ready[""])
    if kind.name == "abx":
        return [maker.trial(Trial(reference, (hidden, named[one]))) for one in systems]
    low = [maker.sound(item.name, one, "anchor", ready[one]) for one in ANCHORS if one in ready]
    return [maker.trial(Trial(reference, (hidden, *low, *named.values())))]


def _check(maker: _Maker, item: Item) -> str:
    """Make an attention check of an item and return the id of its trial.

    Without a reference a badly damaged sound must be rated 2 at most. With a reference the reference itself must be
    rated 4 at least, or be chosen beside a badly damaged one.
    """
    kind = maker.kind
    good = maker.cut(item.reference if kind.referenced else item.sounds.get(RECORDING, item.reference))
    ready = maker.ready({"": good, "bad": damaged(good, _CLEAR, maker.design.seed)})
    if not kind.referenced:
        bad = maker.sound(item.name, "damaged", "check", ready["bad"])
        return maker.trial(Trial("", (bad,), Check(bad, kind.low, 2)))
    reference = maker.sound(item.name, "reference", "check", ready[""])
    same = maker.sound(item.name, "the same", "check", ready[""])
    if kind.compared == 1:
        return maker.trial(Trial(reference, (same,), Check(same, 4, kind.high)))
    bad = maker.sound(item.name, "damaged", "check", ready["bad"])
    return maker.trial(Trial(reference, (same, bad), Check(same, 1, 1)))


def _training(maker: _Maker, item: Item) -> dict[str, np.ndarray]:
    """Return the sounds of the training page: a reference, the same with some noise, and with much."""
    good = maker.cut(item.reference)
    levels = (good, damaged(good, _MIDDLE, maker.design.seed), damaged(good, _CLEAR, maker.design.seed))
    ready = maker.ready({f"training-{place}": one for place, one in enumerate(levels, 1)})
    return {name: one.wave for name, one in ready.items()}


def _forms(
    maker: _Maker, made: Sequence[Sequence[str]], checks: Sequence[str]
) -> list[list[tuple[str, tuple[str, ...]]]]:
    """Return the forms in pairs of opposite orders; of many trials each pair has a part, by items."""
    design, draw = maker.design, np.random.default_rng(maker.design.seed)
    parts = min(len(made), max(1, -(-sum(map(len, made)) // design.most_trials)))
    pairs = -(-design.pairs // parts) * parts  # each part in equally many pairs
    forms = []
    for pair in range(pairs):
        drawn = _spread([trials for place, trials in enumerate(made) if place % parts == pair % parts], draw)
        for number, check in enumerate(checks):
            drawn.insert(round((number + 1) * len(drawn) / (len(checks) + 1)), check)
        sounds = [tuple(map(str, draw.permutation(maker.trials[one].sounds))) for one in drawn]
        form = list(zip(drawn, sounds, strict=True))
        forms += [form, [(trial, tuple(reversed(one))) for trial, one in reversed(form)]]
    return forms


def _spread(made: Sequence[Sequence[str]], draw: np.random.Generator) -> list[str]:
    """Return all trials in a random order in which those of an item lie as far apart as they can: round after round."""
    shuffled = [draw.permutation(list(one)).tolist() for one in made]
    order, found = draw.permutation(len(made)), []
    for place in range(max(map(len, made), default=0)):
        found += [shuffled[item][place] for item in order if place < len(shuffled[item])]
    return found
