"""Studies of the separation system: number of DDIM steps, moving average of the weights, noise in the latents.

Each study writes sound as shards, one recording per excerpt of a test song and setting; `eval.separation.studies`
scores them.

* Steps: vocals separated with 1 to 50 DDIM steps.
* Weights: vocals separated with the moving average of the denoiser's weights, and with the weights of the last step.
* Noise: vocals and mixtures decoded from latents z' = z + s · std(z) · ε, with std(z) per latent channel. It shows how
  much quality an error in the latent costs (arXiv 2511.20470 reports such a study without its protocol).

Sound is float32, full scale [-1, 1], unless said otherwise.
Shapes: T samples, K channels, D latent channels, N latent frames.
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
from models.separation.level import LEVEL, gain_to, root_mean_square
from models.separation.published.codec_networks import PretrainedCodec
from models.separation.separate import diffusion_separator

STRENGTHS = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)  # noise s, relative to the standard deviation of a latent channel
SECONDS = 10  # length of an excerpt
MOST_SONGS = 8


@dataclass(frozen=True)
class Excerpt:
    """The part of a song with the most seconds of singing.

    Attributes:
        song: the song.
        start: first sample of the excerpt in the song.
        vocals: true vocals, float32, (T, K).
        mixture: mixture, float32, (T, K).
        sample_rate: sample rate in Hz.
    """

    song: Song
    start: int
    vocals: np.ndarray
    mixture: np.ndarray
    sample_rate: int


def excerpts(shards: Shards, split: str = "test") -> Iterator[Excerpt]:
    """Yield an excerpt of at most 10 s of each song of a split; of more than 8 songs, 8 are taken, evenly spaced.

    Raises:
        InputError: the split has no song, or a song has no accompaniment.
    """
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


# Values of the label columns, and a function from an excerpt to the sound to be stored, (T, K) float.
Setting = tuple[dict[str, Any], Callable[[Excerpt], np.ndarray]]


def write_steps(
    execution: Execution,
    songs: Path,
    network: tuple[AnyCodec, Denoiser, Scaling],
    samplings: Mapping[int, Sampling],
) -> dict[str, int]:
    """Write the vocals of every excerpt, separated with different numbers of DDIM steps.

    The index has the columns "track", "start", "what" ("vocals") and "steps".

    Args:
        execution: the folder for the shards, and the listener that receives progress reports.
        songs: folder of shards with vocals and accompaniment of the songs.
        network: codec, denoiser and the scaling of its latents.
        samplings: settings of the separation, by the number that the column "steps" holds.

    Returns:
        The number of "songs" and of "settings".

    Example:
        >>> network = (codec, *load_denoiser(Path("denoiser"), torch.device("cpu")))
        >>> samplings = {steps: Sampling(steps, frames=256) for steps in (1, 2, 5)}
        >>> write_steps(Execution(Path("study")), Path("songs"), network, samplings)
    """
    settings = [_sampled(network, sampling, {"steps": number}) for number, sampling in samplings.items()]
    return _write(execution, songs, "DDIM steps", settings)


def write_weights(
    execution: Execution, songs: Path, networks: Mapping[str, tuple[AnyCodec, Denoiser, Scaling]], sampling: Sampling
) -> dict[str, int]:
    """Write the vocals of every excerpt, separated with different weights of the denoiser.

    The index has the columns "track", "start", "what" ("vocals") and "weights".

    Args:
        execution: the folder for the shards, and the listener that receives progress reports.
        songs: folder of shards with vocals and accompaniment of the songs.
        networks: codec, denoiser and scaling of its latents, by the name that the column "weights" holds.
        sampling: settings of the separation.

    Returns:
        The number of "songs" and of "settings".
    """
    settings = [_sampled(network, sampling, {"weights": name}) for name, network in networks.items()]
    return _write(execution, songs, "weights", settings)


def _sampled(network: tuple[AnyCodec, Denoiser, Scaling], sampling: Sampling, labels: dict[str, Any]) -> Setting:
    """Return the separation by latent diffusion as a setting with these labels."""
    system = separating(diffusion_separator(*network, sampling))
    return {"what": "vocals", **labels}, lambda one: system(one.mixture, one.vocals, one.sample_rate)


def write_noise(
    execution: Execution, songs: Path, codec: AnyCodec, strengths: Sequence[float] = STRENGTHS
) -> dict[str, int]:
    """Write vocals and mixtures of every excerpt, decoded from latents with added Gaussian noise.

    The noise is the same for all strengths. The index has the columns "track", "start", "what" ("vocals" or
    "mixture"), "quantised" and "strength". A published codec is used without and with its quantiser.

    Args:
        execution: the folder for the shards, the device, and the listener that receives progress reports.
        songs: folder of shards with vocals and accompaniment of the songs.
        codec: codec to study.
        strengths: standard deviations of the noise, relative to that of each latent channel of the excerpt.

    Returns:
        The number of "songs" and of "settings".

    Example:
        >>> codec = load_codec(Path("codec"), torch.device("cpu"))
        >>> write_noise(Execution(Path("study")), Path("songs"), codec)
    """
    device = torch.device(execution.device)
    kinds: dict[bool, Callable[[Tensor], Tensor]] = {False: lambda latent: latent}
    if isinstance(codec, PretrainedCodec):
        kinds[True] = codec.quantise

    def setting(what: str, quantised: bool, strength: float) -> Setting:
        def disturbed(excerpt: Excerpt) -> np.ndarray:
            gain = np.float32(gain_to(LEVEL, root_mean_square([excerpt.mixture])))
            wave = torch.from_numpy(gain * (excerpt.vocals if what == "vocals" else excerpt.mixture).T).to(device)
            with torch.no_grad():
                latent = codec.encode(wave)  # (K, D, N)
                noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(excerpt.start)).to(device)
                noisy = latent + strength * latent.std((0, 2), keepdim=True) * noise
                found = codec.decode(kinds[quantised](noisy), wave.shape[1])
            return found.T.cpu().numpy() / gain

        return {"what": what, "quantised": quantised, "strength": strength}, disturbed

    settings = [setting(*one) for one in product(("vocals", "mixture"), kinds, strengths)]
    return _write(execution, songs, "noise in latents", settings)


def _write(execution: Execution, songs: Path, name: str, settings: Sequence[Setting]) -> dict[str, int]:
    """Write the sound of every excerpt and setting, with the setting's labels as columns of the index.

    If it was stopped, calling it again resumes.
    """
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
