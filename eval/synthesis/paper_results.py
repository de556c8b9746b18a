"""Numbers from papers, typed in once, with where they stand. Never measured here.

Source: Défossez, Zeghidour, Usunier, Bottou, Bach: SING: Symbol-to-Instrument Neural Generator,
NeurIPS 2018 (arXiv 1810.09785), tables 1 and 2 as in the author's slides. Data: NSynth, test =
unseen (instrument, pitch) pairs.
"""

from dataclasses import dataclass

SING_SOURCE = "Défossez et al., SING, NeurIPS 2018, arXiv 1810.09785"


@dataclass(frozen=True)
class Table1Row:
    """Spectral loss and waveform MSE on training and test pairs; None where nothing is published."""

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
    """Listening score, cost and size.

    Attributes:
        system: as the columns of our scores name it.
        mos: mean opinion score, 1 to 5, with the half width of its 95 % interval.
        training_gpu_hours: hours times GPUs.
        generation: seconds of audio a second on one GPU, batch unknown.
        compression: audio values over latent or input values.
        megabytes: as published; SING's are MiB of float32 weights, the WaveNet's hold optimiser state too.
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
SING_ABX = 0.697  # share of listeners' choices that found SING closer to the recording than the WaveNet
