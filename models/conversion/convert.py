"""Converts singing with accompaniment into the voice of the target singer.

    mixture ── melody extractor ── melody ──┐
        └───── content network ── content ──┴── acoustic model ── mel spectrogram ── vocoder ── voice

Each stage works on a long recording in pieces, so a recording of any length is converted; what grows with it are
the sound itself and arrays of 100 frames a second.

Shapes: T samples, N melody frames, M content frames (25 Hz).
"""

from dataclasses import dataclass

import numpy as np

from data.errors import InputError
from data.progress import Listener, Progress, ignore
from models.conversion.acoustic.load import Acoustic
from models.conversion.content.load import Content
from models.conversion.frames import CONTENT
from models.conversion.key import Shift, choose_shift
from models.conversion.melody.load import Extractor, Melody
from models.conversion.vocoder.load import Vocoder

_STEPS = ("melody", "content", "mel spectrogram", "voice")


@dataclass(frozen=True)
class Conversion:
    """A converted recording.

    Attributes:
        wave: the converted voice, (T,) float32, as long as the recording and in time with it.
        mel: mel spectrogram that the acoustic model predicted, (N, 80) float32.
        melody: melody that was found in the recording, with the shift not applied.
        shift: the shift of the pitch.
    """

    wave: np.ndarray
    mel: np.ndarray
    melody: Melody
    shift: Shift


@dataclass(frozen=True)
class Converter:
    """The trained conversion system.

    Attributes:
        extractor: finds the melody in the mixture.
        content: finds the words in the mixture.
        acoustic: predicts the mel spectrogram of the target singer.
        vocoder: makes a wave of it.

    Example:
        >>> converter = Converter(extractor, content, acoustic, vocoder)
        >>> voice = converter.convert(mixture, "octave").wave
    """

    extractor: Extractor
    content: Content
    acoustic: Acoustic
    vocoder: Vocoder

    def convert(
        self, wave: np.ndarray, key: str = "keep", *, singer: str = "", listener: Listener = ignore
    ) -> Conversion:
        """Return the singing in a recording, sung by the target singer or by another one that the model knows.

        Args:
            wave: (T,) float32, full scale [-1, 1], 16 kHz mono, at least 1 sample.
            key: policy of the key, one of `models.conversion.key.KEYS`.
            singer: name of a singer that the acoustic model knows; "" for the target singer. The key policies aim at
                the range of this singer.
            listener: receives progress reports, in stages.

        Raises:
            InputError: there is no such key or singer, or the wave is empty.
        """
        if wave.ndim != 1 or len(wave) == 0:
            raise InputError(f"a wave of shape {wave.shape}: one channel with at least one sample is needed")
        target = self.acoustic.range(singer)
        progress = Progress("convert", total=len(_STEPS), unit="stages", listener=listener)
        melody = self.extractor.melody(wave)
        progress.advance()
        shift = choose_shift(key, melody.f0, target)
        return self._sing(wave, melody, shift, (singer, progress))

    def sing(self, wave: np.ndarray, melody: Melody, shift: Shift) -> Conversion:
        """Return the singing in a recording to a melody that is given, as the baselines have it.

        Args:
            wave: (T,) float32, 16 kHz mono; its words are sung.
            melody: melody of the recording, with 1 + floor(T / 160) frames.
            shift: shift of the pitch.
        """
        return self._sing(wave, melody, shift, ("", Progress("convert", total=len(_STEPS) - 1, unit="stages")))

    def _sing(self, wave: np.ndarray, melody: Melody, shift: Shift, how: tuple[str, Progress]) -> Conversion:
        """Return the conversion of a recording; `how` is the singer and the progress."""
        singer, progress = how
        content = self.content.covering(wave)
        progress.advance()
        stretched = fit(melody, CONTENT * len(content))
        mel = self.acoustic.mel(content, stretched, shift.semitones, singer)
        progress.advance()
        f0 = None if shift.semitones is None else stretched.f0 * np.float32(2 ** (shift.semitones / 12))
        voice = self.vocoder.wave(mel, f0)[: len(wave)]
        progress.advance()
        progress.finish()
        return Conversion(voice, mel, melody, shift)


def fit(melody: Melody, count: int) -> Melody:
    """Return a melody of `count` frames: cut at the end, or its last frame repeated."""
    index = np.minimum(np.arange(count), len(melody.pitch) - 1)
    return Melody(melody.pitch[index], melody.energy[index], melody.voicing[index], melody.features[index])
