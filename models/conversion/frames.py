"""Frame grids of the conversion system: how many frames a recording has, and when each of them is.

Everything works at 16 kHz. There are three grids (measured on the published examples of arXiv 2502.04722):

- the melody grid, 100 Hz: frame n is centred at sample 160·n; mel spectrograms, F0, energy and voicing use it;
- the filter-bank grid, 100 Hz: windows of 400 samples every 160 without padding, T = 1 + floor((samples - 400) / 160);
- the content grid, 25 Hz: two unpadded 3 x 3 convolutions of stride 2 over the filter bank leave
  T4 = floor((floor((T - 1) / 2) - 1) / 2) frames.

A converted recording has 4·T4 melody frames, that is 640·T4 samples: the content decides its length.
"""

RATE = 16_000  # Hz
HOP = 160  # samples
FRAME_RATE = RATE // HOP  # melody frames per second
WINDOW = 400  # samples of a window of the filter bank
CONTENT = 4  # melody frames per content frame
LEAST = WINDOW + 6 * HOP  # samples of the shortest recording with a content frame


def melody_frames(samples: int) -> int:
    """Return the number of melody frames of a recording: 1 + floor(samples / 160)."""
    return 1 + samples // HOP


def bank_frames(samples: int) -> int:
    """Return the number of filter-bank frames of a recording; 0 if it is shorter than a window."""
    return max(0, 1 + (samples - WINDOW) // HOP)


def content_frames(samples: int) -> int:
    """Return the number of content frames of a recording; 0 below `LEAST` samples.

    Example:
        >>> content_frames(104_026), content_frames(48_000)
        (161, 73)
    """
    return max(0, ((bank_frames(samples) - 1) // 2 - 1) // 2)
