"""The fixed texts of the separation report: how it was measured, its files, its model card."""

from eval.intervals import OF_MEDIANS
from eval.report.exports import Card

METHODS = (
    ("Songs", "vocals and accompaniment (mixture less vocals); an estimate of the one is one of the other, likewise"),
    (
        "Source set",
        "SIR and SAR refer to the span of vocals and accompaniment, ISR to the own source; 512 taps",
    ),
    ("Not a number", "a second in which a reference or an estimate is silent has no value; it is counted, not scored"),
    ("Interval", OF_MEDIANS.format("songs")),
    ("Seeds", "each network was trained once, from one seed; intervals are over songs, not over trainings"),
    ("Mixture", "taken for the vocals as it is: nothing done"),
    ("Codec ceiling", "true vocals, coded and decoded: what latent diffusion could reach if it never erred"),
    (
        "IRM1, IRM2, IBM2",
        "ideal masks on the mixture's STFT (46 ms) from true vocals V and accompaniment A: |V| / (|V| + |A|), "
        "|V|² / (|V|² + |A|²), and 1 where |V|² > |A|²: what masking could reach",
    ),
    (
        "Known defects",
        "the official errata of MUSDB18 and those reported by listeners: bleeding, wrong sources, bad sums",
    ),
)
FILES = (
    ("metrics.json", "numbers, checks, provenance and definitions, for programs"),
    ("scores.parquet", "every metric of every song and source of every system"),
    ("seconds.parquet", "every metric of every second"),
    ("systems.tex", "the table of all systems in LaTeX"),
    ("tables.tex", "all tables of this page in LaTeX (package booktabs)"),
    ("model_card.md", "model card with a model-index, for model hubs"),
)
CARD = Card(
    name="Latent diffusion for singing voice separation",
    tags=("audio", "music", "source-separation"),
    task="audio-to-audio",
    task_name="vocals out of a mixture",
    data_type="musdb18",
    split="test songs, median over songs",
    title="Singing voice separation by latent diffusion",
    told=(
        "The system follows Plaja-Roglans et al. 2025 (arXiv 2511.20470 and 2511.21342), implemented anew.",
        "It draws the vocals of a mixture in the latent space of a codec, and can sing what was not there.",
        "It does not give the other sources; the accompaniment is the mixture less its vocals.",
    ),
    heading="Measured on test songs",
)
