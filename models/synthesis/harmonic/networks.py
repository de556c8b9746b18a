"""Networks of the variant `harmonic`: encoder, decoder that knows the pitch, and generator of frames.

    note ── encoder ──────────────────────────┐
    (instrument, pitch, velocity), time ── generator ── frames of D values ── decoder ── partials and noise
                                                                   pitch ──────┘

The decoder gets the pitch beside the frames. What it decodes is a spectral envelope over frequency, from which each
partial takes its level, a correction of the first partials one by one, and the noise in bands. So neighbouring pitches
share an envelope, and no weight has to learn where the partials of a pitch are. The last two values of
a frame, averaged over the frames, are how far the note is from its label and how its partials are stretched.

The generator is no recurrent network: a frame depends on the labels and on its own time only, so a step of the
training takes frames from anywhere in many notes.

Shapes: B notes, K frames, D embedding dimensions, H partials, F frequency bins, M noise bands, T samples.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from data.nsynth.dataset import FRAMES as SAMPLES
from data.signal import in_float32
from models.synthesis.harmonic.config import HarmonicSizes
from models.synthesis.harmonic.render import render
from models.synthesis.harmonic.spectrum import BINS, FRAMES, HIGHEST, HOP, mel_weights, power_of, shifted_frames
from models.synthesis.notes import MARGIN
from models.synthesis.pitch import pitch_features

_HELD = 187.5  # frame at which a note of NSynth is let go, after 3 s
_STEPS = (0, 0.5, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 62, 80, 100, 125, 150, 170)
_RELEASE = (-7.5, -3.5, -1.5, -0.5, 0.5, 1.5, 2.5, 4.5, 6.5, 8.5, 11.5, 15.5, 20.5, 26.5, 34.5, 44.5, 57.5, 72.5)
_WIDEST = 0.4  # semitones by which a note may be off its label


class Sound(NamedTuple):
    """What a decoder decodes: the partials and the noise of notes.

    Attributes:
        levels: natural logarithm of the magnitudes of the partials, (B, K, H).
        hertz: frequencies of the partials, (B, H).
        noise: natural logarithm of the magnitude of the noise in each band, (B, K, M).
    """

    levels: Tensor
    hertz: Tensor
    noise: Tensor

    def log_power(self) -> Tensor:
        """Return log(1 + |X|²), (B, K, F), as the spectral loss compares it."""
        return torch.log1p(power_of(self.levels, self.hertz, self.noise))


def time_features(frames: Tensor) -> Tensor:
    """Return weights of linear interpolation between moments of a note, (B, K, moments), for frame numbers (B, K).

    The moments are close to each other where notes change: at the onset and where they are let go.
    """
    moments = torch.tensor([-1.0, *_STEPS, *(_HELD + one for one in _RELEASE), 270.0], device=frames.device)
    before, here, after = moments[:-2], moments[1:-1], moments[2:]
    time = frames.float()[..., None]
    return torch.minimum((time - before) / (here - before), (after - time) / (after - here)).clamp_min(0)


def _hidden(inputs: int, sizes: HarmonicSizes, layers: int, dropout: float = 0.0) -> nn.Sequential:
    """Return hidden layers, each a linear map, SiLU and dropout: (..., inputs) -> (..., hidden)."""
    parts: list[nn.Module] = []
    for place in range(layers):
        parts += [nn.Linear(inputs if place == 0 else sizes.hidden, sizes.hidden), nn.SiLU(), nn.Dropout(dropout)]
    return nn.Sequential(*parts)


class Encoder(nn.Module):
    """Encoder from frames of log-power spectra, (B, K, F), and pitch, (B,), to embedding frames, (B, K, D)."""

    def __init__(self, sizes: HarmonicSizes) -> None:
        super().__init__()
        self.centres = sizes.centres
        self.hidden = _hidden(BINS + sizes.centres + 1, sizes, sizes.layers)
        self.output = nn.Linear(sizes.hidden, sizes.dimension)

    def forward(self, log_power: Tensor, pitch: Tensor) -> Tensor:
        """Return the embedding frames (B, K, D)."""
        known = pitch_features(pitch.float(), self.centres)[:, None].expand(-1, log_power.shape[1], -1)
        return self.output(self.hidden(torch.cat([log_power, known], -1)))


class FrameGenerator(nn.Module):
    """Generator of embedding frames (B, K, D) from instrument, pitch, velocity (B,) and frame numbers (B, K)."""

    def __init__(self, sizes: HarmonicSizes) -> None:
        super().__init__()
        self.centres = sizes.centres
        self.instrument = nn.Embedding(sizes.instruments, sizes.instrument_dimension)
        self.velocity = nn.Embedding(sizes.velocities, sizes.velocity_dimension)
        labels = sizes.instrument_dimension + sizes.velocity_dimension + sizes.centres + 1
        self.hidden = _hidden(labels + len(_STEPS) + len(_RELEASE), sizes, sizes.layers, sizes.dropout)
        self.output = nn.Linear(sizes.hidden, sizes.dimension)

    def forward(self, instrument: Tensor, pitch: Tensor, velocity: Tensor, frames: Tensor) -> Tensor:
        """Return the embedding frames (B, K, D)."""
        known = [self.instrument(instrument), self.velocity(velocity), pitch_features(pitch.float(), self.centres)]
        labels = torch.cat(known, 1)[:, None].expand(-1, frames.shape[1], -1)
        return self.output(self.hidden(torch.cat([labels, time_features(frames)], -1)))


class HarmonicDecoder(nn.Module):
    """Decoder from embedding frames (B, K, D) and pitch (B,) to partials and noise."""

    def __init__(self, sizes: HarmonicSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.hidden = _hidden(sizes.dimension - 2 + sizes.centres + 1, sizes, 1)
        self.output = nn.Linear(sizes.hidden, sizes.envelope + sizes.orders + sizes.noise)
        nn.init.normal_(self.output.weight, std=0.02)
        with torch.no_grad():  # audible partials, faint noise: where all are faint, the loss has no slope
            self.output.bias.copy_(torch.cat([torch.full((one,), value) for one, value in self._start()]))

    def _start(self) -> list[tuple[int, float]]:
        """Return how many outputs of each kind there are, and the value they start at."""
        return [(self.sizes.envelope, 1.5), (self.sizes.orders, 0.0), (self.sizes.noise, -2.0)]

    def forward(self, frames: Tensor, pitch: Tensor) -> Sound:
        """Return the partials and the noise that embedding frames and a pitch stand for."""
        known = pitch_features(pitch.float(), self.sizes.centres)[:, None].expand(-1, frames.shape[1], -1)
        output = self.output(self.hidden(torch.cat([frames[..., :-2], known], -1)))
        return self._sound(output, frames[..., -2:], pitch)

    @in_float32
    def _sound(self, output: Tensor, tuning: Tensor, pitch: Tensor) -> Sound:
        """Return the partials and the noise, given the output of the last layer and tuning and inharmonicity."""
        envelope, orders, noise = output.split([count for count, _ in self._start()], -1)
        hertz = self._partials(tuning.mean(1), pitch.float())
        levels = envelope @ mel_weights(hertz, self.sizes.envelope).transpose(1, 2)
        most = min(levels.shape[-1], self.sizes.orders)
        levels = torch.cat([levels[..., :most] + orders[..., :most], levels[..., most:]], -1)
        return Sound(levels.clamp(max=6.5), hertz, noise.clamp(max=6.5))

    def _partials(self, tuning: Tensor, pitch: Tensor) -> Tensor:
        """Return the frequencies of the partials below the highest audible one of all notes, (B, H)."""
        off, stretch = torch.tanh(tuning[:, :1]) * _WIDEST, torch.exp(3 * tuning[:, 1:] - 9)
        order = torch.arange(1, self.sizes.partials + 1, device=pitch.device)
        hertz = 440 * 2 ** ((pitch[:, None] + off - 69) / 12) * order * torch.sqrt(1 + stretch * order.square())
        most = int((hertz.detach() < HIGHEST + 50).sum(1).max().clamp_min(1))
        return hertz[:, :most]


class HarmonicAutoencoder(nn.Module):
    """Encoder followed by decoder: log-power spectra (B, K, F) and pitch (B,) to partials and noise.

    Example:
        >>> network = HarmonicAutoencoder(HarmonicSizes())
        >>> network(torch.zeros(2, 20, 513), torch.tensor([60, 72])).log_power().shape
        torch.Size([2, 20, 513])
    """

    def __init__(self, sizes: HarmonicSizes) -> None:
        super().__init__()
        self.encoder = Encoder(sizes)
        self.decoder = HarmonicDecoder(sizes)

    @property
    def hop(self) -> int:
        """Samples between embedding frames."""
        return HOP

    def forward(self, log_power: Tensor, pitch: Tensor) -> Sound:
        """Return the partials and the noise of notes that are heard."""
        return self.decoder(self.encoder(log_power, pitch), pitch)

    def embed(self, wave: Tensor, pitch: Tensor) -> Tensor:
        """Return all embedding frames of notes (B, T) of 4 s with pitches (B,), (B, 251, D)."""
        frames = torch.arange(FRAMES, device=pitch.device).expand(len(pitch), -1)
        return self.encoder(torch.log1p(shifted_frames(wave, frames, 0)), pitch)

    def rebuild(self, wave: Tensor, pitch: Tensor) -> Tensor:
        """Return the reconstructions of notes (B, T), with `MARGIN` zeros before and after the note."""
        return waveform(self.decoder(self.embed(wave, pitch), pitch))


class HarmonicSing(nn.Module):
    """The complete network: waveforms of notes from instrument, pitch and velocity.

    Example:
        >>> network = HarmonicSing(HarmonicSizes())
        >>> network(torch.tensor([3]), torch.tensor([60]), torch.tensor([4])).shape
        torch.Size([1, 65024])
    """

    def __init__(self, sizes: HarmonicSizes) -> None:
        super().__init__()
        self.sequence = FrameGenerator(sizes)
        self.decoder = HarmonicDecoder(sizes)

    def sound(self, instrument: Tensor, pitch: Tensor, velocity: Tensor, frames: Tensor) -> Sound:
        """Return the partials and the noise of some frames of notes, without making waves.

        Args:
            instrument: instrument number, integer, shape (B,).
            pitch: MIDI pitch, integer, shape (B,).
            velocity: row of the velocity table, integer, shape (B,).
            frames: numbers of frames, integer, shape (B, K).
        """
        return self.decoder(self.sequence(instrument, pitch, velocity, frames), pitch)

    def forward(self, instrument: Tensor, pitch: Tensor, velocity: Tensor) -> Tensor:
        """Return the waveforms of whole notes, (B, T) at 16 kHz, with `MARGIN` zeros before and after the note."""
        frames = torch.arange(FRAMES, device=pitch.device).expand(len(pitch), -1)
        return waveform(self.sound(instrument, pitch, velocity, frames))


def waveform(sound: Sound) -> Tensor:
    """Return the waveforms (B, T) of notes from all of their frames, with `MARGIN` zeros before and after the note."""
    wave = render(sound.levels, sound.hertz, sound.noise, SAMPLES, HOP)
    return nn.functional.pad(wave, (MARGIN, MARGIN))
