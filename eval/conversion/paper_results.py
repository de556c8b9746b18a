"""Results of singing voice conversion copied from papers and measured on published examples, with their definitions.

Nothing in this module was measured on the data of this project. `None` is a value that is not published, or not
known here.

Sources:

* Chen et al., arXiv 2502.04722, the system built here: the values that reviews of the paper quote. Its full tables were
  not available.
* The examples that its authors published (repository SVC-with-Accompaniment), measured with Praat's autocorrelation at
  the best lag of at most 60 ms: four clean clips, and six with accompaniment whose reference is a separated voice.
* Seed-VC (Liu, arXiv 2411.09943, and its EVAL.md): M4Singer, singers not trained on.
"""

from dataclasses import dataclass

PAPER_SOURCE = "Chen et al., arXiv 2502.04722"
DEMO_SOURCE = "published examples of arXiv 2502.04722"
PEERS_SOURCE = "EVAL.md of Seed-VC"
NOT_PUBLISHED = "not published"
PAPER_CONDITIONS = ("clean", "snr15", "snr10", "snr5", "snr0")


@dataclass(frozen=True)
class PaperRow:
    """F0RMSE and F0CORR of one system of arXiv 2502.04722.

    Attributes:
        system: name as printed.
        here: name of the system in the score tables; "" if there is none.
        rmse: F0RMSE by condition; conditions that are missing are not published.
        corr: F0CORR by condition.
    """

    system: str
    here: str
    rmse: dict[str, float]
    corr: dict[str, float]


PAPER = (
    PaperRow("Proposed (WavLM)", "proposed", {"clean": 0.169, "snr0": 0.199}, {"clean": 0.960}),
    PaperRow("Proposed (HuBERT)", "", {}, {}),
    PaperRow("Original Pitch&Energy", "original", {"clean": 0.165, "snr0": 0.353}, {}),
    PaperRow("Crepe", "crepe", {}, {}),
    PaperRow("Separated+Crepe", "separated_crepe", {}, {}),
)


@dataclass(frozen=True)
class DemoRow:
    """One definition of F0RMSE or F0CORR on the published clean examples, means over four clips.

    Attributes:
        definition: the definition.
        here: column of the score tables with the same definition; "" if there is none.
        values: value of Original Pitch&Energy, Crepe, Separated+Crepe and Proposed.
    """

    definition: str
    here: str
    values: tuple[float, float, float, float]


DEMO_SYSTEMS = ("Original Pitch&Energy", "Crepe", "Separated+Crepe", "Proposed")
DEMO = (
    DemoRow("ln F0, voiced in both, key kept", "f0_rmse_ln", (0.222, 0.198, 0.199, 0.223)),
    DemoRow("ln F0, voiced in both, median key removed", "", (0.109, 0.084, 0.084, 0.034)),
    DemoRow("z-scored ln F0, voiced in both", "f0_rmse_zlog", (0.332, 0.319, 0.324, 0.190)),
    DemoRow("F0 / max F0, all frames, unvoiced as 0", "", (0.147, 0.129, 0.127, 0.178)),
    DemoRow("Hz, voiced in both", "f0_rmse_hz", (52, 44, 44, 51)),
    DemoRow("correlation in Hz, voiced in both", "f0_corr", (0.909, 0.938, 0.935, 0.983)),
    DemoRow("correlation in Hz, all frames", "f0_corr_all", (0.900, 0.926, 0.929, 0.877)),
)


@dataclass(frozen=True)
class PeerRow:
    """Results of one other system without accompaniment.

    Attributes:
        system: name.
        data: what it was measured on.
        corr: F0CORR as its authors define it.
        rmse_hz: F0RMSE in Hz.
        similarity: speaker similarity by an encoder of its own.
        character_error: character error rate in percent.
    """

    system: str
    data: str
    corr: float
    rmse_hz: float
    similarity: float
    character_error: float


PEERS = (
    PeerRow("Seed-VC, zero-shot", "M4Singer, 4 sources × 4 targets", 0.9375, 33.35, 0.7405, 19.70),
    PeerRow("RVCv2, a model per singer", "the same", 0.9404, 30.43, 0.7264, 28.46),
)
