"""Listening tests of the separation system."""

from functools import partial
from pathlib import Path

from assets.declaration import Summary, Work, stored_asset
from assets.listening import INDEX, shown, size, write_tests


@stored_asset(config=size, files=[INDEX], kinds={"html"}, show=shown, lineage=("separation_denoiser",))
def separation_listening_tests(
    work: Work, separation_songs: Path, separation_vocals: Path, separation_baseline_vocals: Path
) -> Summary:
    """A listening test, ready for listeners: MUSHRA with hidden reference and anchors at 3.5 and 7 kHz.

    `tessitura export listening separation` copies it out of the store.
    """
    from eval.separation.listening import KINDS, listening_items

    folders = (separation_baseline_vocals, separation_vocals)
    items = partial(listening_items, separation_songs, folders, work.config.items, work.config.seconds)
    return write_tests(work, "separation", work.inputs["separation_denoiser"], dict.fromkeys(KINDS, items))
