"""Anybody's separation judged: a folder a track, a sound file a source, paired by name.

Pairing is never by the order in which a folder lists its files, and names match in any Unicode form. Every file is
looked at before the first track is judged: one that does not fit its reference stops everything, by its name.
Sound is taken as it is written: floating point is neither rounded to 16 bits nor clipped.

Which sources are judged together decides what SIR and SAR mean and which seconds count; every row says it:

* the estimates that are there, one set, the same in every track;
* vocals alone, where the references tell the accompaniment: vocals and accompaniment, whose estimate is then the
  mixture, that is the sum of the references, minus the vocals;
* an accompaniment beside single stems: two sets, vocals and accompaniment, and the stems. The accompaniment is their
  sum, so all together they would have no filters.

A reference of the accompaniment that is not there is the sum of all other references but the vocals.

Compared with SiSEC18 (museval, Liutkus, Stöter and Ito, LVA/ICA 2018), scores of vocals and accompaniment are the
same numbers: filters, windows of 1 s, medians over frames and then over tracks. Four things differ. There, a method
hands in its accompaniment; here it may be derived, from the sum of the references where MUSDB18 has a mixture coded on
its own. Estimates of another length are cut or filled up there and refused here. A source silent for a whole track is
an exception there and counted here; infinite values are dropped there and kept here. Where stems and an accompaniment
are handed in, museval reports the vocals beside the accompaniment only; here both sets have their rows.

Shapes: T samples, K channels.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.files.audio import SoundReader
from data.progress import Listener, Progress, ignore
from eval.metrics.embedding import Embedding
from eval.metrics.sdr import TrackScores, score_track
from eval.separation.score import ACCOMPANIMENT, VOCALS, with_accompaniment

_NO_SOURCES = ("mixture", "linear_mixture")
_SOUNDS = (".wav", ".flac")


@dataclass(frozen=True)
class _Track:
    """A track: its name, and the files of its references and estimates by source."""

    name: str
    references: dict[str, Path]
    estimates: dict[str, Path]

    def sets(self) -> list[list[str]]:
        """Return the sets of sources that are judged together."""
        both, made = {VOCALS, ACCOMPANIMENT}, set(self.estimates)
        if made == {VOCALS} and len(self.references) > 1:
            return [sorted(both)]
        if ACCOMPANIMENT not in made or made <= both:
            return [sorted(made)]
        return [sorted(made & both), sorted(made - {ACCOMPANIMENT})]

    def parts(self, source: str) -> list[Path]:
        """Return the files whose sum is the reference of a source; none if it has no reference."""
        if source in self.references:
            return [self.references[source]]
        others = [path for name, path in sorted(self.references.items()) if name != VOCALS]
        return others if source == ACCOMPANIMENT and VOCALS in self.references else []

    def check(self) -> int:
        """Return the sample rate in Hz.

        Raises:
            InputError: an estimate without a reference, or files that differ in form; the message names them.
        """
        for source, path in self.estimates.items():
            if not self.parts(source):
                there = ", ".join(sorted(self.references))
                raise InputError(f"{path}: there is no reference of {source}, only of {there}; name it as they are")
        needed = [path for some in self.sets() for source in some for path in self.parts(source)]
        expected = _form(needed[0])
        for path in [*needed[1:], *self.estimates.values()]:
            if (found := _form(path)) != expected:
                raise InputError(
                    f"{path}: (samples, channels, Hz) is {found}, but {expected} in {needed[0]}; make it fit"
                )
        return expected[2]

    def judge(self, embedding: Embedding | None) -> TrackScores:
        """Return the scores of every set of sources.

        Raises:
            InputError: a file is damaged or does not fit, or the track cannot be judged.
        """
        rate = self.check()
        found = []
        for some in self.sets():
            references = {source: _sum(self.parts(source)) for source in some}
            estimates = {source: _read(self.estimates[source]) for source in some if source in self.estimates}
            if set(estimates) != set(references):
                estimates = with_accompaniment(references, estimates[VOCALS])
            try:
                found.append(score_track(references, estimates, rate, embedding=embedding))
            except ValueError as error:
                raise InputError(f"{self.name}: cannot be judged: {error}") from error
        return TrackScores.together(found).labelled(track=self.name)


def score_folders(
    reference: Path, estimate: Path, listener: Listener = ignore, embedding: Embedding | None = None
) -> TrackScores:
    """Judge anybody's estimates against references: folders of tracks in both, paired by name.

    Args:
        reference: folder with a folder a track, a .wav or .flac file a source in it; a mixture is passed over.
        estimate: the same of the estimates. A source that is not estimated is left out.
        listener: is told tracks, rate and time left.
        embedding: the encoder of the embedding MSE, if there is one.

    Returns:
        Summary and seconds, the column track in front.

    Raises:
        InputError: tracks or sources without a partner, or sound that does not fit; the message names it.
    """
    tracks = _paired(reference, estimate)
    for track in tracks:
        track.check()
    progress = Progress("judge tracks", total=len(tracks), unit="tracks", listener=listener)
    found = []
    for track in tracks:
        found.append(track.judge(embedding))
        progress.advance()
    progress.finish()
    return TrackScores.together(found)


def _paired(reference: Path, estimate: Path) -> list[_Track]:
    """Return the tracks sorted by name.

    Raises:
        InputError: a track is in one folder only, or tracks have estimates of different sources.
    """
    true, made = _tracks(reference), _tracks(estimate)
    if missing := sorted(true.keys() - made.keys()):
        raise InputError(f"{estimate}: no estimates of {len(missing)} tracks ({', '.join(missing[:3])}); add them")
    if unknown := sorted(made.keys() - true.keys()):
        raise InputError(f"{reference}: no references of {len(unknown)} tracks ({', '.join(unknown[:3])}); add them")
    tracks = [_Track(name, true[name], made[name]) for name in sorted(true)]
    for track in tracks[1:]:
        if track.sets() != tracks[0].sets():
            sets = [" and ".join("+".join(some) for some in one.sets()) for one in (track, tracks[0])]
            raise InputError(
                f"{estimate}: {track.name} would be judged as {sets[0]}, {tracks[0].name} as {sets[1]}; "
                "give every track the same sources"
            )
    return tracks


def _tracks(folder: Path) -> dict[str, dict[str, Path]]:
    """Return the sound files of each track by source.

    Raises:
        InputError: no such folder, no track in it, or two of one name.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    folders = _by_name((path.name, path) for path in folder.iterdir() if path.is_dir())
    found = {name: _sources(path) for name, path in folders.items()}
    found = {name: sources for name, sources in found.items() if sources}
    if not found:
        raise InputError(f"{folder}: no folders with .wav or .flac files inside; a folder a track is expected")
    return found


def _sources(folder: Path) -> dict[str, Path]:
    """Return the sound files of a track by source."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in _SOUNDS and path.is_file())
    named = _by_name((path.stem, path) for path in files)
    return {name: path for name, path in named.items() if name not in _NO_SOURCES}


def _by_name(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Return paths by name in one Unicode form, sorted; hidden ones are passed over.

    Raises:
        InputError: two of one name.
    """
    found: dict[str, Path] = {}
    for text, path in sorted(named):
        name = unicodedata.normalize("NFC", text)
        if name.startswith("."):
            continue
        if name in found:
            raise InputError(f"{path}: {found[name].name} has the same name; remove one of them")
        found[name] = path
    return found


def _form(path: Path) -> tuple[int, int, int]:
    """Return samples, channels and rate in Hz, as the header of a file tells them."""
    with SoundReader(path) as sound:
        return sound.frames, sound.channels, sound.sample_rate


def _read(path: Path) -> np.ndarray:
    """Return the sound of a file, (T, K) float32."""
    with SoundReader(path) as sound:
        return sound.read(sound.frames)


def _sum(paths: list[Path]) -> np.ndarray:
    """Return the sum of files, (T, K) float32."""
    total = _read(paths[0])
    for path in paths[1:]:
        total += _read(path)
    return total
