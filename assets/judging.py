"""The networks that judge voices, which the user names by file; none is part of a system that is judged."""

from pathlib import Path
from typing import TYPE_CHECKING

from assets.environment import Configuration, Environment

if TYPE_CHECKING:
    from eval.conversion.judges import Judges
    from eval.metrics.speaker import SpeakerEncoder


def identity(location: str) -> str:
    """Return a text that changes when a file, or the files of a folder, change: a hash of names, sizes and times.

    Args:
        location: file or folder; "" for none, which is its own identity.

    Example:
        >>> identity("")
        ''
    """
    import hashlib

    if not location:
        return ""
    place = Path(location).expanduser()
    files = [place] if place.is_file() else sorted(one for one in place.rglob("*") if one.is_file())
    told = [f"{one.name} {one.stat().st_size} {one.stat().st_mtime_ns}" for one in files]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:16]


def judging(run: Configuration) -> dict[str, str]:
    """Return the files of the networks that judge, by their content."""
    environment = run.environment
    return {name: identity(getattr(environment, name)) for name in ("speaker_encoder", "recogniser", "quality")}


def voice_judge(environment: Environment) -> "SpeakerEncoder | None":
    """Return the speaker encoder that TESSITURA_SPEAKER_ENCODER names; None if it names none."""
    from eval.metrics.speaker import load_speaker_encoder

    file = environment.speaker_encoder
    return load_speaker_encoder(Path(file).expanduser()) if file else None


def judges(environment: Environment) -> "Judges":
    """Return what judges the converted voices."""
    from eval.conversion.judges import Judges

    files = (environment.speaker_encoder, environment.recogniser, environment.quality)
    speaker, recogniser, quality = (Path(one).expanduser() if one else None for one in files)
    return Judges(speaker=speaker, recogniser=recogniser, quality=quality)
