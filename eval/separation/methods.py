"""How the separation report was measured, in words."""

from eval.intervals import OF_MEDIANS

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
