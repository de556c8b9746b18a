"""Settings that all assets share, and the configuration of one run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from data.configuration import override
from models.conversion import presets as conversion
from models.conversion.config import ConversionConfig
from models.separation import presets as separation
from models.separation.config import SeparationConfig
from models.synthesis import presets as synthesis
from models.synthesis.config import SynthesisConfig

DATA, EMBEDDED = "data", "embedded"
_MOST_LOADERS = 16  # more would wait for the interpreter lock and for each other


@dataclass(frozen=True)
class Environment:
    """The settings that all assets share: folders, preset, data, device. `pipelines.settings` reads them.

    Attributes:
        home: folder of the store and of the downloads.
        preset: "demo", "small" or "paper".
        nsynth: folder, archive or URL of NSynth, or "official"; "" for the embedded notes.
        musdb: folder or zip of MUSDB18 or MUSDB18-HQ, or "musdb18" or "musdb18hq"; "" for the embedded songs.
        voices: folder of singing; "" for the embedded singers.
        target_singer: name of the singer whose voice the conversion system learns; "" for the one with most material.
        codec: name of the published codec that the separation system uses; "" for one that is trained here.
        separators: published separators that are evaluated too, such as "umxhq,hdemucs=FILE"; "" for none.
        encoder: name of the published speech encoder that the melody extractor uses; "" for one that is trained here.
        speaker_encoder: file with the weights of the speaker encoder that judges; "" for statistics of the timbre.
        recogniser: folder of the speech recogniser that judges the words; "" for none.
        quality: file of the network that predicts the speech quality of converted voices; "" for none.
        ratings: folder of exported listening tests with their results; "" for none.
        device: "auto", "cpu" or "cuda".
        trainings: number of trainings that may run at a time.
        training_processes: processes that train one model together; 0 for one per GPU.
        loaders: threads that load training batches; 0 for half of the cores, at most 16.
        workers: processes that ingest or judge, at most; 0 for one per core.
        convert_notes: whether notes of another sample rate, length or channel count are brought into NSynth's form.
        most_quarantined: largest allowed share of unusable notes, 0 to 1; above it, the shards do not become current.
        most_bad_tracks: largest allowed share of unusable tracks, 0 to 1.
        most_bad_voices: largest allowed share of unusable recordings of singing, 0 to 1.
        place: folder of the store, or URL of the bucket of one that several machines share; "" for `home`/store.
        cache: size in GB that copies of finished versions of a shared store may take here.

    Example:
        >>> Environment(Path(".tessitura"), preset="small", nsynth="/data/nsynth").store
        PosixPath('.tessitura/store')
    """

    home: Path
    preset: str = "demo"
    nsynth: str = ""
    musdb: str = ""
    voices: str = ""
    target_singer: str = ""
    codec: str = ""
    separators: str = ""
    encoder: str = ""
    speaker_encoder: str = ""
    recogniser: str = ""
    quality: str = ""
    ratings: str = ""
    device: str = "auto"
    convert_notes: bool = False
    trainings: int = 1
    training_processes: int = 1
    loaders: int = 0
    workers: int = 0
    most_quarantined: float = 0.01
    most_bad_tracks: float = 0.1
    most_bad_voices: float = 0.1
    place: str = ""
    cache: float = 100.0

    @property
    def store(self) -> Path:
        """Folder that holds all versions of all assets; of a shared store, those that this machine makes or uses."""
        return Path(self.place) if self.place and not self.shared else self.home / "store"

    @property
    def shared(self) -> str:
        """URL of the bucket of a store that several machines share; "" if the store is a folder of this machine."""
        return self.place if "://" in self.place else ""

    @property
    def cached_bytes(self) -> int:
        """Bytes that copies of finished versions of a shared store may take here."""
        return int(self.cache * 1e9)

    @property
    def downloads(self) -> Path:
        """Folder for downloaded files and for the embedded raw data."""
        return self.home / "downloads"

    @property
    def errors_log(self) -> Path:
        """File to which the tracebacks of unexpected errors are appended."""
        return self.home / "errors.log"

    @property
    def turns(self) -> list[Path]:
        """Lock files, one of which a training holds while it runs, so that no more run at a time."""
        others = [f"training-{number}.lock" for number in range(2, self.trainings + 1)]
        return [self.home / "locks" / name for name in ("training.lock", *others)]

    @property
    def loading(self) -> int:
        """Number of threads that load training batches."""
        return self.loaders or max(1, min(_MOST_LOADERS, usable_cores() // 2))

    @property
    def judging(self) -> int:
        """Largest number of processes that judge."""
        return self.workers or usable_cores()

    def torch_device(self) -> str:
        """Return the name of the torch device to compute on: "cuda" or "cpu"; "auto" takes a GPU if there is one.

        Raises:
            InputError: the setting is "cuda", and there is no GPU.
        """
        import torch

        from data.errors import InputError

        found = torch.cuda.is_available()
        if self.device == "cuda" and not found:
            raise InputError("TESSITURA_DEVICE=cuda: torch finds no GPU here; set it to auto or cpu")
        return "cuda" if found and self.device != "cpu" else "cpu"

    def training_together(self) -> int:
        """Return the number of processes that train one model together.

        Raises:
            InputError: the setting asks for more processes than there are GPUs to compute on.
        """
        if self.training_processes == 1 or self.torch_device() == "cpu":
            return self.training_processes or 1
        import torch

        from data.errors import InputError

        gpus = torch.cuda.device_count()
        if self.training_processes > gpus:
            raise InputError(
                f"TESSITURA_TRAINING_PROCESSES={self.training_processes}: each needs a GPU, torch finds {gpus}; "
                "set it lower, or to 0 for one per GPU"
            )
        return self.training_processes or gpus


def usable_cores() -> int:
    """Return the number of cores that this process may use, by its affinity and the limits of its control group."""
    import joblib

    return joblib.cpu_count()


@dataclass(frozen=True)
class Configuration:
    """The configuration of one run: the preset, changed by a variant and by overrides.

    Attributes:
        environment: the settings, which name the preset.
        variant: name of an ablation variant; "" for the main variant.
        overrides: new values of fields of the system's configuration by dotted path: {"fine_tune.steps": 2000}.

    Example:
        >>> Configuration(environment, overrides={"fine_tune.steps": 2000}).synthesis.fine_tune.steps
        2000
    """

    environment: Environment
    variant: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def synthesis(self) -> SynthesisConfig:
        """Configuration of the synthesis system.

        Raises:
            InputError: an override names a field that does not exist, or its value has another type.
        """
        config = override(synthesis.PRESETS[self.environment.preset], self.overrides)
        return synthesis.variant(config, self.variant or synthesis.VARIANTS[0])

    @cached_property
    def separation(self) -> SeparationConfig:
        """Configuration of the separation system.

        Raises:
            InputError: an override names a field that does not exist, or its value has another type.
        """
        preset = separation.with_published_codec(separation.PRESETS[self.environment.preset], self.environment.codec)
        config = override(preset, self.overrides)
        return separation.with_conditioning(config, self.variant or separation.CONDITIONS[0])

    @cached_property
    def conversion(self) -> ConversionConfig:
        """Configuration of the conversion system.

        Raises:
            InputError: an override names a field that does not exist, or its value has another type.
        """
        preset = conversion.with_published_encoder(
            conversion.PRESETS[self.environment.preset], self.environment.encoder
        )
        config = override(preset, self.overrides)
        return conversion.variant(config, self.variant or next(iter(conversion.VARIANTS)))
