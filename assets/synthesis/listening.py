"""Listening tests of the synthesis system."""

from functools import partial
from pathlib import Path

from assets.declaration import Summary, Work, stored_asset
from assets.listening import INDEX, shown, size, write_tests


@stored_asset(config=size, files=[INDEX], kinds={"html"}, show=shown, lineage=("synthesis_model",))
def synthesis_listening_tests(
    work: Work, nsynth_shards: Path, synthesis_notes: Path, synthesis_baseline_notes: Path
) -> Summary:
    """Listening tests, ready for listeners: mean opinion scores, and which of two is closer to the recording.

    `tessitura export listening synthesis` copies them out of the store.
    """
    from eval.synthesis.listening import KINDS, listening_items

    folders = (synthesis_notes, synthesis_baseline_notes)
    items = partial(listening_items, nsynth_shards, folders, work.config.items)
    return write_tests(work, "synthesis", work.inputs["synthesis_model"], dict.fromkeys(KINDS, items))
