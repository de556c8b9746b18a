"""Score converted voices, stored in shards, with the F0 family and measures of voice, level and words.

The melody of a converted voice is found by a judge, a tracker that no system has learnt from, and compared with the
target of the source: the melody of its clean voice. The similarity to a singer is that to the mean embedding of several
clean clips of this singer, which are the same for all systems and never the clip that is judged.

Columns of scores.parquet, one row per (system, clip, condition):

* labels: `system`, `clip`, `condition`, `singer` and `song` (of the source), `split`, `genre` (of the accompaniment,
  "" for none), `target` (the singer it was converted to)
* `seconds` of the converted voice, `shift_cents` as the system tells it, `tracker` (the judge) and `reference` (what
  its melody is compared with)
* every column of `eval.conversion.judges.F0_COLUMNS`, as in melody_scores.parquet
* `mcd_dtw`, `mcd`, `mel_db`, `loudness_db`, `gain_db`: distances to the source's clean voice (`eval.metrics.mcd`)
* `speaker_target`, `speaker_source`: cosine similarities, `nearer` (1.0 if the first is larger, else 0.0) and
  `speaker_encoder`, its name; NaN where a voice is silent
* `speech_quality`: mean opinion score that a network trained on speech predicts, and `quality_predictor`, its name; NaN
  where a voice is silent, NaN and "" without a predictor
* `silence_db`: level where the source is silent, relative to the frames voiced in the source
* `word_error`, `character_error`: of a recogniser, against the `text` named: "words" where the words of the clip are
  given, else "source", what the recogniser finds in the source's clean voice; `source_word_error` and
  `source_character_error`: the same of the source's clean voice, only where the words are given; `recogniser`: its
  name; NaN and "" in conditions that are not recognised
* `reason`: None for a score; else why there is none, and all measures are NaN

Measures that do not apply are NaN.

Columns of embeddings.parquet, one row per voice: `kind` ("voice" for a
clean voice, else the name of the system), `clip`, `condition`, `singer` (of the source), `split` and `embedding`, a
list of numbers.

Shapes: T samples, N frames, D values of an embedding.
"""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.errors import InputError
from data.execution import Execution
from data.files.tables import read_frame, write_frame
from data.progress import Progress
from eval.conversion.inputs import Made, Mixtures, References, scores_frame
from eval.conversion.judges import Judges
from eval.conversion.voices import VoiceJudge
from eval.parts import clear_parts, evaluate_in_parts

TABLE, EMBEDDINGS = "scores.parquet", "embeddings.parquet"


@dataclass(frozen=True)
class ConversionInputs:
    """The shards that a judgement needs.

    Attributes:
        converted: converted voices, int16, with the labels `system`, `clip`, `condition` and `shift_cents`, and
            `target` where systems convert to several singers. In the quarantine table, `part` is the system.
        mixtures: the mixtures they were made of (`data.voices.mixtures`).
        voices: the clean voices (`data.voices.ingest`).
        targets: F0, energy and voicing of the clean voices (`data.voices.targets`).
    """

    converted: Path
    mixtures: Path
    voices: Path
    targets: Path


def score_converted(execution: Execution, inputs: ConversionInputs, judges: Judges | None = None) -> dict[str, int]:
    """Score converted voices and write scores.parquet and embeddings.parquet (columns: module docstring).

    The scores of each clip are stored when they are computed; a second call after an interruption resumes with the
    clips that are left.

    Args:
        execution: its folder receives the tables, and its listener the progress reports, counted in clips.
        inputs: the shards.
        judges: tracker, speaker encoder, recogniser and predictor of quality; by default the tracker alone.

    Returns:
        Number of converted voices that were "scored" and "not scored".

    Raises:
        InputError: there are no converted voices at all; one belongs to no mixture, or its length differs by more than
            0.15 s from its source; an encoder, recogniser or predictor is missing or damaged.

    Example:
        >>> inputs = ConversionInputs(Path("converted"), Path("mixtures"), Path("voices"), Path("targets"))
        >>> score_converted(Execution(Path("scores")), inputs, Judges(speaker=Path("pretrained.pt")))
        {'scored': 480, 'not scored': 0}
    """
    path, judges = execution.folder / TABLE, judges or Judges()
    if not path.is_file():
        made, mixtures = Made(inputs.converted), Mixtures(inputs.mixtures)
        judge = VoiceJudge(made, mixtures, References(inputs.voices, inputs.targets), judges)
        clips = list(dict.fromkeys(clip for clip, _ in made.pairs))
        progress = Progress("score conversions", total=len(clips), unit="clips", listener=execution.listener)
        found = evaluate_in_parts(execution, ("scores", "embeddings"), clips, judge.score, progress)
        frame = scores_frame(found["scores"], list(mixtures.missing(inputs.converted)))
        if frame.empty:
            raise InputError(f"{inputs.converted}: no converted voices and no reasons why; convert the mixtures again")
        voices = pd.DataFrame(judge.clean_embeddings())
        write_frame(execution.folder / EMBEDDINGS, pd.concat([voices, found["embeddings"]], ignore_index=True))
        write_frame(path, frame)
    clear_parts(execution)
    reasons = read_frame(path, ["reason"])["reason"]
    return {"scored": int(reasons.isna().sum()), "not scored": int(reasons.notna().sum())}
