"""The front of the conversion report."""

from collections.abc import Mapping

from eval.acceptance import Criterion
from eval.conversion.measures import CORR, KEYFREE, MEASURES, RPA
from eval.conversion.players import clips_of
from eval.conversion.report_input import Study
from eval.conversion.systems import CLEAN, MAIN, TEST, condition_name, name_of, scored
from eval.conversion.tables import summary_of
from eval.report.blocks import Players
from eval.report.front import Front, Number, champion_sentence, verdict
from eval.report.numbers import with_interval


def front_of(study: Study, found: Mapping[str, Criterion]) -> Front:
    """Return the front of the report.

    Args:
        study: the input of the report.
        found: the checks on the test clips.
    """
    hardest, middle = study.hardest, study.order[len(study.order) // 2 : len(study.order) // 2 + 1]
    rows = [(clip, clips_of(study.sounds, clip, hardest)) for clip in middle]
    target = study.provenance.get("target singer", "the target singer")
    embedded = " The singing was made by a program." if study.embedded else ""
    return Front(
        f"Singing was converted to the voice of {target}: {study.where}, preset "
        f"{study.provenance['preset']}.{embedded}",
        _numbers(study),
        verdict(found, "Conversion"),
        champion_sentence(study.champions, study.provenance.get("model fingerprint", "")),
        Players(
            f"A typical clip, {condition_name(hardest)}",
            ["Mixture", name_of(MAIN), "Source voice", "Target singer"],
            rows,
            item="Clip",
        )
        if rows
        else None,
    )


def _numbers(study: Study) -> list[Number]:
    """Return the numbers on the test clips, clean and in the hardest condition."""
    found = []
    for frame, measure, label, conditions in (
        (study.melody, RPA, "melody: raw pitch accuracy", (study.hardest,)),
        (study.scores, KEYFREE, "voice: key-free F0 error, cents", (CLEAN, study.hardest)),
        (study.scores, CORR, "voice: F0 correlation", (CLEAN,)),
        (study.scores, "nearer", "voice: nearer to the target", (CLEAN,)),
    ):
        if not len(frame) or measure not in frame:
            continue
        for row in summary_of(scored(frame, TEST), [measure]).to_dict("records"):
            if row["system"] == MAIN and row["condition"] in conditions and row["count"]:
                name = f"{label}, {condition_name(str(row['condition']))}"
                digits = MEASURES[measure].digits
                told = with_interval(row["mean"], row["low"], row["high"], digits=digits)
                found.append(Number.of(name, told))
    return found
