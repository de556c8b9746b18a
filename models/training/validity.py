"""Judges whether a training is broken: weights, or figures of a validation, that are NaN or infinite.

A figure may rightly have no value (NaN), such as a pitch error where nothing has a pitch. So a figure is called lost
only if an earlier validation of the same training had a value for it.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn


def lost_figures(validation: Mapping[str, float], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the figures that are NaN or infinite now and had a value in an earlier row of the history.

    Args:
        validation: figures by name.
        rows: earlier rows of the history (`models.training.history`).

    Example:
        >>> lost_figures({"valid_loss": math.nan, "valid_pitch": math.nan}, [{"step": 6, "valid_loss": 0.5}])
        ['valid_loss']
    """
    known = {name for row in rows for name, one in row.items() if isinstance(one, float) and math.isfinite(one)}
    return sorted(name for name, one in validation.items() if not math.isfinite(one) and name in known)


def all_lost(validation: Mapping[str, float], lost: Sequence[str]) -> bool:
    """Return whether a validation lost figures and has none left: the network gives nothing that can be measured.

    Args:
        validation: figures by name.
        lost: names of those that are lost (`lost_figures`).
    """
    return bool(lost) and not any(math.isfinite(one) for one in validation.values())


def finite_weights(network: nn.Module) -> bool:
    """Return whether no weight of a network is NaN or infinite."""
    return all(bool(torch.isfinite(one).all()) for one in network.parameters())
