"""Results of singing voice separation copied from papers, with their source and metric definition.

Nothing in this module was measured by this project. All values are in dB, for the vocals of the 50 test songs of
MUSDB18. Each has the definition of its metric beside it, because the literature uses the name "SDR" for at least three
different metrics (arXiv 2511.21342, Table 1, mixes two of them).

Sources:

* SiSEC 2018 (Stöter, Liutkus and Ito, arXiv 1804.06267): medians recomputed from the scores that the campaign
  published (sigsep-mus-2018).
* Plaja-Roglans, Hung, Serra and Pereira, arXiv 2511.21342, Table 1. The result tables of arXiv 2511.20470 by the same
  authors, which describes the system implemented here, were not available.
"""

from dataclasses import dataclass

SISEC_SOURCE = "SiSEC 2018, arXiv 1804.06267"
DIFF_DMX_SOURCE = "arXiv 2511.21342, Table 1"
TEST_SONGS, TEST_SECONDS = 50, 12_435  # of MUSDB18


@dataclass(frozen=True)
class SisecRow:
    """Vocals scores of one method of SiSEC 2018 (museval): median over songs of the median over 1 s frames.

    Attributes:
        method: name of the method in the campaign.
        what: description of the method; "" for a submitted system.
        here: name of the corresponding system of this project; "" if there is none. The ideal masks of this project
            are computed slightly differently (`models.separation.oracles`).
        csdr: cSDR in dB.
        csir: cSIR in dB.
        csar: cSAR in dB.
        cisr: cISR in dB.
    """

    method: str
    what: str
    here: str
    csdr: float
    csir: float
    csar: float
    cisr: float


SISEC = (
    SisecRow("MIX", "the mixture itself", "mixture", 1.12, -5.21, 29.97, 2.49),
    SisecRow("IRM1", "ideal ratio mask of magnitudes", "IRM1", 8.52, 17.34, 9.18, 12.38),
    SisecRow("IRM2", "ideal ratio mask of powers", "IRM2", 9.43, 20.78, 9.51, 16.52),
    SisecRow("IBM2", "ideal binary mask of powers", "IBM2", 7.74, 26.53, 7.17, 14.46),
    SisecRow("TAK2", "", "", 7.16, 16.48, 7.48, 12.97),
    SisecRow("TAU1", "", "", 7.15, 16.91, 7.45, 12.51),
    SisecRow("TAK1", "", "", 6.60, 14.37, 6.37, 11.56),
    SisecRow("UHL2", "", "", 5.93, 11.69, 6.28, 12.12),
    SisecRow("JY3", "", "", 5.74, 11.51, 5.54, 12.13),
    SisecRow("MDL1", "", "", 4.02, 7.85, 4.53, 9.38),
    SisecRow("MELO", "", "", 1.97, 2.96, 2.91, 6.35),
)


@dataclass(frozen=True)
class DefinitionRow:
    """Vocals SDR of one method of SiSEC 2018, in dB, the same frame scores aggregated in three ways.

    Attributes:
        method: name of the method in the campaign.
        median_of_medians: median over songs of the median over frames (cSDR).
        mean_of_medians: mean over songs of the median over frames.
        mean_of_means: mean over songs of the mean over frames.
    """

    method: str
    median_of_medians: float
    mean_of_medians: float
    mean_of_means: float


SISEC_DEFINITIONS = (
    DefinitionRow("IRM2", 9.43, 9.50, 9.08),
    DefinitionRow("TAK2", 7.16, 6.39, 4.06),
    DefinitionRow("TAK1", 6.60, 5.12, 2.01),
    DefinitionRow("UHL2", 5.93, 5.05, 2.46),
    DefinitionRow("JY3", 5.74, 4.34, 1.61),
    DefinitionRow("MIX", 1.12, -0.68, -6.38),
)


@dataclass(frozen=True)
class DiffDmxRow:
    """One row of Table 1 of arXiv 2511.21342, whose column "SDR" is a median over songs.

    Attributes:
        system: name of the system as printed.
        metric: definition of `sdr`, as the paper states it or as a comparison with the literature shows it.
        here: system and metric of this project to show beside it; None if there is none.
        generative: True for a generative system.
        passes: number of network evaluations per output; None if not applicable or not known.
        parameters: number of parameters in millions; None if not applicable or not known.
        extra_data: amount of training data besides MUSDB18, as printed.
        sdr: published value in dB; None if no value is available.
    """

    system: str
    metric: str
    here: tuple[str, str] | None
    generative: bool
    passes: int | None
    parameters: int | None
    extra_data: str
    sdr: float | None


_STATED = "uSDR (stated)"
DIFF_DMX = (
    DiffDmxRow("IRM oracle", "cSDR: equals IRM2 of SiSEC 2018", ("IRM2", "cSDR"), False, None, None, "–", 9.43),
    DiffDmxRow("GAN-prior", _STATED, None, True, 1000, 121, "no", -0.44),
    DiffDmxRow("InstGlow", _STATED, None, True, 150, 13, "no", 3.46),
    DiffDmxRow("MSDM, retrained for vocals", _STATED, None, True, 150, 405, "no", 3.64),
    DiffDmxRow("Diff-DMX-RT-musdb", _STATED, None, True, 50, 99, "no", 5.38),
    DiffDmxRow("Diff-DMX-extra", _STATED, None, True, 50, 71, "about 400 h", 6.00),
    DiffDmxRow("Diff-DMX-RT-extra", _STATED, None, True, 50, 99, "about 400 h", 8.77),
    DiffDmxRow("HT-Demucs", "cSDR: equals the literature’s", None, False, 1, 346, "no", 7.93),
    DiffDmxRow("HT-Demucs", "cSDR: equals the literature’s", None, False, 1, 346, "about 53 h", 9.37),
    DiffDmxRow("Latent diffusion, arXiv 2511.20470", "tables not known", ("diffusion", "uSDR"), True, None, None, "–",
               None),
)  # fmt: skip
