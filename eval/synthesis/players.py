"""Sound players of the synthesis report: the worst, typical and best test notes, as loud as their recordings."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from eval.report.blocks import Players, Text
from eval.report.document import Block
from eval.report.excerpts import MOST_GAIN, picks
from eval.report.numbers import number
from eval.synthesis.report_input import Study
from eval.synthesis.tables import SHOWN, name_of

_PLAYED, _REBUILT = 10, 4  # number of notes with players, and of further ones that the WaveNet rebuilt
_SHARE = "loss ratio"
_PLAYER_SYSTEMS = ("recording", *(one for one in SHOWN if one != "silence"))


def ordered(study: Study) -> list[str]:
    """Return the test notes from the worst to the best, by the loss of SING over that of silence."""
    test = study.all_scores[study.all_scores["split"] == "test"]
    wide = test.pivot(index="note", columns="system", values="spectral")
    return (wide["sing"] / wide["silence"]).sort_values(ascending=False, na_position="first").index.tolist()


def player_blocks(study: Study) -> Iterator[Block]:
    """Yield sound players of the worst, typical and best test notes, and of some that the WaveNet reconstructed."""
    test, order = study.all_scores[study.all_scores["split"] == "test"], ordered(study)
    wide = test.pivot(index="note", columns="system", values="spectral")
    # Sampling from a WaveNet is slow, so few notes have an estimate by it. Choose some from the worst to the best.
    rebuilt = [note for note in order if "wavenet" in wide and np.isfinite(wide["wavenet"][note])]
    chosen = picks(order, _PLAYED, "notes", f"{_SHARE} of {name_of('sing')}")
    chosen["Notes the WaveNet rebuilt too"] = rebuilt[:: max(1, len(rebuilt) // _REBUILT)][:_REBUILT]
    scores = {(one["system"], one["note"]): one for one in test.to_dict("records")}
    systems = [one for one in _PLAYER_SYSTEMS if one in ("recording", *wide)]
    yield Text(
        "Loss ratio: spectral loss divided by that of silence. "
        f"Every sound is made as loud as the recording (BS.1770) by the dB told under it: raised by {MOST_GAIN:.0f} dB "
        "at most, and never so far that it clips. Spectrograms: 0 to 4 kHz, 4 seconds."
    )
    for caption, names in chosen.items():
        rows = [
            (note, [study.clip(one, note, _figures(scores.get((one, note)), wide["silence"][note])) for one in systems])
            for note in names
        ]
        if rows:
            yield Players(caption, [name_of(one) for one in systems], rows)


def _figures(row: Mapping[Hashable, Any] | None, silence: float) -> Sequence[str]:
    """Return the scores of one note as text: spectral loss, over that of silence, pitch error; none without scores."""
    if row is None:
        return ()
    loss, pitch = float(row["spectral"]), float(row["pitch_error"])
    share = [f"{_SHARE} {number(loss / silence)}"] if silence else []
    return (f"loss {number(loss)}", *share, *([f"{pitch:.0f} cents off"] if np.isfinite(pitch) else []))
