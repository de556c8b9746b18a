"""The one function of torchaudio that the networks use, written with torch alone."""

import math

import torch
from torch import Tensor

_SLANEY_STEP = 200 / 3  # Hz per mel below 1 kHz
_SLANEY_LOG = math.log(6.4) / 27  # of the ratio of frequencies, per mel above


def _to_mel(hertz: float, scale: str) -> float:
    if scale == "htk":
        return 2595.0 * math.log10(1 + hertz / 700)
    linear = hertz / _SLANEY_STEP
    return linear if hertz < 1000 else 1000 / _SLANEY_STEP + math.log(hertz / 1000) / _SLANEY_LOG


def _to_hertz(mels: Tensor, scale: str) -> Tensor:
    if scale == "htk":
        return 700 * (10 ** (mels / 2595) - 1)
    middle = 1000 / _SLANEY_STEP
    return torch.where(mels >= middle, 1000 * torch.exp(_SLANEY_LOG * (mels - middle)), _SLANEY_STEP * mels)


class functional:  # noqa: N801 (torchaudio calls its module so)
    """Holds the function under the name that torchaudio gives it."""

    @staticmethod
    def melscale_fbanks(
        n_freqs: int,
        f_min: float,
        f_max: float,
        n_mels: int,
        sample_rate: int,
        norm: str | None = None,
        mel_scale: str = "htk",
    ) -> Tensor:
        """Return triangular filters on a mel scale, (n_freqs, n_mels) float32.

        Args:
            n_freqs: number of frequencies, evenly spaced from 0 to half the sample rate.
            f_min: frequency of the lowest edge in Hz.
            f_max: frequency of the highest edge in Hz.
            n_mels: number of filters.
            sample_rate: sample rate in Hz.
            norm: "slaney" for filters of equal area, None for filters of height 1.
            mel_scale: "htk" or "slaney".
        """
        frequencies = torch.linspace(0, sample_rate // 2, n_freqs)
        edges = _to_hertz(
            torch.linspace(_to_mel(f_min, mel_scale), _to_mel(f_max, mel_scale), n_mels + 2), mel_scale
        )  # (n_mels + 2,)
        distance = edges - frequencies[:, None]  # (n_freqs, n_mels + 2)
        width = edges.diff()
        rising, falling = -distance[:, :-2] / width[:-1], distance[:, 2:] / width[1:]
        filters = torch.minimum(rising, falling).clamp(min=0)
        return filters * (2 / (edges[2:] - edges[:-2])) if norm == "slaney" else filters
