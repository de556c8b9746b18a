"""Listening tests of the conversion system."""

from functools import partial
from pathlib import Path

from assets.declaration import Summary, Work, stored_asset
from assets.listening import INDEX, shown, size, write_tests


@stored_asset(
    config=size,
    files=[INDEX],
    kinds={"html"},
    show=shown,
    lineage=("voices_clips", "conversion_targets", "conversion_acoustic"),
)
def conversion_listening_tests(
    work: Work, conversion_mixtures: Path, conversion_converted: Path, conversion_baseline_converted: Path
) -> Summary:
    """Listening tests, ready for listeners: naturalness, and similarity to the target singer.

    `tessitura export listening conversion` copies them out of the store.
    """
    from eval.conversion.listening import KINDS, listening_items
    from eval.conversion.players import open_sounds

    voices, targets = work.inputs["voices_clips"], work.inputs["conversion_targets"]
    converted = [conversion_converted, conversion_baseline_converted]
    sounds = open_sounds(voices, targets, conversion_mixtures, converted, [])
    items = {kind: partial(listening_items, sounds, conversion_mixtures, kind, work.config.items) for kind in KINDS}
    return write_tests(work, "conversion", work.inputs["conversion_acoustic"], items)
