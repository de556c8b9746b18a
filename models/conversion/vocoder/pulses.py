"""The source-filter arm: pulses at F0 and noise, shaped by two filters that a network predicts for every frame.

    F0 ── pulse train ── filter ──┐
                                   + ── wave        (filters: minimum phase, predicted from mel and F0)
               noise ──── filter ──┘

The network does not have to learn pitch, only how strong harmonics and noise are at each frequency. A first estimate
is computed: the mel spectrogram minus that of the pulse train itself. The network adds a correction, and
the noise relative to it.

Filtering: pieces of 320 samples around each frame, cross-faded by a Hann window, are multiplied with the filter in an
FFT of 1024, and overlapped; the impulse response of a filter has the remaining 704 samples.

The sum is refined: its own mel spectrogram is compared with the given one, and a gain for each frequency and frame
makes up the difference. This copies the chance fluctuations of the noise, which no filter could foresee.

Shapes: B batch, N mel frames, T = 160·N samples, F = 513 frequencies.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from data.signal import in_float32
from models.conversion.frames import HOP
from models.conversion.mel import BANDS, FLOOR, N_FFT, filter_bank, log_mel
from models.conversion.vocoder.config import PulsesConfig
from models.conversion.vocoder.convnext import ConvNext
from models.conversion.vocoder.excitation import Source, noise, pulses
from models.conversion.vocoder.pitch import PitchNetwork

_FFT = 1024
_BINS = _FFT // 2 + 1
_QUIETEST, _LOUDEST = -14.0, 6.0  # natural logarithm of the gain of a filter
_MOST = 3.0  # natural logarithm of the largest gain of a refinement
_FEATURES = 2 * BANDS + 2


class Pulses(nn.Module):
    """Makes waves from mel spectrograms and F0.

    Attributes:
        reach: number of frames on either side that a frame of the result depends on.
        pitch: finds F0 in mel spectrograms, where none is given.

    Example:
        >>> network = Pulses(PulsesConfig())
        >>> network(torch.zeros(1, 100, 80), make_source(np.full((1, 100), 220.0), torch.device("cpu"))).shape
        torch.Size([1, 16000])
    """

    spread: Tensor

    def __init__(self, config: PulsesConfig) -> None:
        super().__init__()
        self.stack = ConvNext(_FEATURES, config.filters)
        self.head = nn.Linear(config.filters.channels, 2 * _BINS)
        self.pitch = PitchNetwork(config)
        self.config = config
        self.register_buffer("spread", _spread(), persistent=False)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():  # at first the noise is 26 dB below the pulses
            self.head.bias.zero_()[_BINS:] = -3.0
        # A frame of the result hears the filters of 7 frames, and these the mel spectrogram of the pulses 4 frames on.
        # Each refinement has an STFT and its inverse, which hear 4 frames each.
        self.reach = self.stack.reach + 12 + 8 * config.refinements

    @in_float32
    def forward(self, mel: Tensor, source: Source, draw: torch.Generator | None = None) -> Tensor:
        """Return waves, (B, T) float32.

        Args:
            mel: mel spectrograms, (B, N, 80).
            source: pitch of the same frames.
            draw: generator of the noise in training; by default the noise depends on the position only.
        """
        pulse, hiss = self._sources(mel, source, draw)
        harmonic, aperiodic = self._filters(mel, pulse, source)
        shaped = _pieces(pulse) * _response(_held(harmonic)) + _pieces(hiss) * _response(_held(aperiodic))
        wave = _overlap(torch.fft.irfft(shaped, _FFT), mel.shape[1])
        for _ in range(self.config.training_refinements if self.training else self.config.refinements):
            wave = self._refined(wave, mel)
        return wave

    def _refined(self, wave: Tensor, mel: Tensor) -> Tensor:
        """Return waves (B, T) filtered so that their mel spectrograms come closer to `mel`, (B, N, 80)."""
        window = torch.hann_window(N_FFT, device=wave.device)
        spectrum = torch.stft(wave, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True)
        magnitude = (spectrum.real.square() + spectrum.imag.square() + 1e-9).sqrt().transpose(1, 2)  # (B, N + 1, F)
        found = (magnitude[:, :-1] @ filter_bank(wave.device)).clamp(min=FLOOR).log()
        gains = ((mel - found) @ self.spread).clamp(-_MOST, _MOST).exp()
        shaped = spectrum * _held(gains).transpose(1, 2)
        return torch.istft(shaped, N_FFT, HOP, window=window, length=wave.shape[1])

    def _sources(self, mel: Tensor, source: Source, draw: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return pulse train and noise, (B, T) each."""
        batch, frames = mel.shape[:2]
        if draw is not None:
            hiss = torch.randn(batch, frames * HOP, generator=draw).to(mel.device)
        else:
            hiss = noise(source.first, frames, self.config.seed).to(mel.device).expand(batch, -1)
        return pulses(source), hiss

    def _filters(self, mel: Tensor, pulse: Tensor, source: Source) -> tuple[Tensor, Tensor]:
        """Return the logarithm of the gains for pulses and noise, (B, N, F) each."""
        difference = mel - log_mel(pulse)[:, : mel.shape[1]]
        pitch = (source.f0 / 200).log2()
        given = [mel / 4 + 1, difference / 4, pitch[..., None], source.voiced[..., None]]
        correction = self.head(self.stack(torch.cat(given, 2)))
        first = difference @ self.spread  # (B, N, F)
        pair = (first + correction[..., :_BINS], first + correction[..., _BINS:])
        return pair[0].clamp(_QUIETEST, _LOUDEST), pair[1].clamp(_QUIETEST, _LOUDEST)


def _spread() -> Tensor:
    """Return the weights, (80, F), that interpolate mel bands linearly to the frequencies of the FFT."""
    bank = filter_bank(torch.device("cpu"))  # (513, 80)
    centres = (bank * torch.arange(N_FFT // 2 + 1)[:, None]).sum(0) / bank.sum(0)
    place = torch.arange(_BINS) * (N_FFT / _FFT)
    right = torch.searchsorted(centres, place).clamp(1, BANDS - 1)
    low, high = centres[right - 1], centres[right]
    share = ((place - low) / (high - low)).clamp(0, 1)
    found = functional.one_hot(right - 1, BANDS) * (1 - share)[:, None]
    return (found + functional.one_hot(right, BANDS) * share[:, None]).T.contiguous()


def _held(gains: Tensor) -> Tensor:
    """Return the gains with the last frame repeated, (B, N + 1, F): pieces end half a frame after the last centre."""
    return torch.cat([gains, gains[:, -1:]], 1)


def _pieces(wave: Tensor) -> Tensor:
    """Return the spectra (B, N + 1, F) of the pieces of 320 samples around frames 0 … N of waves (B, T)."""
    window = torch.hann_window(2 * HOP, device=wave.device)
    frames = functional.pad(wave, (HOP, HOP)).unfold(1, 2 * HOP, HOP)  # (B, N + 1, 320)
    return torch.fft.rfft(frames * window, _FFT)


def _response(gains: Tensor) -> Tensor:
    """Return the complex response, (B, N, F), of the minimum-phase filter with these logarithmic gains (B, N, F)."""
    cepstrum = torch.fft.irfft(gains, _FFT)
    fold = torch.zeros(_FFT, device=gains.device)
    fold[0] = fold[_FFT // 2] = 1
    fold[1 : _FFT // 2] = 2
    return torch.fft.rfft(cepstrum * fold).exp()


def _overlap(pieces: Tensor, frames: int) -> Tensor:
    """Return the sum of the pieces (B, N + 1, 1024), each 160 samples later than the one before, (B, T)."""
    count = -(-_FFT // HOP)
    batch, number = pieces.shape[:2]
    parts = functional.pad(pieces, (0, count * HOP - _FFT)).unflatten(2, (count, HOP))
    total = pieces.new_zeros(batch, number + count, HOP)
    for place in range(count):
        total[:, place : place + number] += parts[:, :, place]
    return total[:, 1 : frames + 1].flatten(1)  # the first piece begins 160 samples before the recording
