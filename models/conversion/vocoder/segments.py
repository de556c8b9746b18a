"""Makes training examples of the vocoder from recorded voices; each batch is a pure function of (seed, step).

An example is a segment of a voice with its F0 and, for fine-tuning, with the mel spectrogram that the acoustic model
predicted for it. It is played faster or slower, which shifts its pitch, and gets a random gain; predicted mel
spectrograms fit the recording as it is, so that neither is done with them.

Some frames of context are read on both sides, so that the mel spectrogram of the segment is that of the whole voice.

Shapes: B batch, T samples, N mel frames of a segment, C frames of context on either side.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.files.audio import FULL_SCALE
from data.musdb.segments import played
from data.pitch.trackers import track
from data.progress import Listener, Progress, ignore
from data.shards.loader import Batch, BatchPlan, read_ahead
from data.shards.reader import Shards
from models.conversion.frames import HOP, RATE
from models.conversion.vocoder.config import Examples

CONTEXT = 4  # frames; half a window of the mel spectrogram is 3.2 frames


@dataclass(frozen=True)
class Clip:
    """A voice to train on or to copy.

    Attributes:
        name: id of the clip.
        singer: name of the singer, "" if unknown.
        row: row of the voice in its shards.
        frames: number of whole mel frames, T // 160.
        mel_row: row of the predicted mel spectrogram in the same shards; -1 if there is none.
    """

    name: str
    singer: str
    row: int
    frames: int
    mel_row: int = -1


def find_clips(shards: Shards, split: str) -> list[Clip]:
    """Return the voices of a split, in the order of the shards, with their predicted mel spectrograms if there are any.

    Args:
        shards: records with the columns clip, part and split; part "voice" is int16 (T, 1) at 16 kHz, part "mel", if
            present, float16 (N, 80). The column singer is optional.
        split: "train", "valid" or "test".

    Raises:
        InputError: a voice has another sample rate or more than one channel.
    """
    names, known = shards.column("clip"), "singer" in shards.table.column_names
    mels = {names[row]: int(row) for row in shards.rows(split=split, part="mel")}
    found = []
    for row in shards.rows(split=split, part="voice").tolist():
        rate, channels = shards.column("sample_rate")[row], shards.column("channels")[row]
        if rate != RATE or channels != 1:
            raise InputError(
                f"{shards.folder}: voice {names[row]} has {rate:g} Hz and {channels} channels; "
                f"the vocoder needs {RATE} Hz and 1 channel: ingest the voices again"
            )
        if mels and names[row] not in mels:
            continue
        mel_row, frames = mels.get(names[row], -1), int(shards.column("frames")[row]) // HOP
        if mel_row >= 0:
            frames = min(frames, int(shards.column("frames")[mel_row]))
        found.append(Clip(str(names[row]), str(shards.column("singer")[row]) if known else "", row, frames, mel_row))
    return found


def read_wave(shards: Shards, clip: Clip) -> np.ndarray:
    """Return the whole voice of a clip, float32 (T,), full scale [-1, 1]."""
    return shards.read(clip.row)[:, 0].astype(np.float32) / FULL_SCALE


def read_f0(targets: Path) -> dict[str, np.ndarray]:
    """Return F0 in Hz by clip, (N,) float32, 0 where unvoiced, of the shards of targets (f0, energy, voicing)."""
    shards = Shards(targets)
    found = {}
    for row, name in enumerate(shards.column("clip").tolist()):
        values = shards.read(row)
        found[name] = np.where(values[:, 2] > 0.5, values[:, 0], 0).astype(np.float32)
    return found


def track_f0(shards: Shards, clips: list[Clip], tracker: str, listener: Listener = ignore) -> dict[str, np.ndarray]:
    """Return F0 in Hz by clip, (N,) float32, 0 where unvoiced, as a pitch tracker finds it in the voices."""
    progress, found = Progress("F0 of the voices", total=len(clips), unit="clips", listener=listener), {}
    for clip in clips:
        f0, voicing = track(tracker, read_wave(shards, clip))
        found[clip.name] = np.where(voicing > 0.5, f0, 0).astype(np.float32)
        progress.advance()
    progress.finish()
    return found


class VoiceExamples:
    """Training batches of voices: `values` (B, T, 1) float32 with T = 160·(N + 2C), full scale [-1, 1].

    Labels: "f0" (B, N) float32 in Hz, 0 where unvoiced, if F0 was given; "mel" (B, N, 80) float32 in fine-tuning.
    `Batch.rows` holds positions within the batch. Voices are drawn with weights proportional to their length. A voice
    shorter than an example is followed by silence.

    Example:
        >>> examples = VoiceExamples(shards, find_clips(shards, "train"), BatchPlan(16, seed=0), Examples(frames=52))
        >>> examples.load(step=0).values.shape
        (16, 9600, 1)
    """

    def __init__(
        self,
        shards: Shards,
        clips: list[Clip],
        plan: BatchPlan,
        examples: Examples,
        f0: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        """Prepare examples.

        Args:
            shards: where the clips are stored.
            clips: voices to draw from.
            plan: size of a batch, seed and share of this process.
            examples: how examples are made.
            f0: F0 in Hz by clip, (N,), 0 where unvoiced; None if it is not needed.

        Raises:
            InputError: there is no voice, or F0 of a voice is missing.
        """
        if not clips:
            raise InputError(f"{shards.folder}: no voice to train the vocoder on; ingest voices of the split 'train'")
        if f0 is not None and (missing := [one.name for one in clips if one.name not in f0]):
            raise InputError(
                f"{shards.folder}: no F0 of {len(missing)} voices ({missing[0]}, …); make the targets anew"
            )
        self._shards, self._clips, self._examples, self._f0 = shards, clips, examples, f0
        self._seed, self._numbers = plan.seed, plan.numbers
        frames = np.array([one.frames for one in clips], float)
        self._weights = np.cumsum(frames) / frames.sum()
        self._predicted = clips[0].mel_row >= 0

    def load(self, step: int, out: np.ndarray | None = None) -> Batch:
        """Make batch `step`, in the buffer `out`, float32 (B, T, 1), if one is given."""
        values = self._buffer() if out is None else out
        labels = []
        for number, example in zip(self._numbers, values, strict=True):
            labels.append(self._example(np.random.default_rng([self._seed, step, number]), example[:, 0]))
        stacked = {name: np.stack([one[name] for one in labels]) for name in labels[0]}
        return Batch(step, np.array(self._numbers), values, stacked)

    def stream(self, start: int, stop: int, loaders: int = 1) -> AbstractContextManager:
        """Context manager: an iterator over the batches of steps start to stop - 1, made ahead by threads."""
        return read_ahead(self.load, self._buffer, start, stop, loaders)

    def _buffer(self) -> np.ndarray:
        """Return an uninitialised buffer for one batch."""
        return np.empty((len(self._numbers), (self._examples.frames + 2 * CONTEXT) * HOP, 1), np.float32)

    def _example(self, draw: np.random.Generator, wave: np.ndarray) -> dict[str, np.ndarray]:
        """Fill `wave`, (T,), with a random segment, and return its labels."""
        config = self._examples
        clip = self._clips[int(np.searchsorted(self._weights, draw.random(), side="right"))]
        speed = 1.0 if self._predicted else 2 ** (draw.uniform(-config.shift, config.shift) / 12)
        last = max(0, clip.frames - int(np.ceil(config.frames * speed)))
        start = int(draw.integers(last + 1))  # frame of the recording at which the segment begins, without context
        gain = 1.0 if self._predicted else 10 ** (draw.uniform(*config.gain) / 20)
        wave[:] = self._read(clip, start - CONTEXT * speed, speed, len(wave)) * np.float32(gain / FULL_SCALE)
        labels = {}
        if self._f0 is not None:
            labels["f0"] = _resampled_f0(self._f0[clip.name], start, speed, config.frames)
        if self._predicted:
            mel = self._shards.segment(clip.mel_row, start, min(config.frames, clip.frames - start))
            labels["mel"] = np.pad(mel.astype(np.float32), ((0, config.frames - len(mel)), (0, 0)), mode="edge")
        return labels

    def _read(self, clip: Clip, frame: float, speed: float, samples: int) -> np.ndarray:
        """Return `samples` samples from a frame of the recording on, in int16 units; silence beyond its ends."""
        begin, count = round(frame * HOP), round(samples * speed)
        length = int(self._shards.column("frames")[clip.row])
        first, stop = min(max(begin, 0), length), min(max(begin + count, 0), length)
        pcm = self._shards.segment(clip.row, first, stop - first)
        pcm = np.pad(pcm, ((first - begin, begin + count - stop), (0, 0)))
        return pcm[:, 0] if count == samples else played(pcm, samples)[:, 0]


def _resampled_f0(f0: np.ndarray, start: int, speed: float, frames: int) -> np.ndarray:
    """Return F0 of a segment that is played `speed` times as fast, (frames,) float32, 0 beyond the ends of the voice.

    Between two voiced frames F0 is interpolated; elsewhere the nearer frame counts.
    """
    place = start + np.arange(frames) * speed
    left = np.floor(place).astype(int)
    padded = np.concatenate([f0, np.zeros(max(0, left[-1] + 2 - len(f0)), f0.dtype)])
    one, other, share = padded[left], padded[left + 1], place - left
    mixed = np.where((one > 0) & (other > 0), one + share * (other - one), np.where(share < 0.5, one, other))
    return (mixed * speed).astype(np.float32)
