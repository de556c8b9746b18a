"""Results published in the SING paper, for comparison; nothing here is measured by this project.

Source: Défossez, Zeghidour, Usunier, Bottou, Bach: SING: Symbol-to-Instrument Neural Generator, NeurIPS 2018
(arXiv 1810.09785), tables 1 and 2 as in the author's slides. Data: NSynth; the test notes are those of
(instrument, pitch) pairs that the model was not trained on.
"""

from dataclasses import dataclass

SING_SOURCE = "Défossez et al., SING, NeurIPS 2018, arXiv 1810.09785"


@dataclass(frozen=True)
class Table1Row:
    """One row of Table 1: losses of a model on training and test notes; None where nothing is published.

    Attributes:
        system: name of the system in the scores of this project.
        variant: name of the model variant in this project.
        training_loss: the loss that the model was trained on.
        spectral_train: spectral loss on training notes.
        spectral_test: spectral loss on test notes.
        mse_train: mean squared error of the waveform on training notes.
        mse_test: mean squared error of the waveform on test notes.
    """

    system: str
    variant: str
    training_loss: str
    spectral_train: float | None
    spectral_test: float | None
    mse_train: float | None
    mse_test: float | None


SING_TABLE_1 = (
    Table1Row("autoencoder", "waveform", "waveform", 0.026, 0.028, 0.0002, 0.0003),
    Table1Row("sing", "waveform", "waveform", 0.075, 0.084, 0.006, 0.039),
    Table1Row("autoencoder", "spectral", "spectral", 0.028, 0.032, None, None),
    Table1Row("sing", "spectral", "spectral", 0.039, 0.051, None, None),
    Table1Row("sing", "no_time_embedding", "spectral", 0.050, 0.063, None, None),
)


@dataclass(frozen=True)
class Table2Row:
    """One row of Table 2: listening score, cost and size of a system; None where nothing is published.

    Attributes:
        system: name of the system in the scores of this project.
        mos: mean opinion score, 1 to 5, and the half width of its 95 % interval.
        training_gpu_hours: training time in hours times the number of GPUs.
        generation: seconds of audio generated per second on one GPU; the batch size is not published.
        compression: number of audio values divided by the number of latent or input values.
        megabytes: size as published. For SING it is MiB of float32 weights; for the WaveNet it seems to include the
            optimiser state (inferred).
    """

    system: str
    mos: tuple[float, float]
    training_gpu_hours: float | None
    generation: float | None
    compression: float | None
    megabytes: float | None


SING_TABLE_2 = (
    Table2Row("recording", (3.86, 0.24), None, None, None, None),
    Table2Row("wavenet", (2.85, 0.24), 3840, 0.2, 32, 948),
    Table2Row("sing", (3.55, 0.23), 120, 512, 2133, 243),
)
SING_ABX = 0.697  # ABX test: share of the answers in which SING was closer to the recording than the WaveNet
