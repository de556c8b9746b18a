"""The conversion system in stages: targets, mixtures, encoder, melody extractor, content, acoustic models, vocoder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assets.audits import FINITE, apart, readable
from assets.declaration import Audit, Finding, Summary, Work, stored_asset
from assets.display import curves
from assets.environment import Configuration, Environment
from models.conversion.presets import DISCRIMINATORS, EXTRACTORS, FREEZING, LENGTHS, MAIN

if TYPE_CHECKING:
    from models.conversion.content.config import PublishedContent, RecogniserTraining
    from models.conversion.melody.config import EncoderTraining
    from models.conversion.melody.published.encoders import PublishedEncoder

WEIGHTS = ("model.safetensors",)
INDEX = ("index.parquet",)
_LEAKS = "leaks.json"  # messages for everything that training and evaluation share
_FREEZING = tuple(one for one in FREEZING if one != MAIN)
WHOLE = (*_FREEZING, *(one for one in DISCRIMINATORS if one != MAIN))  # variants that convert voices


def _tracker(run: Configuration) -> dict[str, str]:
    """Return the tracker of the targets; the embedded singers come with their exact F0."""
    return {"tracker": run.conversion.tracker if run.environment.voices else "exact"}


@stored_asset(config=_tracker, files=INDEX, kinds={"parquet"}, audits=(readable(100),))
def conversion_targets(work: Work, voices_clips: Path) -> Summary:
    """F0, energy and voicing of every clean voice, 100 times a second: what the melody extractor learns to hear."""
    from data.voices.targets import write_targets

    return write_targets(work.execution, voices_clips, work.config["tracker"])


def _unheard(folder: Path, environment: Environment) -> Finding:
    """Check that no singer, song or accompaniment of the mixtures is trained on."""
    from data.files.durable import read_json

    del environment
    return apart(read_json(folder / _LEAKS), "training and evaluation", "make the voices anew")


@stored_asset(
    config=lambda run: run.conversion.mixtures,
    files=INDEX,
    kinds={"parquet"},
    audits=(readable(100), Audit("unheard", "No singer, song or accompaniment of it is trained on.", _unheard)),
)
def conversion_mixtures(
    work: Work, voices_clips: Path, conversion_targets: Path, separation_mask_network: Path
) -> Summary:
    """The evaluation set: held-out voices alone and with accompaniment at fixed ratios, and a set graded by difficulty.

    The graded set has harmony, the lead as our separation system leaves it, reverberation, and a crowd.
    """
    from data.files.durable import write_json
    from data.voices.leaks import leaks_into_training
    from data.voices.mixtures import write_mixtures

    separate = separating(separation_mask_network, work.execution.device)
    made = write_mixtures(work.execution, voices_clips, conversion_targets, work.config, separate)
    write_json(work.execution.folder / _LEAKS, leaks_into_training(voices_clips, work.execution.folder))
    return made


def separating(network: Path, device: str) -> Any:
    """Return the discriminative network of the separation system as a function from a mixture to vocals, (T,) each."""
    import torch

    from models.conversion.baselines import by_separator
    from models.separation.estimates import separating as system
    from models.separation.load import trained_mask_network

    return by_separator(system(trained_mask_network(network, torch.device(device))))


def _encoder(run: Configuration) -> "EncoderTraining | PublishedEncoder":
    """Return the training of the project's own encoder, or the published encoder that is used instead."""
    from models.conversion.melody.published.encoders import ENCODERS

    name = run.conversion.published
    return ENCODERS[name] if name else run.conversion.encoder


@stored_asset(config=_encoder, files=WEIGHTS, kinds={"pytorch"}, trains=True, show=curves)
def conversion_encoder(work: Work, voices_clips: Path) -> Summary:
    """An encoder of sound, trained without labels on the voices at hand.

    If TESSITURA_ENCODER names a published speech encoder, that one is used instead.
    """
    from models.conversion.melody.published.encoders import PublishedEncoder
    from models.conversion.melody.published.hub import copy_published_encoder
    from models.conversion.melody.train_encoder import train_encoder

    if isinstance(work.config, PublishedEncoder):
        copy_published_encoder(work.config, work.environment.downloads, work.execution)
        return {"published": work.config.name}
    return work.train(train_encoder, voices_clips, work.config)


@stored_asset(
    config=lambda run: run.conversion.melody,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=(*EXTRACTORS, LENGTHS),
    audits=(FINITE,),
    show=curves,
)
def conversion_melody(work: Work, voices_clips: Path, conversion_targets: Path, conversion_encoder: Path) -> Summary:
    """The melody extractor: it hears pitch, energy and voicing of the voice in a mixture."""
    from models.conversion.melody.train_extractor import train_extractor

    return work.train(train_extractor, voices_clips, conversion_targets, conversion_encoder, work.config)


def _content(run: Configuration) -> "RecogniserTraining | PublishedContent":
    """Return the training of the project's own content network, or what is taken of a published encoder."""
    return run.conversion.content if run.conversion.published else run.conversion.recogniser


@stored_asset(config=_content, files=WEIGHTS, kinds={"pytorch"}, trains=True, show=curves)
def conversion_content(work: Work, voices_clips: Path, conversion_encoder: Path) -> Summary:
    """The content network: what is sung, 25 times a second, as free of singer and melody as it can be had."""
    from models.conversion.content.config import PublishedContent
    from models.conversion.content.train_recogniser import train_recogniser
    from models.conversion.content.whisper import write_published_content

    if isinstance(work.config, PublishedContent):
        return write_published_content(work.execution, voices_clips, conversion_encoder, work.config)
    return work.train(train_recogniser, voices_clips, work.config)


@stored_asset(
    config=lambda run: run.conversion.material, files=INDEX, kinds={"pytorch", "parquet"}, trains=True,
    variants=_FREEZING, audits=(readable(100),),
)  # fmt: skip
def conversion_features(
    work: Work, voices_clips: Path, conversion_targets: Path, conversion_melody: Path, conversion_content: Path
) -> Summary:
    """Melody features, content and mel spectrogram of voices and altered copies: material of the acoustic model."""
    from models.conversion.acoustic.features import Sources, write_features

    sources = Sources(voices_clips, conversion_targets, conversion_melody, conversion_content)
    return write_features(work.execution, sources, work.config)


@stored_asset(
    config=lambda run: run.conversion.acoustic,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=WHOLE,
    audits=(FINITE,),
    show=curves,
)
def conversion_acoustic(work: Work, conversion_features: Path) -> Summary:
    """The acoustic model: from melody features and content to the mel spectrogram of the target singer."""
    from models.conversion.acoustic.train_acoustic import train_acoustic

    return work.train(train_acoustic, conversion_features, work.config)


@stored_asset(config=lambda run: run.conversion.pitched, files=WEIGHTS, kinds={"pytorch"}, trains=True, show=curves)
def conversion_pitched_acoustic(work: Work, conversion_features: Path) -> Summary:
    """The acoustic model of the baselines: it reads pitch and energy instead of melody features."""
    from models.conversion.acoustic.train_acoustic import train_acoustic

    return work.train(train_acoustic, conversion_features, work.config)


@stored_asset(config=lambda run: run.conversion.vocoder, files=WEIGHTS, kinds={"pytorch"}, trains=True, show=curves)
def conversion_vocoder(work: Work, voices_clips: Path, conversion_targets: Path) -> Summary:
    """The vocoder: from mel spectrograms to waves, trained on recorded voices."""
    from models.conversion.vocoder.train_vocoder import train_vocoder

    return work.train(train_vocoder, voices_clips, work.config, conversion_targets)


@stored_asset(files=INDEX, kinds={"pytorch", "parquet"}, trains=True, variants=WHOLE)
def conversion_predicted(
    work: Work, voices_clips: Path, conversion_features: Path, conversion_acoustic: Path
) -> Summary:
    """Mel spectrograms that the acoustic model predicts for recorded voices of the target singer, and these voices."""
    from models.conversion.predicted import write_predicted

    return write_predicted(work.execution, voices_clips, conversion_features, conversion_acoustic)


@stored_asset(
    config=lambda run: run.conversion.vocoder,
    files=WEIGHTS,
    kinds={"pytorch"},
    trains=True,
    variants=WHOLE,
    audits=(FINITE,),
    show=curves,
)
def conversion_tuned_vocoder(work: Work, conversion_vocoder: Path, conversion_predicted: Path) -> Summary:
    """The vocoder, trained further on what the acoustic model predicts."""
    from models.conversion.vocoder.train_vocoder import tune_vocoder

    return work.train(tune_vocoder, conversion_vocoder, conversion_predicted, work.config)
