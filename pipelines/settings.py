"""Reads and checks the settings: environment variables TESSITURA_… or a file .env beside the Makefile.

A variable TESSITURA_… that is no setting is an error, as is a line of .env that cannot be read: a misspelt name would
otherwise leave the default in force without a word.
"""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from assets.environment import Environment
from data.errors import InputError
from models.conversion.melody.published.encoders import ENCODERS
from models.separation.published.codecs import CODECS
from models.separation.published.separators import SEPARATORS, parse_separators
from pipelines.notices import check_address
from pipelines.variables import FROZEN, PREFIX, check_names, names_in

if TYPE_CHECKING:
    from assets.store.remote.shared import SharedStore

CHECKOUT = Path(__file__).resolve().parent.parent
_HIDDEN = ("TESSITURA_NOTIFY", "TESSITURA_STORE")  # may hold a password
_NO_QUESTION_MARK = 'the database of Dagster cannot lie below a folder with "?" in its name; name another'


class Settings(BaseSettings):
    """The settings: folders, preset, data, device. Each field is the variable TESSITURA_FIELD.

    Attributes:
        home: folder of the store, of Dagster's history and of the downloads.
        store: folder of the store, or s3://BUCKET/PREFIX of one that several machines share; "" for `home`/store.
        cache: size in GB that copies of a shared store may take in `home`.
        reports: folder that receives every report; None for `home`/reports.
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
        notify: where notices of failures go (`pipelines.notices`), a secret; "" for nowhere.
        device: "auto", "cpu" or "cuda".
        executor: where the steps of a run that the web UI starts are executed: "processes", "ray" or "k8s".
        trainings: number of trainings that may run at a time.
        training_processes: processes that train one model together; 0 for one per GPU.
        loaders: threads that load training batches; 0 for half of the cores, at most 16.
        workers: processes that ingest or judge, at most; 0 for one per core.
        convert_notes: whether notes of another sample rate, length or channel count are brought into NSynth's form.
        most_quarantined: largest allowed share of unusable notes, 0 to 1.
        most_bad_tracks: largest allowed share of unusable tracks, 0 to 1.
        most_bad_voices: largest allowed share of unusable recordings of singing, 0 to 1.

    Example:
        >>> Settings.read().preset
        'demo'
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=CHECKOUT / ".env", extra="ignore", env_ignore_empty=True
    )

    home: Path = Field(CHECKOUT / ".tessitura", description="folder of the store, the history and the downloads")
    store: str = Field(
        "",
        description="folder of the store, or s3://BUCKET/PREFIX of one that several machines share (credentials and "
        "endpoint: the usual variables AWS_…); empty: store in home",
    )
    cache: float = Field(
        100.0, gt=0, description="GB that copies of a shared store may take in home, besides those in use"
    )
    reports: Path | None = Field(
        None,
        description="folder that receives a dated copy of every report, with an index page; empty: reports in home",
    )
    preset: Literal["demo", "small", "paper"] = Field(
        "demo",
        description="sizes and lengths of all systems: demo (CPU, minutes), small (real data, CPU, an hour of "
        "training), paper (63.7 M parameters, GPU)",
    )
    nsynth: str = Field(
        "",
        description="NSynth: folder (nsynth-train/ … or one that holds them), .jsonwav.tar.gz archive, URL, or "
        "official to download it; empty: embedded notes",
    )
    musdb: str = Field(
        "",
        description="folder or zip of MUSDB18 or MUSDB18-HQ, or musdb18, musdb18hq to download it; empty: embedded "
        "songs",
    )
    voices: str = Field(
        "",
        description="folder of singing: a folder per singer, or the layout of OpenSinger, M4Singer, Opencpop, "
        "NUS-48E, vocadito or MIR-1K; empty: embedded singers",
    )
    target_singer: str = Field("", description="singer whose voice conversion learns; empty: the one with most singing")
    codec: str = Field(
        "",
        description=f"codec of separation: {', '.join(CODECS)}, downloaded, or taken from downloads/NAME in the home; "
        "empty: one trained here",
    )
    separators: str = Field(
        "",
        description="published separators evaluated beside ours, and in conversion's baselines: "
        f"{', '.join(SEPARATORS)}, downloaded, or with weights at hand: umxhq,hdemucs=FILE,spleeter=FOLDER; "
        "empty: none",
    )
    encoder: str = Field(
        "", description=f"hears for the conversion system: {', '.join(ENCODERS)}; empty: one trained here"
    )
    speaker_encoder: str = Field(
        "",
        description="file of a GE2E speaker encoder (pretrained.pt of resemblyzer) that judges whose voice it is; "
        "empty: statistics of the timbre",
    )
    recogniser: str = Field(
        "", description="folder of a Whisper model in CTranslate2 form that judges the words; empty: none"
    )
    quality: str = Field(
        "",
        description="file of DistillMOS (distill_mos_v7.pt of distillmos 0.9.1): predicts the speech quality of "
        "converted voices; trained on speech; empty: none",
    )
    ratings: str = Field(
        "", description="folder of exported listening tests with the files that listeners sent back; empty: none"
    )
    notify: str = Field(
        "",
        repr=False,
        description="where notices of failed runs and the monthly digest go: "
        "smtp://USER:PASSWORD@HOST:587/?from=A&to=B (or smtps://), a Slack hook, slack+https://… for what takes "
        "Slack's messages, or any web hook https://…, which gets JSON; empty: nowhere",
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where to train and generate")
    executor: Literal["processes", "ray", "k8s"] = Field(
        "processes",
        description="what executes the steps of runs of the web UI: processes of this machine, jobs of Ray, or "
        "pods of Kubernetes",
    )
    trainings: int = Field(
        1,
        ge=1,
        le=64,
        description="trainings that may run at a time, over all runs of the command line (in the demo: 2)",
    )
    training_processes: int = Field(
        1,
        ge=0,
        le=64,
        description="processes that train one model together, on a GPU each; 0: one per GPU",
    )
    loaders: int = Field(
        0, ge=0, le=64, description="threads that load training batches ahead; 0: half of the cores, at most 16"
    )
    workers: int = Field(0, ge=0, le=256, description="processes that ingest or judge, at most; 0: one per core")
    convert_notes: bool = Field(
        False,
        description="true brings notes of another sample rate, length or channel count into NSynth's form",
    )
    most_quarantined: float = Field(
        0.01, ge=0, le=1, description="share of unusable notes above which the shards are refused"
    )
    most_bad_tracks: float = Field(
        0.1, ge=0, le=1, description="share of unusable tracks above which the tracks are refused"
    )
    most_bad_voices: float = Field(
        0.1, ge=0, le=1, description="share of unusable recordings of singing above which the clips are refused"
    )

    @classmethod
    def read(cls) -> "Settings":
        """Return the settings that a parent process froze, or otherwise those of the variables and the file .env.

        Raises:
            InputError: a value is not allowed, a variable TESSITURA_… is no setting, or .env cannot be read; the
                message names the variable, or the file and the line.
        """
        if FROZEN not in os.environ:
            file = cls.model_config.get("env_file")
            check_names(os.environ, "", cls.model_fields)
            if file is not None and Path(str(file)).exists():
                check_names(names_in(Path(str(file))), f"{file}: ", cls.model_fields)
        try:
            return cls(**json.loads(os.environ.get(FROZEN, "{}")))
        except ValidationError as error:
            first = error.errors()[0]
            name = f"TESSITURA_{str(first['loc'][0]).upper()}"
            value = "…" if name in _HIDDEN else repr(first["input"])
            # The cause holds the value too.
            raise InputError(f"{name}={value}: {first['msg'].lower()}") from (None if name in _HIDDEN else error)

    @field_validator("home", "reports")
    @classmethod
    def _absolute(cls, folder: Path | None) -> Path | None:
        if folder is not None and "?" in str(folder):
            raise ValueError(_NO_QUESTION_MARK)
        try:
            return None if folder is None else folder.expanduser().resolve()
        except (OSError, RuntimeError) as error:  # a loop of links, "~nobody"
            raise ValueError(f"{error}; choose another folder") from error

    @field_validator("store")
    @classmethod
    def _place(cls, place: str) -> str:
        if "://" not in place:
            return str(Path(place).expanduser().resolve()) if place else ""
        from assets.store.remote.objects import split_url

        try:
            split_url(place)
        except InputError as error:
            raise ValueError(str(error)) from error
        return place.rstrip("/")

    @field_validator("codec", "encoder")
    @classmethod
    def _known(cls, name: str, info: ValidationInfo) -> str:
        kind = str(info.field_name)
        known = {"codec": CODECS, "encoder": ENCODERS}[kind]
        if name and name not in known:
            raise ValueError(f"no such {kind}; there are {', '.join(known)}, or none")
        return name

    @field_validator("speaker_encoder", "recogniser", "quality", "ratings")
    @classmethod
    def _there(cls, place: str) -> str:
        if place and not Path(place).expanduser().exists():
            raise ValueError("there is nothing; correct the path or leave it empty")
        return place

    @field_validator("notify")
    @classmethod
    def _address(cls, address: str) -> str:
        if address:
            try:
                check_address(address)
            except InputError as error:
                raise ValueError(str(error)) from None
        return address

    @field_validator("separators")
    @classmethod
    def _separators(cls, separators: str) -> str:
        try:
            parse_separators(separators)
        except InputError as error:
            raise ValueError(str(error).partition(": ")[2]) from error
        return separators

    @property
    def store_folder(self) -> Path:
        """Folder that holds all versions of all assets; of a shared store, those that this machine makes or uses."""
        return self.environment().store

    def shared_store(self) -> "SharedStore | None":
        """Return the store that several machines share; None if the store is a folder of this machine."""
        environment = self.environment()
        if not environment.shared:
            return None
        from assets.store.remote.shared import connect

        return connect(environment.shared, environment.store, environment.cached_bytes)

    @property
    def report_folder(self) -> Path:
        """Folder of exported reports (`pipelines.reports`): `reports` if it is set, otherwise `home`/reports."""
        return self.reports or self.home / "reports"

    @property
    def dagster_home(self) -> Path:
        """Folder of Dagster's configuration and history: DAGSTER_HOME if it is set, otherwise `home`/dagster."""
        given = os.environ.get("DAGSTER_HOME")
        if given and "?" in given:
            raise InputError(f"DAGSTER_HOME={given}: {_NO_QUESTION_MARK}")
        return Path(given).expanduser().resolve() if given else self.home / "dagster"

    def environment(self) -> Environment:
        """Return the settings in the form that assets use."""
        return Environment(**self.model_dump(exclude={"reports", "notify", "store", "executor"}), place=self.store)

    def frozen(self) -> str:
        """Return the settings as JSON text, the value of the variable `FROZEN`."""
        return self.model_dump_json()

    def freeze(self) -> None:
        """Pass these settings to every process that this one starts from now on, even if `.env` is edited."""
        os.environ[FROZEN] = self.frozen()
