"""How many bytes the assets of a system take that grow with the data, by what they store of each second or note.

Only what takes more than a few megabytes is listed: recordings, features, estimates. Sizes are of samples and features;
headers and indices add a few percent, and the archives of NSynth, if they are downloaded, their own size. Models are
listed by the plan, which knows their parameters. Does not import torch: `tessitura run` asks before it starts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from assets.environment import Configuration
from assets.graph import Graph
from assets.store.pointers import is_made
from data.musdb.dataset import OFFICIAL
from models.conversion.config import ConversionConfig
from models.separation.config import SeparationConfig
from models.synthesis.config import SynthesisConfig
from pipelines.planning.volume import Volume, notes, songs, voices

DOWNLOAD = "download of MUSDB18"
_NOTE = 64_000 * 2  # bytes of a note of 4 s, 16 bits
_TRACK_RATE = 44_100 * 2 * 2 * 5  # bytes a second of a track: five stereo sources
_VOICE_RATE = 16_000 * 2  # bytes a second of a voice
_TEST_SONGS, _VALID_SONGS = 0.35, 0.1  # shares of the songs, by time; of MUSDB18 34.5 % are test songs
_EMBEDDED_SECONDS = 20  # mean length of a song made here
_TRAINED, _EVALUATED = 0.75, 0.3  # shares of the singing that is trained on, and that is evaluated
_TARGET = 0.3  # share of the singing that is taken to be the target singer's


@dataclass(frozen=True)
class Need:
    """Disk space that an asset takes.

    Attributes:
        asset: name of the asset.
        size: its size in bytes.
        why: what it is made of, as text.
    """

    asset: str
    size: float
    why: str


def needs(graph: Graph, system: str) -> list[Need]:
    """Return the assets of a system that grow with the data, and their sizes.

    Example:
        >>> [one.asset for one in needs(make_graph(Settings.read()), "synthesis")][0]
        'nsynth_shards'
    """
    run = Configuration(graph.environment)
    if system == "synthesis":
        return list(_synthesis(run.synthesis, notes(graph)))
    archive = OFFICIAL.get(graph.environment.musdb)
    first = [] if archive is None else [Need(DOWNLOAD, archive.size or 0.0, "archive that is kept")]
    if system == "separation":
        return [*first, *_separation(run.separation, songs(graph))]
    return [*first, *_conversion(run.conversion, voices(graph), songs(graph))]


def missing(graph: Graph, system: str) -> list[Need]:
    """Return those of `needs` that have no version in the store yet, and the archive if it is not there."""
    run, environment = Configuration(graph.environment), graph.environment

    def is_there(name: str) -> bool:
        if name == DOWNLOAD:
            return (environment.downloads / f"{environment.musdb}.zip").is_file()
        return is_made(graph.registry.assets[name].slot(run))

    return [one for one in needs(graph, system) if not is_there(one.asset)]


def _synthesis(config: SynthesisConfig, volume: Volume) -> Iterator[Need]:
    frames, dimension, evaluated = config.sequence.frames, config.sequence.dimension, config.evaluated.train
    held = volume.items - volume.training + evaluated  # validation and test notes, and some others
    yield Need("nsynth_shards", volume.items * _NOTE, f"{volume.items:,} notes, 16 bits")
    shifts = len(config.pitch_shifts)
    size = volume.training * shifts * frames * dimension * 2
    yield Need(
        "synthesis_embeddings", size, f"{volume.training:,} notes, {shifts} shift(s), {frames} x {dimension} float16"
    )
    yield Need("synthesis_notes", 2 * held * _NOTE, f"{held:,.0f} notes by SING and its autoencoder")
    yield Need("synthesis_baseline_notes", 3 * held * _NOTE, f"{held:,.0f} notes by the baselines")


def _separation(config: SeparationConfig, volume: Volume) -> Iterator[Need]:
    rate, channels = config.audio.sample_rate, config.audio.channels
    song = rate * channels * 2  # bytes a second of a source
    yield Need("musdb_tracks", volume.seconds * _TRACK_RATE, f"{volume.seconds / 3600:.1f} h of five sources")
    yield Need("separation_songs", volume.seconds * song * 2, "vocals and accompaniment at the rate of the system")
    size = config.embedded * _EMBEDDED_SECONDS * song * 2
    yield Need("separation_embedded_songs", size, f"{config.embedded:,} songs made here")
    test = volume.seconds * _TEST_SONGS * song
    yield Need("separation_vocals", test, "test songs by latent diffusion")
    yield Need("separation_baseline_vocals", 7 * test, "test songs by bounds and baselines")
    yield Need(
        "separation_validation", 4 * _VALID_SONGS * volume.seconds * song, "validation songs by every contestant"
    )


def _conversion(config: ConversionConfig, volume: Volume, songs_: Volume) -> Iterator[Need]:
    yield Need("musdb_tracks", songs_.seconds * _TRACK_RATE, f"{songs_.seconds / 3600:.1f} h of five sources")
    backing = songs_.seconds * _VOICE_RATE
    size = 2 * volume.seconds * _VOICE_RATE + backing
    yield Need("voices_clips", size, f"{volume.seconds / 3600:.1f} h of voices, and accompaniments")
    held = volume.seconds * _EVALUATED
    conditions = 1 + len(config.mixtures.snrs) + (1 if config.mixtures.graded else 0)
    yield Need(
        "conversion_mixtures", held * _VOICE_RATE * conditions, f"{conditions} conditions of the held-out voices"
    )
    copies = _TRAINED * (1 + config.material.copies) + 0.1 * 2  # of a validation clip two, of a test clip none
    frame = 2 * (config.melody.extractor.features + 3 + 80 + 256 / 4)
    size = volume.seconds * copies * 100 * frame
    yield Need("conversion_features", size, f"{1 + config.material.copies} copies of each clip: melody, content, mel")
    predicted = _TARGET * volume.seconds * (100 * 2 * 80 + _VOICE_RATE)
    yield Need("conversion_predicted", predicted, "predicted mel spectrograms and voices of the target singer")
    made = held * _VOICE_RATE * conditions
    yield Need("conversion_converted", made, "converted voices")
    yield Need("conversion_baseline_converted", 2 * made, "voices by the baselines")
