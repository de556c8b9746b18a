"""The measures of the conversion branch: name of the column, heading, direction, digits and definition of each.

The names of columns in the score tables are stable; everything that reads the tables uses them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from eval.report.numbers import number


@dataclass(frozen=True)
class Measure:
    """How a column of a score table is shown.

    Attributes:
        heading: heading of the column in tables, with the unit.
        definition: what it measures, in words.
        better: "larger", "smaller", or "" if neither is better.
        digits: digits after the point.
    """

    heading: str
    definition: str
    better: str = "smaller"
    digits: int = 3


RPA, OA, KEYFREE, CORR, RMSE_LN = "rpa", "oa", "f0_rmse_cents_keyfree", "f0_corr", "f0_rmse_ln"
RECALL = "voicing_recall"

F0_MEASURES: Mapping[str, Measure] = {
    RMSE_LN: Measure("F0RMSE, ln", "root mean square error of ln F0 on frames voiced in both, key kept"),
    KEYFREE: Measure(
        "F0RMSE key-free, cents",
        "root mean square error of F0 in cents on frames voiced in both, after the key shift, their median "
        "difference, is taken away",
        digits=1,
    ),
    "key_shift_cents": Measure("Key shift, cents", "median difference in cents, estimate less reference", "", 1),
    "f0_rmse_zlog": Measure(
        "F0RMSE, z-scored", "root mean square error of ln F0 after mean and deviation of each are removed"
    ),
    "f0_rmse_hz": Measure(
        "F0RMSE, Hz", "root mean square error of F0 in Hz on frames voiced in both, key kept", digits=1
    ),
    CORR: Measure("F0CORR", "Pearson correlation of F0 in Hz on frames voiced in both", "larger"),
    "f0_corr_all": Measure(
        "F0CORR, all frames", "Pearson correlation of F0 in Hz on all frames, unvoiced ones as 0 Hz", "larger"
    ),
    "vuv_error": Measure("Voicing error", "share of frames voiced in one only"),
    "voicing_recall": Measure("Voicing recall", "share of the voiced frames that are found voiced", "larger"),
    "voicing_false_alarm": Measure("False alarm", "share of the unvoiced frames that are found voiced"),
    RPA: Measure("Raw pitch accuracy", "RPA: share of voiced frames within 50 cents, voicing left aside", "larger"),
    "rca": Measure(
        "Raw chroma accuracy", "RCA: share of voiced frames within 50 cents, octaves and voicing left aside", "larger"
    ),
    "rpa_keyfree": Measure(
        "Raw pitch accuracy key-free", "raw pitch accuracy after the key shift is taken away", "larger"
    ),
    "rca_keyfree": Measure(
        "Raw chroma accuracy key-free", "raw chroma accuracy after the key shift is taken away", "larger"
    ),
    OA: Measure("Overall accuracy", "OA: share of all frames with right voicing and pitch", "larger"),
    "gpe": Measure("Gross pitch error", "GPE: share of frames voiced in both that are more than 20 % off"),
    "fpe_cents": Measure(
        "Fine pitch error, cents",
        "FPE: deviation in cents of the frames voiced in both without a gross error",
        digits=1,
    ),
    "ffe": Measure("F0 frame error", "FFE: share of frames with a gross error or wrong voicing"),
}
VOICE_MEASURES: Mapping[str, Measure] = {
    "mcd_dtw": Measure(
        "MCD to source, dB",
        "mel cepstral distortion to the source's clean voice after time warping (DTW): small if the words are kept, "
        "and smallest if nothing was converted",
        "",
        2,
    ),
    "mcd": Measure(
        "MCD to source, unaligned, dB", "mel cepstral distortion to the source's clean voice, not warped", "", 2
    ),
    "mel_db": Measure("Mel distance to source, dB", "mean absolute difference of 40 mel bands, level kept", "", 2),
    "loudness_db": Measure(
        "Loudness distance, dB",
        "mean absolute difference of the A-weighted levels of source and converted voice, its median removed",
        digits=1,
    ),
    "gain_db": Measure("Gain, dB", "median difference of these levels: by how much the estimate is louder", "", 1),
    "speaker_target": Measure(
        "Similarity to target", "cosine to the mean speaker embedding of the target singer's training clips", "larger"
    ),
    "speaker_source": Measure(
        "Similarity to source", "cosine to the mean speaker embedding of the source singer's clips"
    ),
    "nearer": Measure("Nearer to target", "share of clips more similar to the target than to the source", "larger", 2),
    "speech_quality": Measure(
        "Speech quality, MOS",
        "MOS predicted by a network trained on speech: 1 to 5; it compares systems, its scale is not for singing",
        "larger",
        2,
    ),
    "silence_db": Measure(
        "Level in silences, dB",
        "level where the source is silent (40 dB below its loudest frame, and unvoiced), relative to the sung frames",
        digits=1,
    ),
    "word_error": Measure("Word error", "words wrong by a recogniser, against the text named in `text`"),
    "character_error": Measure("Character error", "characters wrong by a recogniser, against the text named in `text`"),
    "source_word_error": Measure(
        "Word error of source", "words wrong by a recogniser in the source's clean voice; only where the text is known"
    ),
    "source_character_error": Measure(
        "Character error of source",
        "characters wrong by a recogniser in the source's clean voice; only where the text is known",
    ),
}  # fmt: skip
VOCODER_MEASURES: Mapping[str, Measure] = {
    "within_50_cents": Measure(
        "Within 50 cents", "share of the voiced frames of a recording that its copy keeps within 50 cents", "larger"
    ),
    "mr_stft": Measure("MR-STFT", "multi-resolution STFT distance of the copy to the recording"),
}
MEASURES: Mapping[str, Measure] = {**F0_MEASURES, **VOICE_MEASURES, **VOCODER_MEASURES}


def definitions() -> dict[str, str]:
    """Return the definition of each measure by its heading."""
    return {one.heading: one.definition for one in MEASURES.values()}


def there_in(scores: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    """Return those of the columns `names` that a table of scores has with at least one value."""
    return [one for one in names if one in scores and scores[one].notna().any()]


def figure(value: float | None, measure: str) -> str:
    """Return a value as text with the digits of its measure: "no value" for NaN, a dash for None."""
    return number(value, digits=MEASURES[measure].digits)
