"""Crops of the training material of the acoustic model; each batch is a pure function of (seed, step).

Shapes: B batch, N melody frames of an example at 100 Hz, M = N / 4 content frames, E extracted features.
"""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError
from data.shards.loader import Batch, BatchPlan, epoch_order, read_ahead
from data.shards.reader import Shards
from models.conversion.acoustic.config import Examples
from models.conversion.acoustic.features import CLEAN, PARTS
from models.conversion.acoustic.inputs import FLOOR, Inputs
from models.conversion.frames import CONTENT
from models.conversion.key import Range, find_range
from models.conversion.mel import BANDS
from models.conversion.mel import FLOOR as SILENCE

_QUIET = float(np.log(SILENCE))


@dataclass(frozen=True)
class Take:
    """One clip of the material: index rows of the parts of each of its copies, the clean one first.

    Attributes:
        clip: id of the clip.
        singer: name of the singer.
        split: "train" or "valid".
        copies: index row by part, for each copy.
    """

    clip: str
    singer: str
    split: str
    copies: tuple[dict[str, int], ...]


class Material:
    """The material of the acoustic model.

    Attributes:
        shards: the records.
        singers: names of the training singers, sorted.
        takes: all clips, in the order of the index.
    """

    def __init__(self, folder: Path) -> None:
        """Open the folder of `write_features`.

        Raises:
            InputError: the shards are not finished or damaged.
        """
        self.shards = Shards(folder)
        rows: dict[str, dict[str, dict[str, int]]] = {}
        names = (self.shards.column(name) for name in ("clip", "copy", "part"))
        for row, (clip, copy, part) in enumerate(zip(*names, strict=True)):
            rows.setdefault(str(clip), {}).setdefault(str(copy), {})[str(part)] = row
        self.takes = [self._take(clip, copies) for clip, copies in rows.items()]
        self.singers = sorted({one.singer for one in self.takes if one.split == "train"})

    def _take(self, clip: str, copies: dict[str, dict[str, int]]) -> Take:
        row = copies[CLEAN]["mel"]
        singer, split = (str(self.shards.column(name)[row]) for name in ("singer", "split"))
        return Take(clip, singer, split, tuple(copies.values()))

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Numbers of features of the melody extractor and of the content."""
        parts = self.takes[0].copies[0]
        channels = self.shards.column("channels")
        return int(channels[parts["melody"]]) - 3, int(channels[parts["content"]])

    def target(self, name: str = "") -> str:
        """Return the name of the target singer, `name` if it is given.

        Raises:
            InputError: this singer has no training clip.
        """
        found = name or str(self.shards.metadata["target"])
        if found not in self.singers:
            raise InputError(
                f"{self.shards.folder}: no training clip of the target singer {found!r}; there are "
                f"{', '.join(self.singers)}"
            )
        return found

    def ranges(self) -> dict[str, Range]:
        """Return the range of each training singer, by the targets of their unaltered clips.

        A singer with fewer than 10 voiced frames has none.
        """
        found = {}
        for singer in self.singers:
            rows = [one.copies[0]["pitch"] for one in self.takes if (one.singer, one.split) == (singer, "train")]
            found[singer] = find_range(np.concatenate([self.shards.read(row)[:, 0] for row in rows]))
        return {singer: one for singer, one in found.items() if one is not None}

    def parts(self, rows: dict[str, int], start: int, count: int) -> dict[str, np.ndarray]:
        """Return `count` melody frames of a copy from `start` on (multiples of four), float32, by part."""
        found = {}
        for part in PARTS:
            cut = (start // CONTENT, count // CONTENT) if part == "content" else (start, count)
            found[part] = self.shards.segment(rows[part], *cut).astype(np.float32)
        return found

    def frames(self, rows: dict[str, int]) -> int:
        """Return the number of melody frames of a copy."""
        return int(self.shards.column("frames")[rows["mel"]])


def is_held_out(clip: str, share: float) -> bool:
    """Return whether a clip of the target singer is kept from training, which its id decides."""
    return int(hashlib.sha256(clip.encode()).hexdigest()[:8], 16) < share * 2**32


def divide(takes: list[Take], share: float) -> tuple[list[Take], list[Take]]:
    """Return the clips of the target singer that are trained on, and those held out, at least one where there are two.

    Example:
        >>> kept, held_out = divide(takes, 0.1)
    """
    held_out = [one for one in takes if is_held_out(one.clip, share)]
    if share and len(takes) > 1:
        held_out = held_out or [min(takes, key=lambda one: hashlib.sha256(one.clip.encode()).hexdigest())]
        held_out = held_out[: len(takes) - 1]
    kept = [one for one in takes if one not in held_out]
    return kept, held_out


class AcousticExamples:
    """Training batches: `Batch.values` is float32, (B, N, E + 82): extracted features, F0, energy, mel spectrogram.

    `Batch.labels` holds "content", (B, M, 256); "singer", the number of the singer, (B,); "target", whether it is the
    target singer, (B,); "known", 1 where the pitch is given and else 0, (B,); "inside", 1 for frames of the clip and 0
    for those after its end, (B, N).

    The order of clips depends on (seed, epoch), and all draws on (seed, step, number of the example). A clip counts
    once in an epoch for every N frames that it lasts; which of its copies is used is drawn.
    """

    def __init__(
        self, material: Material, target: str, plan: BatchPlan, settings: Examples, schedule: tuple[int, bool]
    ) -> None:
        """Find the clips.

        Args:
            material: the material.
            target: name of the target singer.
            plan: size of a batch, seed and share of this process.
            settings: how examples are chosen.
            schedule: number of all steps, and whether pitch and energy are always those of the targets and the
                extracted features are left out.
        """
        self._material, self._plan, self._settings = material, plan, settings
        (self._steps, self._plain), self._target = schedule, target
        train = [one for one in material.takes if one.split == "train"]
        own, _ = divide([one for one in train if one.singer == target], settings.held_out)
        others = [one for one in train if one.singer != target]
        self._lists = {True: self._repeated(own), False: self._repeated(others or own)}
        self._all = self._repeated(own + others)
        self._extracted = 0 if self._plain else material.sizes[0]

    def _repeated(self, takes: list[Take]) -> list[Take]:
        """Return each clip once for every N frames that it lasts, at least once."""
        frames = self._settings.frames
        return [one for one in takes for _ in range(max(1, round(self._material.frames(one.copies[0]) / frames)))]

    def load(self, step: int, out: np.ndarray | None = None) -> Batch:
        """Make batch `step`, in the buffer `out` if one is given."""
        values, frames = self._buffer() if out is None else out, self._settings.frames
        count = len(values)
        labels = {
            "content": np.zeros((count, frames // CONTENT, self._material.sizes[1]), np.float32),
            "singer": np.zeros(count, np.int64),
            "target": np.zeros(count, bool),
            "known": np.zeros(count, np.float32),
            "inside": np.zeros((count, frames), np.float32),
        }
        rows = np.zeros(count, np.int64)
        for place, number in enumerate(self._plan.numbers):
            take, draw = self._take(step, number), np.random.default_rng([self._plan.seed, step, number])
            copy = take.copies[int(draw.integers(len(take.copies)))]
            rows[place] = copy["mel"]
            labels["singer"][place] = self._material.singers.index(take.singer)
            labels["target"][place] = take.singer == self._target
            labels["known"][place] = draw.random() >= self._settings.free
            self._fill(copy, draw, values[place], (labels["content"][place], labels["inside"][place]))
        return Batch(step, rows, values, labels)

    def stream(self, start: int, stop: int, loaders: int = 1) -> AbstractContextManager[Iterator[Batch]]:
        """Context manager: an iterator over the batches of steps start to stop - 1, made ahead by threads."""
        return read_ahead(self.load, self._buffer, start, stop, loaders)

    def _buffer(self) -> np.ndarray:
        """Return an uninitialised buffer for one batch."""
        return np.empty((len(self._plan.numbers), self._settings.frames, self._extracted + 2 + BANDS), np.float32)

    def _take(self, step: int, number: int) -> Take:
        """Return the clip of an example: of the target singer or of another one, by the share at this step."""
        share, size = self._settings.share(step / self._steps), self._plan.size
        if share is None:
            takes, place = self._all, step * size + number
        else:
            before, after = int(number * share), int((number + 1) * share)
            own, each = after > before, int(size * share)
            takes = self._lists[own]
            place = step * each + before if own else step * (size - each) + number - before
        epoch, position = divmod(place, len(takes))
        return takes[int(epoch_order(len(takes), self._plan.seed, epoch)[position])]

    def _fill(
        self, rows: dict[str, int], draw: np.random.Generator, values: np.ndarray, more: tuple[np.ndarray, np.ndarray]
    ) -> None:
        """Fill one example; `more` is its content and its "inside"."""
        (content, inside), frames = more, self._settings.frames
        whole = self._material.frames(rows)
        count = min(whole, frames)
        start = CONTENT * int(draw.integers((whole - count) // CONTENT + 1))
        parts, extracted = self._material.parts(rows, start, count), self._extracted
        exact = self._plain or draw.random() < self._settings.exact
        melody, pitch = parts["melody"], parts["pitch"]
        values[:] = 0
        values[:, extracted + 1] = FLOOR
        values[:, extracted + 2 :] = _QUIET
        values[:count, :extracted] = melody[:, :extracted]
        f0 = pitch[:, 0] if exact else np.where(melody[:, -1] >= 0.5, melody[:, -3], 0)
        values[:count, extracted] = f0
        values[:count, extracted + 1] = pitch[:, 1] if self._plain else melody[:, -2]
        values[:count, extracted + 2 :] = parts["mel"]
        content[: count // CONTENT], inside[:count] = parts["content"], 1


def as_inputs(batch: Batch, device: torch.device) -> tuple[Inputs, Tensor]:
    """Return the inputs of a batch of `AcousticExamples` and its mel spectrograms, (B, N, 80), on the device."""
    values = torch.from_numpy(batch.values).to(device)
    content, known, inside = (
        torch.from_numpy(batch.labels[name]).to(device) for name in ("content", "known", "inside")
    )
    extracted, f0, energy = values[..., : -BANDS - 2], values[..., -BANDS - 2], values[..., -BANDS - 1]
    return Inputs(content, extracted, f0, energy, known, inside), values[..., -BANDS:]
