"""Finds F0 in a mel spectrogram, for the source-filter arm where no F0 is given.

A network of ConvNeXt blocks gives each frame a probability of being voiced and one score per class of 25 cents. F0
is the mean of the classes around the highest score. Recordings are not needed: the mel bands below 1 kHz are 37 Hz
apart, so that they resolve the harmonics of a voice.

Shapes: B batch, N mel frames, C classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.conversion.mel import BANDS
from models.conversion.vocoder.config import PulsesConfig
from models.conversion.vocoder.convnext import ConvNext

CENTS = 25.0  # width of a class
_NEAR = 2  # classes on either side of the highest that are averaged


class PitchNetwork(nn.Module):
    """Scores of F0 classes and of voicing, from mel spectrograms.

    Attributes:
        reach: number of frames on either side that a frame of the result depends on.

    Example:
        >>> PitchNetwork(PulsesConfig()).f0(torch.zeros(1, 50, 80)).shape
        torch.Size([1, 50])
    """

    def __init__(self, config: PulsesConfig) -> None:
        super().__init__()
        self.stack = ConvNext(BANDS, config.pitch)
        self.head = nn.Linear(config.pitch.channels, config.bins + 1)
        self.lowest, self.bins, self.reach = config.lowest, config.bins, self.stack.reach

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores of the classes (B, N, C) and of voicing (B, N) of mel spectrograms (B, N, 80)."""
        scores = self.head(self.stack(mel / 4 + 1))
        return scores[..., :-1], scores[..., -1]

    def f0(self, mel: Tensor) -> Tensor:
        """Return F0 in Hz, (B, N) float32, 0 where unvoiced, of mel spectrograms (B, N, 80)."""
        scores, voicing = self(mel)
        numbers = torch.arange(self.bins, device=mel.device)
        best = scores.argmax(-1, keepdim=True)
        near = scores.masked_fill((numbers - best).abs() > _NEAR, -torch.inf).softmax(-1)
        octaves = (near * numbers).sum(-1) * (CENTS / 1200)
        return torch.where(voicing > 0, self.lowest * torch.exp2(octaves), torch.zeros_like(octaves))

    def loss(self, mel: Tensor, f0: Tensor) -> Tensor:
        """Return cross-entropy of the classes on voiced frames plus that of voicing, a scalar.

        The wanted class is spread over its neighbours as a normal distribution of one class.

        Args:
            mel: mel spectrograms, (B, N, 80).
            f0: true F0 in Hz, 0 where unvoiced, (B, N).
        """
        scores, voicing = self(mel)
        place = (f0.clamp(min=self.lowest) / self.lowest).log2() * (1200 / CENTS)
        numbers = torch.arange(self.bins, device=mel.device)
        wanted = (-0.5 * (numbers - place[..., None]).square()).softmax(-1)
        voiced = (f0 > 0).float()
        entropy = -(wanted * scores.log_softmax(-1)).sum(-1)
        classes = (entropy * voiced).sum() / voiced.sum().clamp(min=1)
        return classes + functional.binary_cross_entropy_with_logits(voicing, voiced)
