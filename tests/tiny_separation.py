"""A separation study of three short songs of noise, made by the real code: shards, estimates, scores."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from data.execution import Execution
from data.files.audio import to_pcm16, write_sound
from data.musdb.dataset import SAMPLE_RATE, locate
from data.musdb.tracks import ingest_tracks
from data.musdb.vocals import resample_songs
from eval.separation.acceptance import Bounds
from eval.separation.report_input import Study
from eval.separation.score import write_scores
from models.separation.estimates import System, bounds, write_estimates

EVIL = "<script>alert(1)<img src=x onerror=alert(1)> - \"'& $x$_%\\frac"
DEFECTIVE = "BKS - Bulldozer"  # of MUSDB18's official list
SONGS = {EVIL: 1.0, DEFECTIVE: 0.5, "C - Loud": 0.25}  # accompaniment to vocals, in amplitude
RATE = 8000


def write_songs(folder: Path, seconds: float = 3.0) -> Path:
    """Write test songs, and one to train on, as MUSDB18-HQ; the second second is the loudest of the singing."""
    for number, (name, level) in enumerate({"A - Train": 1.0, **SONGS}.items()):
        draw = np.random.default_rng(number)
        stems = {one: draw.standard_normal((int(seconds * SAMPLE_RATE), 2)) * 0.02 * level for one in ("drums", "bass")}
        stems["other"] = np.zeros_like(stems["drums"])
        stems["vocals"] = draw.standard_normal(stems["drums"].shape) * 0.03
        stems["vocals"][SAMPLE_RATE : 2 * SAMPLE_RATE] *= 2
        pcm = {one: to_pcm16(wave) for one, wave in stems.items()}
        pcm["mixture"] = np.asarray(sum(one.astype(np.int32) for one in pcm.values()), np.int16)
        for source, samples in pcm.items():
            path = folder / ("test" if name in SONGS else "train") / name / f"{source}.wav"
            write_sound(path, samples, SAMPLE_RATE)
    return folder


def leaking(share: float) -> System:
    """A system whose vocals hold a share of the accompaniment: its uSDR is the mixture's less 20 log10(share)."""
    return lambda mixture, vocals, rate: vocals + share * (mixture - vocals)


def failing(made: Callable[[], int]) -> System:
    """A system that makes nothing of the first song it gets."""
    return lambda mixture, vocals, rate: mixture * (np.nan if made() == 0 else 0.5)


def make_study(folder: Path) -> Study:
    """Return a study of bounds and four systems without optional parts, judged below `folder`."""
    ingest_tracks(Execution(folder / "tracks"), locate(str(write_songs(folder / "raw")), folder))
    resample_songs(Execution(folder / "songs"), [folder / "tracks"], RATE, 1)
    calls = iter(range(100))
    ours = {
        "masks": leaking(0.25),
        "codec_ceiling": leaking(0.01),
        "diffusion": leaking(0.5),
        "somebodys": failing(lambda: next(calls)),
    }
    write_estimates(Execution(folder / "estimates"), folder / "songs", {**ours, **bounds()})
    write_scores(Execution(folder / "scores"), folder / "songs", folder / "estimates")
    return Study(
        songs=folder / "songs",
        estimates=[folder / "estimates"],
        scores=pd.read_parquet(folder / "scores" / "scores.parquet"),
        seconds=pd.read_parquet(folder / "scores" / "seconds.parquet"),
        bounds=Bounds(),
        provenance={"data": f"embedded songs {EVIL}", "preset": "demo"},
    )


def with_everything(study: Study) -> Study:
    """Return the study with every optional part, small and made up."""
    tracks = list(SONGS)
    steps = [
        {"steps": count, "track": track, "metric": metric, "value": place + value, "real_time_factor": count / 10}
        for count in (1, 20)
        for place, track in enumerate(tracks)
        for metric, value in (("uSDR", 4.0 + count), ("specific loudness error", 1.0))
    ]
    noise = [
        {"what": what, "quantised": quantised, "snr_db": level, "metric": metric, "value": value - 30 / level}
        for what in ("vocals", "mixture")
        for quantised in (False, True)
        for level in (10.0, np.inf)
        for metric, value in (("SI-SDR", 20.0), ("specific loudness error", 5.0))
    ]
    history = pd.DataFrame({"step": [1, 2], "loss": [2.0, 1.0], "valid_sdr": [np.nan, -1.5], "seconds": [30.0, 60.0]})
    facts = {"real_time_factor": 0.125, "first_sound_seconds": 1.5, "memory": {"10": 300.0, "600": 312.0}}
    return replace(
        study,
        steps=pd.DataFrame(steps),
        noise=pd.DataFrame(noise),
        variants={"concat": study.scores, "without the moving average": study.scores},
        cost={"device": "CPU", "threads": 2.0, "systems": {"masks": facts, "diffusion": facts}},
        histories={"denoiser": history},
    )
