"""Converts the singing in any music file with the trained system from the store, and extracts its melody."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.conversion.champion import STAGES as CHAMPION_STAGES
from assets.environment import Configuration
from assets.graph import Graph
from assets.store.locks import reading
from assets.store.pointers import find, get, lock_path
from data.errors import InputError
from data.files.audio import WRITTEN
from data.files.targets import check_target
from data.progress import Listener
from pipelines.definitions import make_graph
from pipelines.settings import Settings

if TYPE_CHECKING:
    from models.conversion.load import Stages


@dataclass(frozen=True)
class Wish:
    """How a song is converted.

    Attributes:
        key: policy of the key, one of `models.conversion.key.KEYS`; "" for "keep" with `remix`, else "octave".
        singer: name of the target singer; "" for the one that the model was trained for.
        remix: lay the converted voice over the accompaniment of the song.
        newest: the newest model instead of the champion.
    """

    key: str = ""
    singer: str = ""
    remix: bool = False
    newest: bool = False

    @property
    def policy(self) -> str:
        """The policy of the key."""
        return self.key or ("keep" if self.remix else "octave")


def convert(settings: Settings, source: Path, target: Path, wish: Wish, listener: Listener) -> dict[str, Any]:
    """Convert the singing in a music file and write it as a file that is in time with the song.

    The file has one channel at 16 kHz; a remix has the sample rate and the channels of the song.

    Args:
        settings: the settings, which name the store and the preset.
        source: music file of any length, sample rate and number of channels.
        target: WAV or FLAC file to write; its folder is created if necessary.
        wish: singer, key, and whether to remix.
        listener: receives progress reports.

    Returns:
        "input", "output", "model" (folder of the acoustic model), "singer", "key", "shift_cents" (None where the model
        chooses), "outside" (fraction of voiced frames outside the range of the singer), "seconds", and for a remix
        "gain_db".

    Raises:
        InputError: the file cannot be read, the target cannot be written or is the source, or there is no such singer,
            key or trained model.

    Example:
        >>> convert(Settings.read(), Path("song.mp3"), Path("converted.wav"), Wish("octave"), print)
    """
    import torch

    from models.conversion.files import read_song, write_voice
    from models.conversion.key import KEYS
    from models.conversion.load import load_converter

    if wish.policy not in KEYS:
        raise InputError(f"--key {wish.key}: no such policy; there are {', '.join(KEYS)}")
    target = check_target(target, WRITTEN, source)
    song = read_song(source)
    graph = make_graph(settings)
    stages, versions = find_stages(graph, newest=wish.newest)
    separator = []
    if wish.remix:
        separator = [get(graph.registry.assets["separation_mask_network"].slot(Configuration(graph.environment)))]
    with reading(map(lock_path, (*versions, *separator))):
        converter = load_converter(stages, torch.device(graph.environment.torch_device()))
        made = converter.convert(song.wave, wish.policy, singer=wish.singer, listener=listener)
        done: dict[str, Any] = {}
        if wish.remix:
            done["gain_db"] = _remix(source, target, made.wave, separator[0], listener)
        else:
            write_voice(target, made.wave)
    semitones = made.shift.semitones
    return {
        "input": str(source),
        "output": str(target),
        "model": str(stages.acoustic),
        "singer": wish.singer or converter.acoustic.target,
        "key": wish.policy,
        "shift_cents": None if semitones is None else 100 * semitones,
        "outside": made.shift.outside,
        "seconds": song.seconds,
        **done,
    }


def melody(settings: Settings, source: Path, target: Path, *, newest: bool = False) -> dict[str, Any]:
    """Extract the melody of the singing in a music file and write it as a CSV file.

    Args:
        settings: the settings, which name the store and the preset.
        source: music file of any length, sample rate and number of channels.
        target: CSV file to write.
        newest: the newest melody extractor instead of the champion's.

    Returns:
        "input", "output", "model" (folder of the melody extractor), "seconds", and "voiced" (fraction of the frames).

    Raises:
        InputError: the file cannot be read, the target cannot be written or is the source, or there is no trained
            model.

    Example:
        >>> melody(Settings.read(), Path("song.mp3"), Path("melody.csv"))
    """
    import torch

    from models.conversion.files import read_song, write_melody
    from models.conversion.melody.load import load_extractor

    target = check_target(target, [".csv"], source)
    song = read_song(source)
    graph = make_graph(settings)
    stages, versions = find_stages(graph, newest=newest)
    with reading(map(lock_path, versions)):
        device = torch.device(graph.environment.torch_device())
        found = load_extractor(stages.melody, device).melody(song.wave)
    write_melody(target, found)
    voiced = float((found.f0 > 0).mean())
    return {
        "input": str(source),
        "output": str(target),
        "model": str(stages.melody),
        "seconds": song.seconds,
        "voiced": voiced,
    }


def find_stages(graph: Graph, *, newest: bool) -> "tuple[Stages, tuple[Path, ...]]":
    """Find the stages to use: those of the champion, or if wanted or without a champion, the newest ones.

    Returns:
        The stages, and the folders of the versions that they are part of. These versions must be locked while the
        stages are read. The stages of a champion are subfolders of one version.

    Raises:
        InputError: a stage has not been materialised.
    """
    from models.conversion.load import Stages

    run = Configuration(graph.environment)

    def folder(name: str) -> Path:
        return get(graph.registry.assets[name].slot(run))

    champion = None if newest else find(graph.registry.assets["conversion_champion"].slot(run))
    if champion is not None:
        return Stages(*(champion / place for place in CHAMPION_STAGES)), (champion,)
    stages = Stages(*(folder(name) for name in CHAMPION_STAGES.values()))
    return stages, stages.all()


def _remix(source: Path, target: Path, voice: Any, separator: Path, listener: Listener) -> float:
    """Write the song's accompaniment with another voice; return the gain of the voice in dB."""
    import torch

    from models.conversion.files import write_remix
    from models.separation.files import separate_file
    from models.separation.load import trained_mask_network

    network = trained_mask_network(separator, torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        vocals = Path(folder) / "vocals.wav"
        separate_file(source, vocals, network, listener)
        return write_remix(source, vocals, voice, target)
