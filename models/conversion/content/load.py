"""Loads a content network from its folder, and computes the content of recordings of any length.

Shapes: T samples, M = `content_frames(T)` content frames at 25 Hz.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from data.errors import InputError
from models.conversion.content.centre import centred
from models.conversion.content.config import FEATURES, RecogniserConfig
from models.conversion.content.recogniser import Recogniser
from models.conversion.content.whisper import PublishedNetwork
from models.conversion.frames import CONTENT, HOP, LEAST, content_frames
from models.conversion.melody.load import load_encoder
from models.training.checkpoint import load

_CORE = 500  # content frames of a piece of a long recording, 20 s
_STRIDE = CONTENT * HOP  # samples per content frame


@dataclass(frozen=True)
class Content:
    """A trained content network.

    Attributes:
        network: its network, in evaluation mode.
        device: device it computes on.
        name: what its features come from: "recogniser", or the name and the layer of a published encoder.
        centred: whether the local mean of the features is taken away.
    """

    network: Recogniser | PublishedNetwork
    device: torch.device
    name: str = "recogniser"
    centred: bool = False

    @torch.no_grad()
    def frames(self, wave: np.ndarray) -> np.ndarray:
        """Return the content features of a recording of any length, in memory that its length hardly changes.

        A long recording is worked on in pieces of 20 s with margins. With the project's own recogniser the result is
        that of the whole recording at once, but for rounding; a published encoder attends to its piece alone.

        Args:
            wave: (T,) float32, full scale [-1, 1], 16 kHz mono.

        Returns:
            (M, 256) float32; frame m covers the samples 640·m to 640·m + 1359. M is 0 below 1360 samples.

        Raises:
            InputError: the wave is not one-dimensional.

        Example:
            >>> content.frames(np.zeros(48_000, np.float32)).shape
            (73, 256)
        """
        if wave.ndim != 1:
            raise InputError(f"a wave of shape {wave.shape}: one channel is needed")
        count, found = content_frames(len(wave)), [np.zeros((0, FEATURES), np.float32)]
        for first in range(0, count, _CORE):
            begin, last = max(0, first - self.network.reach), min(count, first + _CORE)
            end = min(count, last + self.network.reach)
            piece = np.ascontiguousarray(wave[_STRIDE * begin : _STRIDE * (end - 1) + LEAST], np.float32)
            features = self.network.features(torch.from_numpy(piece)[None].to(self.device))[0]
            found.append(features[first - begin : last - begin].float().cpu().numpy())
        whole = np.concatenate(found)
        return centred(torch.from_numpy(whole)[None])[0].numpy() if self.centred else whole

    def covering(self, wave: np.ndarray) -> np.ndarray:
        """Return content features that cover all of a recording, (ceil(T / 640), 256): its end is filled with silence.

        Args:
            wave: (T,) float32, full scale [-1, 1], 16 kHz mono.

        Raises:
            InputError: the wave is not one-dimensional.
        """
        count = -(-len(wave) // _STRIDE)
        return self.frames(np.pad(wave, (0, max(0, LEAST + (count - 1) * _STRIDE - len(wave)))))[:count]


def load_content(folder: Path, device: torch.device) -> Content:
    """Load a content network, for inference, from the folder of `train_recogniser` or `write_published_content`.

    Raises:
        InputError: a file is missing or damaged, or a published encoder needs the package transformers.

    Example:
        >>> content = load_content(Path("content"), torch.device("cpu"))
        >>> content.frames(wave)
    """
    checkpoint = load(folder / "model")
    described, name = checkpoint.metadata["content"], "recogniser"
    if described["kind"] == "recogniser":
        network = Recogniser(RecogniserConfig(**described["recogniser"]), described["units"])
        network.load_state_dict(checkpoint.tensors)
        removed = network.config.centred
    else:
        network = PublishedNetwork(load_encoder(folder, torch.device("cpu")), described["layer"])
        network.load_state_dict(checkpoint.tensors)
        encoder, removed = checkpoint.metadata["encoder"], described["centred"]
        name = f"{encoder.get('name', encoder['kind'])} layer {described['layer'] % network.encoder.layers}"
    return Content(network.to(device).eval().requires_grad_(False), device, name, removed)
