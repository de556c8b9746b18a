"""Training of SING in stages (autoencoder, embeddings, sequence generator, fine-tuning), and its baseline."""

from pathlib import Path

from assets.audits import FINITE
from assets.declaration import Summary, Work, stored_asset
from assets.display import curves
from models.synthesis.presets import VARIANTS

WEIGHTS = ("model.safetensors",)  # without model.json: it holds the training time, which differs in every run
ABLATIONS = VARIANTS[1:]  # rows of the paper's Table 1, without the main variant


@stored_asset(
    config=lambda run: run.synthesis.autoencoder_training,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=ABLATIONS,
    show=curves,
)
def synthesis_autoencoder(work: Work, nsynth_shards: Path) -> Summary:
    """Stage 1: a convolutional autoencoder, trained to reconstruct notes from embedding frames."""
    from models.synthesis.train import train_autoencoder

    return train_autoencoder(work.execution, nsynth_shards, work.config)


@stored_asset(
    config=lambda run: run.synthesis.pitch_shifts,
    files=["index.parquet"],
    kinds={"pytorch", "parquet"},
    variants=ABLATIONS,
)
def synthesis_embeddings(work: Work, nsynth_shards: Path, synthesis_autoencoder: Path) -> Summary:
    """The embedding frames of the training notes, in shards: the training targets of stage 2."""
    from models.synthesis.embed import embed

    return embed(work.execution, nsynth_shards, synthesis_autoencoder, work.config)


@stored_asset(
    config=lambda run: run.synthesis.sequence_training,
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
    from models.synthesis.train import train_sequence

    return train_sequence(work.execution, synthesis_embeddings, synthesis_autoencoder, nsynth_shards, work.config)


@stored_asset(
    config=lambda run: run.synthesis.fine_tuning,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=ABLATIONS,
    audits=(FINITE,),
    show=curves,
)
def synthesis_model(work: Work, nsynth_shards: Path, synthesis_autoencoder: Path, synthesis_sequence: Path) -> Summary:
    """Stage 3: the LSTM and the decoder, trained together from labels to waveform. This is SING."""
    from models.synthesis.train import fine_tune

    return fine_tune(work.execution, nsynth_shards, synthesis_autoencoder, synthesis_sequence, work.config)


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

    return train_wavenet(work.execution, nsynth_shards, work.config)
