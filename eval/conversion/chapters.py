"""Sections of the conversion report, and its limits in words, which depend on what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from eval.acceptance import title_of
from eval.conversion.figures import condition_charts, distribution_charts, f0_charts
from eval.conversion.measures import CORR, KEYFREE, OA, RPA
from eval.conversion.paper_tables import published_tables
from eval.conversion.players import melody_curves, player_blocks
from eval.conversion.report_input import Study
from eval.conversion.singer_map import map_blocks
from eval.conversion.studies import by_genre, graded_blocks, study_sections
from eval.conversion.systems import CLEAN, GRID, MAIN, TEST, condition_name, conditions_of, name_of, scored
from eval.conversion.tables import (
    ALL_OF_MELODY,
    MELODY_SHOWN,
    VOICE_SHOWN,
    clips_table,
    condition_tables,
    failures_table,
    paired_table,
    references_table,
    systems_table,
)
from eval.conversion.variants import Variants, variant_blocks
from eval.intervals import mean_interval
from eval.report.blocks import Table
from eval.report.document import Block
from eval.report.numbers import number, number_of, with_interval
from eval.report.training import training_charts

_TRAINED = "a network trained on speech, which hears recording conditions and register as well as the singer."
_ENCODERS = {
    "timbre statistics": "a stand-in without a trained network; it hears microphones and rooms as well as the singer.",
}
_COMPARED = (KEYFREE, CORR, "vuv_error", "speaker_target", "character_error")


def conversion_sections(study: Study, systems: Table) -> list[tuple[str, Sequence[Block]]]:
    """Return title and blocks of every section of the page; those without content have no blocks.

    Args:
        study: the input of the report.
        systems: table of all systems on clean voices.
    """
    sounds, hardest = study.sounds, study.hardest
    curves = melody_curves(sounds, study.order, hardest, study.tracker)
    drawn = f0_charts(
        curves,
        f"F0 of the source, as found in the mixture, and of the converted voice, {condition_name(hardest)}; by "
        f"{study.tracker}. A constant distance is the key shift.",
    )
    test = scored(study.scores, TEST)
    shown = conditions_of(test, GRID)
    encoder = next((one for one in test.get("speaker_encoder", pd.Series(dtype=str)) if one), "")
    target = sounds.references.voices.target
    whole = published_tables(study.scores, study.where, comparable=not study.embedded)
    return [
        ("Converted voices", _voices(study, systems)),
        ("Melody alone", _melody(study.melody)),
        ("Compared with what is in use", _against_what_is_in_use(study)),
        ("Listen", player_blocks(sounds, study.scores, study.order, hardest)),
        ("Listening tests", study.listening),
        ("Melodies over each other", drawn),
        ("Singers", map_blocks(study.embeddings, target, encoder, sounds)),
        ("Clip by clip", [clips_table(study.scores, study.order, shown)] if study.order else []),
        ("Harmony, reverberation, crowd", graded_blocks(study.melody, study.scores)),
        *study_sections(study.studies),
        ("Vocoder", vocoder_blocks(study.vocoder)),
        ("Cost", cost_blocks(study.cost)),
        ("Beside papers", whole),
        ("Training", [*training_charts(study.histories), *_champions(study.champions)]),
    ]  # fmt: skip


def _voices(study: Study, systems: Table) -> list[Block]:
    """Return the comparison of the converted voices."""
    lost, genres = failures_table(study.scores, study.melody), by_genre(study.scores, KEYFREE)
    conditions = list(dict.fromkeys((CLEAN, "snr5", study.hardest)))
    paired = [paired_table(study.scores, _COMPARED, one, "converted voice") for one in conditions]
    return [
        *condition_charts(study.scores, (KEYFREE, CORR, "vuv_error"), "converted voice"),
        *condition_tables(study.scores, VOICE_SHOWN, "converted voice", tuple(GRID)),
        systems,
        *([lost] if lost else []),
        *(one for one in paired if one),
        *([genres] if genres else []),
        *distribution_charts(study.scores, KEYFREE, study.hardest),
    ]


def _melody(melody: pd.DataFrame) -> list[Block]:
    """Return the comparison of the melodies; nothing without scores."""
    if not len(melody):
        return []
    known = references_table(melody)
    paired = [paired_table(melody, (RPA, OA), one, "melody") for one in (CLEAN, "snr5", "snr0")]
    return [
        *condition_charts(melody, (RPA, OA, "voicing_recall"), "melody"),
        *condition_tables(melody, MELODY_SHOWN, "melody", tuple(GRID)),
        systems_table(melody, ALL_OF_MELODY, CLEAN, "Melody of clean voices: mean over test clips"),
        *([known] if known else []),
        *(one for one in paired if one),
    ]


def _against_what_is_in_use(study: Study) -> list[Block]:
    """Return the scores of an experiment beside those of the system in use; nothing if these are not given."""
    if study.in_use is None:
        return []
    frames = {"this experiment": study.scores, "in use": study.in_use}
    both = pd.concat(
        [one[one["system"] == MAIN].assign(variant=name) for name, one in frames.items()], ignore_index=True
    )
    return variant_blocks(both, Variants("This experiment and what is in use"))


def vocoder_blocks(vocoder: pd.DataFrame) -> list[Block]:
    """Return the table of copy synthesis, by split (the arm is chosen on validation); nothing without scores."""
    if not len(vocoder):
        return []
    rows = []
    for split, part in vocoder.groupby("split", sort=False):
        for system, mine in part.groupby("system", sort=False):
            cells = []
            for measure in ("within_50_cents", "mr_stft"):
                one = mean_interval(mine[measure].to_numpy(float), mine["singer"].tolist())
                cells.append(with_interval(one.mean, one.low, one.high, digits=3).replace(" ", "\n", 1))
            rows.append([name_of(str(system)), str(split), str(len(mine)), *cells])
    note = "From the mel spectrogram of the recording alone. Interval: bootstrap over whole singers."
    heads = ["Vocoder", "Split", "Clips", "Voiced frames kept within 50 cents", "MR-STFT distance"]
    return [Table("Copy synthesis: mean over clips and 95 % interval", heads, rows, words=2, note=note)]


def cost_blocks(cost: Mapping[str, Any]) -> list[Block]:
    """Return a table of computing time and memory of each stage and of the whole; nothing without measurements.

    Args:
        cost: "device", "threads" and "stages", which maps the name of a stage (and "whole") to its "real_time_factor"
            (seconds of computing per second of sound), and, where they were measured, "first_sound_seconds" (seconds
            until the first output) of a recording of "first_sound_of_seconds", and "memory" (peak memory in MiB, by
            length of the sound in seconds).
    """
    stages: Mapping[str, Mapping[str, Any]] = cost.get("stages", {})
    if not stages:
        return []
    lengths = sorted({float(one) for results in stages.values() for one in results.get("memory", {})})
    rows = []
    for stage, results in stages.items():
        memory = {float(length): float(one) for length, one in results.get("memory", {}).items()}
        first = results.get("first_sound_seconds")
        rows.append(
            [stage, number(results["real_time_factor"]), number(first),
             *(f"{memory[one]:,.0f}" if one in memory else "–" for one in lengths)]
        )  # fmt: skip
    lasting = [float(one["first_sound_of_seconds"]) for one in stages.values() if "first_sound_of_seconds" in one]
    note = (
        "Real-time factor: seconds of computing a second of sound, smaller is faster. First sound: from the call to "
        f"the first converted samples{f' of a recording of {lasting[0]:g} s' if lasting else ''}; each stage works on "
        "all of it before the next begins. MiB: memory at the peak, by the length of the song. Measured on "
        f"{cost['device']} with {float(cost['threads']):.0f} threads."
    )
    heads = ["Stage", "Real-time factor", "First sound, s", *(f"MiB, {one:g} s" for one in lengths)]
    return [Table("What converting costs", heads, rows, note=note)]


def _champions(champions: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return the table of champions so far, judged on validation clips; nothing without champions."""
    if not champions:
        return []
    checks = list(champions[-1]["criteria"])
    rows = [
        [str(place), str(one["model"])[:12], str(one["commit"]),
         *(number(one["criteria"].get(name, float("nan"))) for name in checks)]
        for place, one in enumerate(champions, 1)
    ]  # fmt: skip
    return [
        Table(
            "Champions so far, by validation clips",
            ["Number", "Model", "Commit", *map(title_of, checks)],
            rows,
            words=3,
        )
    ]


def limits(study: Study) -> list[str]:
    """Return the limits of what was measured, a sentence or two each; they depend on what is there."""
    test, lines = scored(study.scores, TEST), []
    songs, singers = test["group"].nunique(), test["singer"].nunique()
    if songs < 6:
        lines.append(f"The test clips are of {number_of(songs, 'song')}: too few for a paired test, which takes six.")
    if 0 < singers < 5:
        lines.append(
            f"The test clips are of {number_of(singers, 'singer')}: how it does with other voices is not known."
        )
    tracked = [one for one in dict.fromkeys(test["reference"].dropna()) if one.startswith("tracker: ")]
    if tracked:
        names = ", ".join(one.removeprefix("tracker: ") for one in tracked)
        lines.append(
            f"The source's melody is what {names} finds in the clean voice, the converted one's what {study.tracker} "
            "finds: where they differ by themselves, the error is not the system's: see “Copy of the source”."
        )
    lines += _limits_of_voice(test)
    if not len(study.melody):
        lines.append("The melody extractor was not judged alone.")
    if not len(study.vocoder):
        lines.append("The vocoder was not judged alone.")
    missing = [condition_name(one) for one in GRID if one not in set(test["condition"])]
    if missing:
        lines.append(f"Not judged: {', '.join(missing)}.")
    return [
        *lines,
        "No listener was asked: naturalness and similarity by ear are not known. Listen to the worst clips.",
    ]


def _limits_of_voice(test: pd.DataFrame) -> list[str]:
    """Return the limits on singer, quality, words and key."""
    lines = []
    mine = test[test["system"] == MAIN]
    encoders = [one for one in dict.fromkeys(test.get("speaker_encoder", pd.Series(dtype=str)).dropna()) if one]
    if encoders:
        lines += [f"Similarity to singers is by {one}: {_ENCODERS.get(one, _TRAINED)}" for one in encoders]
    else:
        lines.append("No speaker encoder was given: whether it sounds like the target singer was not measured.")
    predictors = [one for one in dict.fromkeys(test.get("quality_predictor", pd.Series(dtype=str)).dropna()) if one]
    if predictors:
        lines += [f"Speech quality is a MOS predicted by {one}, a network trained on speech." for one in predictors]
    else:
        lines.append("No predictor of speech quality was given: speech quality is not applicable.")
    texts = set(mine.get("text", pd.Series(dtype=str)).dropna()) - {""}
    if not texts:
        lines.append("No recogniser was given: whether the words survive was not measured.")
    elif "source" in texts:
        lines.append(
            "The words of the clips are not known: errors of words are against what the recogniser finds in the source."
        )
    shifts = mine["shift_cents"].dropna() if "shift_cents" in mine else pd.Series(dtype=float)
    if len(shifts) and (shifts != 0).any():
        lines.append(
            f"Its key was shifted by {shifts.min():+.0f} to {shifts.max():+.0f} cents: F0RMSE that keeps the key "
            "(ln, Hz) includes the shift."
        )
    return lines
