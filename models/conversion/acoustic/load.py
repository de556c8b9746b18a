"""Loads acoustic models, and predicts mel spectrograms of recordings of any length.

Shapes: M content frames at 25 Hz, N = 4·M melody frames at 100 Hz.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from data.errors import InputError
from models.conversion.acoustic.config import AcousticConfig
from models.conversion.acoustic.inputs import Inputs, make_inputs
from models.conversion.acoustic.network import AcousticNetwork
from models.conversion.acoustic.normalisation import Moments
from models.conversion.frames import CONTENT
from models.conversion.key import Range
from models.conversion.melody.load import Melody
from models.training.checkpoint import load

_CORE = 2000  # melody frames of a piece of a long recording, 20 s


@dataclass(frozen=True)
class Acoustic:
    """A trained acoustic model.

    Attributes:
        network: its network, in evaluation mode.
        singers: names of the singers that it can sing as.
        target: name of the target singer.
        device: device it computes on.
        ranges: range of each singer, as far as it is known.
    """

    network: AcousticNetwork
    singers: tuple[str, ...]
    target: str
    device: torch.device
    ranges: Mapping[str, Range] = field(default_factory=dict)

    def range(self, singer: str = "") -> Range | None:
        """Return the range of a singer in the training; None if too few frames were voiced to know it.

        Args:
            singer: one of `singers`; "" for the target singer.

        Raises:
            InputError: the singer is not known.
        """
        return self.ranges.get(self._known(singer))

    def _known(self, singer: str) -> str:
        """Return the name of a singer, that of the target singer for "".

        Raises:
            InputError: the singer is not known.
        """
        name = singer or self.target
        if name not in self.singers:
            raise InputError(
                f"singer {name!r}: the acoustic model does not know it; it knows {', '.join(self.singers)}"
            )
        return name

    @torch.no_grad()
    def mel(self, content: np.ndarray, melody: Melody, shift_semitones: float | None, singer: str = "") -> np.ndarray:
        """Return the mel spectrogram of a recording, sung by the target singer or by another one that is known.

        A long recording is worked on in pieces of 20 s with margins; the result is that of the whole recording at
        once, but for rounding.

        Args:
            content: content features of the recording, (M, 256).
            melody: its melody, with 4·M frames; its features may be empty, (4·M, 0), where the model does not use them.
            shift_semitones: shift of the pitch; None leaves the key to the model.
            singer: one of `singers`; "" for the target singer.

        Returns:
            (4·M, 80) float32, natural logarithm of the magnitude (`models.conversion.mel`).

        Raises:
            InputError: the singer is not known, or content and melody do not have the same length.

        Example:
            >>> acoustic.mel(content, melody, 0.0).shape
            (644, 80)
        """
        name = self._known(singer)
        if len(content) == 0 or len(melody.pitch) != CONTENT * len(content):
            raise InputError(
                f"{len(content)} content frames and {len(melody.pitch)} melody frames: four melody frames are needed "
                "for each content frame, and at least one content frame"
            )
        inputs = make_inputs(content, melody, shift_semitones, self.device)
        number = torch.tensor([self.singers.index(name)], device=self.device)
        return self._pieces(inputs, number).cpu().numpy()

    def _pieces(self, inputs: Inputs, singer: Tensor) -> Tensor:
        """Return the mel spectrogram, (N, 80), made in pieces: first the melody embedding, then the rest."""
        network, count = self.network, inputs.f0.shape[1]
        margin = CONTENT * -(-network.margin // CONTENT)
        bounds = [
            (max(0, start - margin), start, min(count, start + _CORE), min(count, start + _CORE + margin))
            for start in range(0, count, _CORE)
        ]
        hidden = []
        for first, start, stop, last in bounds:
            hidden.append(network.hide(inputs.frames(first, last))[:, start - first : stop - first])
        whole = torch.cat(hidden, 1)
        embedding = network.norm(whole, Moments.of(whole, inputs.inside), singer)
        found = []
        for first, start, stop, last in bounds:
            mel = network.sing(inputs.frames(first, last), embedding[:, first:last], singer)
            found.append(mel[0, start - first : stop - first].float())
        return torch.cat(found)


def load_acoustic(folder: Path, device: torch.device) -> Acoustic:
    """Load an acoustic model, for inference, from the folder of `train_acoustic`.

    Raises:
        InputError: a file is missing or damaged, or the model is of a version that did not keep the singers' ranges.

    Example:
        >>> acoustic = load_acoustic(Path("acoustic"), torch.device("cpu"))
        >>> acoustic.target
        'yifen'
    """
    checkpoint = load(folder / "model")
    if "ranges" not in checkpoint.metadata:
        raise InputError(f"{folder}: an acoustic model of an earlier version, without ranges of singers; train it anew")
    singers = tuple(checkpoint.metadata["singers"])
    ranges = {singer: Range(*one) for singer, one in checkpoint.metadata["ranges"].items()}
    network = AcousticNetwork(AcousticConfig(**checkpoint.metadata["acoustic"]), len(singers))
    prefix = "network."
    tensors = {name.removeprefix(prefix): one for name, one in checkpoint.tensors.items() if name.startswith(prefix)}
    network.load_state_dict(tensors)
    network = network.to(device).eval().requires_grad_(False)
    return Acoustic(network, singers, checkpoint.metadata["target"], device, ranges)
