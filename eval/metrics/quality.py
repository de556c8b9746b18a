"""Speech quality: a network that predicts what listeners would say of a recording, without a reference.

The network is DistillMOS (Stahl and Gamper, ICASSP 2025, arXiv 2502.05356), written anew, with the published weights of
the package distillmos 0.9.1 (MIT), given as a file. Six convolutions read the spectrogram (20 ms every 10 ms), of which
the magnitudes are compressed to their power 0.3 and the phases kept; a transformer of seven layers follows, and its
frames are averaged by weights that depend on them. A recording is heard in pieces of 7.68 s, which overlap, at full
scale each; the result is the mean over pieces. On 9 recordings of 1 to 20 s it equals that of the package to 1e-6.

It was trained on speech that was coded, processed or sent over lines, never on singing: differences between systems
that sing the same mean something, the scale of 1 to 5 does not.

Shapes: T samples, N frames of the spectrogram, C channels.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from data.errors import InputError
from data.files.weights import read_tensors

METRICS = {"speech_quality": "mean opinion score, 1 to 5, predicted by a network trained on speech, not on singing"}
RATE = 16_000
DISTILLMOS_SHA256 = "b18b3ac60227267cfb91e5d00ce22cc7b73716fd92f269484da1446e27031a40"  # of distillmos 0.9.1
WEIGHTS = "distill_mos_v7.pt"
_PIECE, _STEP = 122_880, 16_000  # samples of a piece, and at most between the starts of two pieces
_SIZE, _HOP = 320, 160
_CHANNELS = (64, 64, 128, 256, 256, 256)  # after each convolution
_FEATURES, _WIDTH, _FRAMES = 1024, 200, 384  # values of a frame before and in the transformer, frames of a piece
# Beginnings of names in the published file, and ours.
_NAMES = {
    "cnn.cnn.": "convolutions.",
    "transformer_pool_attn.norm_input.": "norms.0.",
    "transformer_pool_attn.transformer.norm.": "norms.1.",
    "transformer_pool_attn.transformer.position_encoding.pe": "positions",
    "transformer_pool_attn.transformer.linear_proj.": "project.",
    "transformer_pool_attn.transformer.transformer_encoder.": "transformer.",
    "transformer_pool_attn.norm_trans.": "last_norm.",
    "transformer_pool_attn.pool.linear1.": "attention.0.",
    "transformer_pool_attn.pool.linear2.": "attention.2.",
    "transformer_pool_attn.pool.linear3.": "judge.",
}


@dataclass(frozen=True)
class QualityPredictor:
    """A predictor of quality.

    Attributes:
        name: what it is; stored with every score.
        predict: function from a voice, float32, (T,), 16 kHz, to its mean opinion score, 1 to 5; NaN for silence.
    """

    name: str
    predict: Callable[[np.ndarray], float]


def load_quality_predictor(path: Path, *, verify: bool = True) -> QualityPredictor:
    """Return the predictor with the weights in a file.

    Args:
        path: `distill_mos_v7.pt` of the package distillmos, or a folder that holds it.
        verify: whether the SHA-256 of the file must be that of distillmos 0.9.1.

    Raises:
        InputError: the file is missing, damaged, or not the expected one.

    Example:
        >>> load_quality_predictor(Path("distill_mos_v7.pt")).predict(voice)
        3.52
    """
    path = path / WEIGHTS if path.is_dir() else path
    tensors = read_tensors(path, "model", DISTILLMOS_SHA256 if verify else None)
    network = DistillMOS()
    try:
        network.load_state_dict({_ours(name): one for name, one in tensors.items()})
    except RuntimeError as error:
        message = " ".join(str(error).split())
        raise InputError(f"{path}: weights of another network ({message:.200}); fetch {WEIGHTS} again") from error
    network.eval().requires_grad_(False)
    return QualityPredictor("DistillMOS 0.9.1" if verify else "DistillMOS", network.predict)


class DistillMOS(nn.Module):
    """The network of DistillMOS."""

    positions: Tensor

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number, (before, after) in enumerate(zip((2, *_CHANNELS[:-1]), _CHANNELS, strict=True)):
            stride = (1 if number == 0 else 2, 2 if number == len(_CHANNELS) - 1 else 1)
            layers += [nn.Conv2d(before, after, 3, stride=stride, padding=(0, 1)), nn.LeakyReLU(0.1)]
        self.convolutions = nn.Sequential(*layers)
        self.norms = nn.Sequential(nn.BatchNorm1d(_FEATURES), nn.BatchNorm1d(_FEATURES))
        self.project = nn.Linear(_FEATURES, _WIDTH)
        self.register_buffer("positions", torch.zeros(1, _FRAMES, _WIDTH))  # published with the weights
        layer = nn.TransformerEncoderLayer(_WIDTH, 8, 2 * _WIDTH, dropout=0.0, batch_first=True)
        self.transformer = nn.TransformerEncoder(layer, 7, enable_nested_tensor=False)
        self.last_norm = nn.BatchNorm1d(_WIDTH)
        self.attention = nn.Sequential(nn.Linear(_WIDTH, 2 * _WIDTH), nn.ReLU(), nn.Linear(2 * _WIDTH, 1))
        self.judge = nn.Linear(_WIDTH, 1)

    def forward(self, wave: Tensor) -> Tensor:
        """Return the mean opinion score of a piece, float32, (122 880,): a number from 1 to 5, ()."""
        spectrum = compressed(wave / (wave.abs().max() + 1e-8))  # (2, 161, N)
        hidden = self.convolutions(spectrum[None]).flatten(1, 2)  # (1, C, 4, 384) -> (1, 4C, 384)
        hidden = self.project(self.norms(hidden).transpose(1, 2)) + self.positions  # (1, 384, 200)
        hidden = self.last_norm(self.transformer(hidden).transpose(1, 2)).transpose(1, 2)
        mean = (self.attention(hidden).softmax(1) * hidden).sum(1)  # (1, 200)
        return 1 + 4 * self.judge(mean).sigmoid()[0, 0]

    @torch.inference_mode()
    def predict(self, wave: np.ndarray) -> float:
        """Return the mean opinion score of a voice, 1 to 5; NaN for silence.

        Args:
            wave: float, (T,), 16 kHz. Shorter ones than 7.68 s are followed by silence.
        """
        if not np.any(wave):
            return float("nan")
        voice = functional.pad(torch.from_numpy(np.asarray(wave, np.float32)), (0, max(0, _PIECE - len(wave))))
        found = [float(self(voice[start : start + _PIECE])) for start in piece_starts(len(voice))]
        return float(np.mean(found))


def piece_starts(samples: int) -> list[int]:
    """Return the first sample of each piece of a recording, spread evenly, a second apart at most.

    Example:
        >>> piece_starts(10 * 16_000)
        [0, 12373, 24746, 37120]
    """
    rest = max(0, samples - _PIECE)
    return [int(share * rest) for share in np.linspace(0, 1, -(-rest // _STEP) + 1)]


def compressed(wave: Tensor) -> Tensor:
    """Return the spectrogram with compressed magnitudes: (T,) -> real and imaginary part, (2, 161, T / 160)."""
    beyond = (_SIZE - _HOP) // 2
    padded = functional.pad(wave[None], (beyond, beyond), mode="reflect")[0]
    window = torch.hann_window(_SIZE)
    spectrum = torch.stft(padded, _SIZE, _HOP, window=window, center=False, return_complex=True)
    parts = torch.view_as_real(spectrum).permute(2, 0, 1)  # (2, 161, N)
    magnitude = parts.square().sum(0).sqrt().clamp_min(1e-12)
    return magnitude**0.3 * parts / magnitude


def _ours(name: str) -> str:
    """Return our name of a published tensor; the name itself if it is not known."""
    for theirs, mine in _NAMES.items():
        if name.startswith(theirs):
            return mine + name.removeprefix(theirs)
    return name
