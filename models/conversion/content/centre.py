"""Takes the local mean of content features away: what stays the same for many seconds is the singer and the room.

A linear classifier then tells singers apart much less well, and names units of sound as well as before: this is how the
step was chosen.

Shapes: B batch, M content frames at 25 Hz, D features.
"""

import torch
from torch import Tensor

REACH = 250  # frames on either side that the mean is taken over, 10 s


def centred(frames: Tensor, reach: int = REACH) -> Tensor:
    """Return frames minus the mean over their neighbourhood, which is cut at both ends of the recording.

    Args:
        frames: (B, M, D) content features of whole recordings, or of crops of some seconds.
        reach: number of frames on either side.

    Example:
        >>> centred(torch.tensor([[[1.0], [2.0], [6.0]]]), reach=1).flatten()
        tensor([-0.5000, -1.0000,  2.0000])
    """
    count = frames.shape[1]
    total = torch.nn.functional.pad(frames.double().cumsum(1), (0, 0, 1, 0))  # (B, M + 1, D)
    place = torch.arange(count, device=frames.device)
    below, above = (place - reach).clamp(min=0), (place + reach + 1).clamp(max=count)
    mean = (total[:, above] - total[:, below]) / (above - below)[:, None]
    return frames - mean.to(frames.dtype)
