"""Studies of the separation system: how many steps it needs, and how exact its latents have to be.

Each writes sound into shards, an excerpt of every test song and setting; `eval.separation.studies` judges it.

* Steps: DDIM from 1 to 50 steps.
* Weights: the moving average of the denoiser's weights, and the last ones.
* Noise: z' = z + s · std(z) · ε, channel by channel, decoded; how much an error in the latent costs, for vocals
  and mixtures (arXiv 2511.20470 reports such a study without its protocol).

Shapes: T samples, K channels, D latent channels, N frames.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from data.execution import Execution
from data.files.audio import to_float, to_pcm16
from data.files.names import make_id
from data.progress import Progress
from data.shards.reader import Shards
from data.shards.units import SMALL_SHARD_BYTES, Labelling, Unit, write_units
from data.shards.writer import Record
from models.separation.codec import AnyCodec
from models.separation.config import Sampling
from models.separation.denoiser import Denoiser
from models.separation.estimates import Song, separating, songs_of
from models.separation.latents import Scaling
from models.separation.published.codec_networks import PretrainedCodec
from models.separation.separate import diffusion_separator

STEPS = (1, 2, 5, 10, 20, 50)
STRENGTHS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
SECONDS = 10
MOST_SONGS = 8


@dataclass(frozen=True)
class Excerpt:
    """The stretch of a song with the most singing: `vocals` and `mixture` (T, K), and where it begins."""

    song: Song
    start: int
    vocals: np.ndarray
    mixture: np.ndarray
    sample_rate: int


def excerpts(shards: Shards, split: str = "test") -> Iterator[Excerpt]:
    """Yield an excerpt of 10 s of every song of a split, of at most 8 songs spread over all."""
    songs = songs_of(shards, split)
    for number in np.unique(np.linspace(0, len(songs) - 1, min(MOST_SONGS, len(songs))).round().astype(int)):
        song = songs[number]
        rate = int(shards.column("sample_rate")[song.vocals])
        sung = np.concatenate([[0], np.cumsum(shards.table["singing"][song.vocals].as_py())])
        window = min(SECONDS, len(sung) - 1)
        start = int(np.argmax(sung[window:] - sung[: len(sung) - window])) * rate
        length = min(SECONDS * rate, int(shards.column("frames")[song.vocals]) - start)
        vocals, rest = (to_float(shards.segment(row, start, length)) for row in (song.vocals, song.accompaniment))
        yield Excerpt(song, start, vocals, vocals + rest, rate)


Setting = tuple[dict[str, Any], Callable[[Excerpt], np.ndarray]]


def write_steps(
    execution: Execution,
    songs: Path,
    network: tuple[AnyCodec, Denoiser, Scaling],
    samplings: Mapping[int, Sampling],
) -> dict[str, int]:
    """Write the vocals of every excerpt at every number of steps.

    Args:
        execution: the folder of the shards.
        songs: shards of the songs.
        network: codec, denoiser and the scale of its latents.
        samplings: how to draw, by number of steps.
    """
    settings = [_sampled(network, sampling, {"steps": number}) for number, sampling in samplings.items()]
    return _write(execution, songs, "DDIM steps", settings)


def write_weights(
    execution: Execution, songs: Path, networks: Mapping[str, tuple[AnyCodec, Denoiser, Scaling]], sampling: Sampling
) -> dict[str, int]:
    """Write the vocals of every excerpt with each of several sets of weights, by name."""
    settings = [_sampled(network, sampling, {"weights": name}) for name, network in networks.items()]
    return _write(execution, songs, "weights", settings)


def _sampled(network: tuple[AnyCodec, Denoiser, Scaling], sampling: Sampling, labels: dict[str, Any]) -> Setting:
    """Return latent diffusion as a setting."""
    system = separating(diffusion_separator(*network, sampling))
    return {"what": "vocals", **labels}, lambda one: system(one.mixture, one.vocals, one.sample_rate)


def write_noise(
    execution: Execution, songs: Path, codec: AnyCodec, strengths: Sequence[float] = STRENGTHS
) -> dict[str, int]:
    """Write what the codec makes of vocals and mixtures whose latents are disturbed, at every strength.

    A codec with a quantiser is heard with and without it.
    """
    device = torch.device(execution.device)
    kinds: dict[bool, Callable[[Tensor], Tensor]] = {False: lambda latent: latent}
    if isinstance(codec, PretrainedCodec):
        kinds[True] = codec.quantise

    def setting(what: str, quantised: bool, strength: float) -> Setting:
        def disturbed(excerpt: Excerpt) -> np.ndarray:
            wave = torch.from_numpy((excerpt.vocals if what == "vocals" else excerpt.mixture).T.copy()).to(device)
            with torch.no_grad():
                latent = codec.encode(wave)  # (K, D, N)
                noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(excerpt.start)).to(device)
                heard = latent + strength * latent.std((0, 2), keepdim=True) * noise
                found = codec.decode(kinds[quantised](heard), wave.shape[1])
            return found.T.cpu().numpy()

        return {"what": what, "quantised": quantised, "strength": strength}, disturbed

    settings = [setting(*one) for one in product(("vocals", "mixture"), kinds, strengths)]
    return _write(execution, songs, "noise in latents", settings)


def _write(execution: Execution, songs: Path, name: str, settings: Sequence[Setting]) -> dict[str, int]:
    """Write every excerpt under every setting, with the columns of the setting; stopped and called again, go on."""
    some = list(excerpts(Shards(songs)))
    todo = [(excerpt, number) for excerpt in some for number in range(len(settings))]
    labels = {
        _id(excerpt, number): {"track": excerpt.song.track, "start": excerpt.start, **settings[number][0]}
        for excerpt, number in todo
    }

    def made(excerpt: Excerpt, number: int) -> Iterator[Record]:
        yield Record(_id(excerpt, number), to_pcm16(settings[number][1](excerpt)), excerpt.sample_rate)

    def annotate(rows: pa.Table) -> pa.Table:
        columns = pa.Table.from_pylist([labels[one] for one in rows["id"].to_pylist()])
        for column in columns.column_names:
            rows = rows.append_column(column, columns[column])
        return rows

    progress = Progress(name, total=len(todo), unit="excerpts", listener=execution.listener)
    units = [Unit(1, partial(made, *one)) for one in todo]
    write_units(execution.folder, units, progress, Labelling(annotate), SMALL_SHARD_BYTES)
    return {"songs": len(some), "settings": len(settings)}


def _id(excerpt: Excerpt, number: int) -> str:
    return f"{make_id(excerpt.song.track)}-{number:02d}"
