"""Scores of the conversion systems, and the quality checks."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.conversion.stages import WHOLE
from assets.declaration import Shown, Summary, Work, stored_asset
from assets.display import figure, table
from assets.environment import Environment
from assets.judging import judges, judging
from assets.quality import Quality, gather
from models.conversion.config import Thresholds
from models.conversion.presets import EXTRACTORS, PRESETS

if TYPE_CHECKING:
    from eval.acceptance import Criterion
    from eval.conversion.acceptance import Bounds, Evidence

MELODY_SCORES, SCORES, VOCODER_SCORES = "melody_scores.parquet", "scores.parquet", "vocoder_scores.parquet"


def _means(file: str, measures: tuple[str, ...]) -> Any:
    """Return a function that shows the means over test clips of some measures, by system and condition."""

    def show(folder: Path) -> Shown:
        from data.files.tables import read_frame
        from eval.conversion.measures import MEASURES
        from eval.conversion.systems import condition_name, name_of

        scores = read_frame(folder / file)
        names = {"system": name_of, "condition": condition_name}
        groups = [one for one in names if one in scores]
        headings = {one: MEASURES[one].heading for one in measures if one in scores}
        means = scores[scores["split"] == "test"].groupby(groups)[list(headings)].mean().reset_index()
        means = means.assign(**{one: means[one].map(names[one]) for one in groups}).rename(columns=headings)
        plotted = {
            ", ".join([heading, *(row[one] for one in groups)]): figure(row[heading])
            for row in means.to_dict("records")
            for heading in headings.values()
            if row[heading] == row[heading]
        }
        return {"means over test clips": table(means), **plotted}

    return show


@stored_asset(
    files=[MELODY_SCORES], kinds={"parquet"}, variants=EXTRACTORS, show=_means(MELODY_SCORES, ("rpa", "rca", "oa"))
)
def conversion_melody_scores(
    work: Work, conversion_melodies: Path, conversion_mixtures: Path, voices_clips: Path, conversion_targets: Path
) -> Summary:
    """Scores of the melody extractor: accuracy of pitch and voicing, for every mixture."""
    from eval.conversion.melody_score import score_melodies

    return score_melodies(work.execution, conversion_melodies, conversion_mixtures, voices_clips, conversion_targets)


@stored_asset(files=[MELODY_SCORES], kinds={"parquet"}, show=_means(MELODY_SCORES, ("rpa", "rca", "oa")))
def conversion_baseline_melody_scores(
    work: Work, conversion_baseline_melodies: Path, conversion_mixtures: Path, voices_clips: Path,
    conversion_targets: Path,
) -> Summary:  # fmt: skip
    """Scores of the packaged trackers on the same mixtures."""
    from eval.conversion.melody_score import score_melodies

    return score_melodies(
        work.execution, conversion_baseline_melodies, conversion_mixtures, voices_clips, conversion_targets
    )


_SHOWN = ("f0_rmse_cents_keyfree", "f0_corr", "f0_rmse_ln", "speaker_target", "speaker_source", "nearer")


@stored_asset(config=judging, files=[SCORES], kinds={"parquet"}, variants=WHOLE, show=_means(SCORES, _SHOWN))
def conversion_scores(
    work: Work, conversion_converted: Path, conversion_mixtures: Path, voices_clips: Path, conversion_targets: Path
) -> Summary:
    """Scores of the converted voices: pitch, singer, words, level."""
    from eval.conversion.score import ConversionInputs, score_converted

    inputs = ConversionInputs(conversion_converted, conversion_mixtures, voices_clips, conversion_targets)
    return score_converted(work.execution, inputs, judges(work.environment))


@stored_asset(config=judging, files=[SCORES], kinds={"parquet"}, show=_means(SCORES, _SHOWN))
def conversion_baseline_scores(
    work: Work, conversion_baseline_converted: Path, conversion_mixtures: Path, voices_clips: Path,
    conversion_targets: Path,
) -> Summary:  # fmt: skip
    """Scores of what the baselines converted."""
    from eval.conversion.score import ConversionInputs, score_converted

    inputs = ConversionInputs(conversion_baseline_converted, conversion_mixtures, voices_clips, conversion_targets)
    return score_converted(work.execution, inputs, judges(work.environment))


@stored_asset(files=[VOCODER_SCORES], kinds={"parquet"}, show=_means(VOCODER_SCORES, ("within_50_cents", "mr_stft")))
def conversion_vocoder_scores(work: Work, conversion_copies: Path, voices_clips: Path) -> Summary:
    """Scores of copy synthesis: pitch and spectral distance of the copies."""
    from eval.conversion.vocoder_score import score_vocoders

    return score_vocoders(work.execution, conversion_copies, voices_clips)


def bounds(asked: Thresholds) -> "Bounds":
    """Return the bounds of the acceptance criteria for the thresholds of a configuration.

    Example:
        >>> bounds(PRESETS["small"].thresholds).f0_corr
        0.9
    """
    from eval.conversion.acceptance import Bounds

    return Bounds(**asdict(asked))


def evidence(inputs: Mapping[str, Path]) -> "Evidence":
    """Return what the acceptance criteria judge, from the folders of the score assets by name."""
    from eval.conversion.acceptance import Evidence

    def rows(file: str, *names: str) -> Any:
        return gather(*(inputs[name] for name in names), file=file)

    return Evidence(
        rows(SCORES, "conversion_scores", "conversion_baseline_scores"),
        rows(MELODY_SCORES, "conversion_melody_scores", "conversion_baseline_melody_scores"),
        rows(VOCODER_SCORES, "conversion_vocoder_scores"),
    )


def _criteria(inputs: Mapping[str, Path], environment: Environment) -> "Mapping[str, Criterion]":
    """Return the results of the acceptance criteria with the thresholds of the preset."""
    from eval.conversion.acceptance import acceptance_criteria

    return acceptance_criteria(evidence(inputs), bounds(PRESETS[environment.preset].thresholds))


QUALITY = Quality(
    (
        "conversion_scores",
        "conversion_baseline_scores",
        "conversion_melody_scores",
        "conversion_baseline_melody_scores",
        "conversion_vocoder_scores",
    ),
    _criteria,
    {
        "complete": "It made something of every test mixture.",
        "keeps_melody": "Converted clean voices follow the pitch of the source.",
        "keeps_voicing": "Converted clean voices sing where the source sings.",
        "in_tune": "Converted clean voices keep its intervals.",
        "robust": "Accompaniment does little harm to them.",
        "beats_baselines": "With accompaniment, it keeps the intervals better than the baselines.",
        "sounds_like_target": "Converted voices sound like the target singer.",
        "melody_0db": "The melody extractor hears the pitch with accompaniment at 0 dB.",
        "melody_overall_0db": "It tells there what is sung and what is not.",
        "melody_5db": "It hears the pitch with accompaniment at 5 dB.",
        "melody_clean": "It hears the pitch of clean voices.",
        "above_trackers": "With accompaniment, it is above the best packaged pitch tracker.",
        "vocoder_in_tune": "The vocoder keeps the pitch of recorded voices.",
        "vocoder_beats_griffin_lim": "The vocoder is closer to recorded voices than Griffin-Lim is.",
    },
)
