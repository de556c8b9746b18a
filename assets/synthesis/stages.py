"""Training of SING in stages (autoencoder, embeddings, sequence generator, fine-tuning), and its baseline."""

from pathlib import Path

from assets.audits import FINITE
from assets.declaration import Summary, Work, stored_asset
from assets.display import curves
from models.synthesis.harmonic.config import HarmonicSequenceTraining, HarmonicTraining
from models.synthesis.presets import VARIANTS

WEIGHTS = ("model.safetensors",)  # without model.json: it holds the training time, which differs in every run
ABLATIONS = VARIANTS[1:]  # rows of the paper's Table 1 without the main variant, and `harmonic`


@stored_asset(
    config=lambda run: run.synthesis.first_stage,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=ABLATIONS,
    show=curves,
)
def synthesis_autoencoder(work: Work, nsynth_shards: Path) -> Summary:
    """Stage 1: a convolutional autoencoder, trained to reconstruct notes from embedding frames."""
    if isinstance(work.config, HarmonicTraining):
        from models.synthesis.harmonic.train import train_harmonic_autoencoder

        return work.train(train_harmonic_autoencoder, nsynth_shards, work.config)
    from models.synthesis.train import train_autoencoder

    return work.train(train_autoencoder, nsynth_shards, work.config)


@stored_asset(
    config=lambda run: run.synthesis.embedded_shifts,
    files=["index.parquet"],
    kinds={"pytorch", "parquet"},
    variants=ABLATIONS,
)
def synthesis_embeddings(work: Work, nsynth_shards: Path, synthesis_autoencoder: Path) -> Summary:
    """The embedding frames of the training notes, in shards: the training targets of stage 2."""
    from models.synthesis.embed import embed

    return embed(work.execution, nsynth_shards, synthesis_autoencoder, work.config)


@stored_asset(
    config=lambda run: run.synthesis.second_stage,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=ABLATIONS,
    show=curves,
)
def synthesis_sequence(
    work: Work, synthesis_embeddings: Path, synthesis_autoencoder: Path, nsynth_shards: Path
) -> Summary:
    """Stage 2: an LSTM, trained to generate the embedding frames of a note from its labels alone."""
    folders = synthesis_embeddings, synthesis_autoencoder, nsynth_shards
    if isinstance(work.config, HarmonicSequenceTraining):
        from models.synthesis.harmonic.train import train_harmonic_sequence

        return work.train(train_harmonic_sequence, *folders, work.config)
    from models.synthesis.train import train_sequence

    return work.train(train_sequence, *folders, work.config)


@stored_asset(
    config=lambda run: run.synthesis.third_stage,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=ABLATIONS,
    audits=(FINITE,),
    show=curves,
)
def synthesis_model(work: Work, nsynth_shards: Path, synthesis_autoencoder: Path, synthesis_sequence: Path) -> Summary:
    """Stage 3: the LSTM and the decoder, trained together from labels to waveform. This is SING."""
    if isinstance(work.config, HarmonicTraining):
        from models.synthesis.harmonic.train import fine_tune_harmonic

        folders = nsynth_shards, synthesis_autoencoder, synthesis_sequence
        return work.train(fine_tune_harmonic, *folders, work.config)
    from models.synthesis.train import fine_tune

    return work.train(fine_tune, nsynth_shards, synthesis_autoencoder, synthesis_sequence, work.config)


@stored_asset(
    config=lambda run: run.synthesis.wavenet_training,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    belongs=lambda run: run.synthesis.has_wavenet,
    show=curves,
)
def synthesis_wavenet(work: Work, nsynth_shards: Path) -> Summary:
    """The baseline: a small WaveNet autoencoder. Its input is the recorded note that it reconstructs."""
    from models.synthesis.train_wavenet import train_wavenet

    return work.train(train_wavenet, nsynth_shards, work.config)
