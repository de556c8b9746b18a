"""The key policy: whole octaves, whole semitones, and what lies outside the range of the target."""

import numpy as np
import pytest

from data.errors import InputError
from models.conversion.frames import bank_frames, content_frames, melody_frames
from models.conversion.key import Range, Shift, choose_shift, find_range

TARGET = Range(200.0, 300.0, 450.0)


def sung(frequency: float) -> np.ndarray:
    """Return 60 voiced frames of a frequency between unvoiced ones."""
    return np.concatenate([np.zeros(20), np.full(60, frequency), np.zeros(20)])


@pytest.mark.parametrize(
    ("key", "frequency", "semitones"),
    [("keep", 110.0, 0.0), ("octave", 110.0, 12.0), ("octave", 290.0, 0.0), ("octave", 1200.0, -24.0),
     ("match", 110.0, 17.0), ("match", 300.0 * 2 ** (0.4 / 12), 0.0), ("match", 600.0, -12.0)],
)  # fmt: skip
def test_shift_is_whole_semitones_towards_the_target(key: str, frequency: float, semitones: float) -> None:
    assert choose_shift(key, sung(frequency), TARGET).semitones == semitones


def test_free_leaves_the_key_to_the_model_and_what_has_no_range_is_not_shifted() -> None:
    assert choose_shift("free", sung(110.0), TARGET) == Shift(None, 0.0)
    assert choose_shift("match", np.zeros(100), TARGET) == Shift(0.0, 0.0)
    assert choose_shift("match", sung(110.0), None) == Shift(0.0, 0.0)
    with pytest.raises(InputError, match="keep, octave, match, free"):
        choose_shift("transpose", sung(110.0), TARGET)


def test_frames_outside_the_range_are_counted_after_the_shift() -> None:
    melody = np.concatenate([sung(110.0), sung(220.0)])
    assert choose_shift("keep", melody, TARGET).outside == 0.5  # 110 Hz is more than 3 semitones below 200 Hz
    assert choose_shift("octave", melody, TARGET).outside == 0.0  # 220 Hz and 440 Hz
    assert find_range(np.zeros(50)) is None


def test_frame_counts_follow_the_published_law() -> None:
    # 104,026 samples gave 648 frames, 161 content frames and 6.44 s of output.
    assert (bank_frames(104_026), content_frames(104_026), 640 * content_frames(104_026)) == (648, 161, 103_040)
    assert (bank_frames(48_000), content_frames(48_000), melody_frames(48_000)) == (298, 73, 301)
    assert (content_frames(1359), content_frames(1360), bank_frames(399)) == (0, 1, 0)
