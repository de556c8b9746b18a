"""Score the estimates of any separation system, given as folders of audio files.

The reference folder and the estimate folder both hold one folder per track, and in it one .wav or .flac file per
source, named after the source. Tracks and sources are paired by name, never by the order of the directory listing;
names are compared in Unicode form NFC. Before the first track is scored, the form (samples, channels, sample rate) of
every file is checked; a file that does not match its reference stops the evaluation with an error that names it.
Floating-point files are neither rounded to 16 bits nor clipped.

The set of sources that are evaluated together defines SIR and SAR, and which seconds are left out because a source
is silent. The column `sources` of every row names this set. The sets follow from the estimates of a track
and must be the same in every track:

* default: one set that holds all estimated sources;
* only vocals are estimated, and there are references besides the vocals: the set is vocals and accompaniment. The
  estimate of the accompaniment is the mixture (here: the sum of the two references) minus the estimated vocals;
* an accompaniment and single stems are estimated: two sets, one of vocals and accompaniment, one of all estimates
  except the accompaniment. The accompaniment is the sum of stems, so the filters of one common set would not be unique.

If there is no reference file of the accompaniment, its reference is the sum of all references except the vocals.

Scores of vocals and accompaniment are computed as in SiSEC18 (museval; Liutkus, Stöter and Ito, LVA/ICA 2018): the
same filters, windows of 1 s, median over frames, then over tracks. The differences are:

* in SiSEC18, a method submits its accompaniment. Here it may be derived, and then from the sum of the references,
  although MUSDB18 has a separately encoded mixture;
* museval cuts or pads an estimate of another length; here it is an error;
* museval raises an exception if a source is silent for the whole track; here it is counted as undefined;
* museval drops infinite values; here they are kept;
* if stems and an accompaniment are given, museval reports the vocals only in the set with the accompaniment; here
  both sets have rows.

Shapes: T samples, K channels.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.errors import InputError
from data.files.readers import open_sound
from data.progress import Listener, Progress, ignore
from eval.metrics.embedding import Embedding
from eval.metrics.sdr import TrackScores, score_track
from eval.separation.score import ACCOMPANIMENT, VOCALS, with_accompaniment

_NO_SOURCES = ("mixture", "linear_mixture")
_SOUNDS = (".wav", ".flac")


@dataclass(frozen=True)
class _Track:
    """The files of a track.

    Attributes:
        name: name of the track.
        references: paths of the reference files, by source.
        estimates: paths of the estimate files, by source.
    """

    name: str
    references: dict[str, Path]
    estimates: dict[str, Path]

    def sets(self) -> list[list[str]]:
        """Return the sets of sources that are evaluated together (rules: module docstring)."""
        both, made = {VOCALS, ACCOMPANIMENT}, set(self.estimates)
        if made == {VOCALS} and len(self.references) > 1:
            return [sorted(both)]
        if ACCOMPANIMENT not in made or made <= both:
            return [sorted(made)]
        return [sorted(made & both), sorted(made - {ACCOMPANIMENT})]

    def parts(self, source: str) -> list[Path]:
        """Return the files whose sum is the reference of a source; an empty list if it has no reference."""
        if source in self.references:
            return [self.references[source]]
        others = [path for name, path in sorted(self.references.items()) if name != VOCALS]
        return others if source == ACCOMPANIMENT and VOCALS in self.references else []

    def check(self) -> int:
        """Check that the files of the track fit together, and return their sample rate in Hz.

        Raises:
            InputError: an estimate has no reference, or files differ in number of samples, channels or sample rate.
                The message names the files.
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
        """Return the scores of every set of sources, with the column `track` in front.

        Raises:
            InputError: a file is damaged or does not fit the others, or the track cannot be scored, for example
                because it is too short.
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
    """Score estimates against references, both given as folders of tracks.

    Args:
        reference: folder of the true sources: one folder per track, and in it one .wav or .flac file per source. Files
            named "mixture" or "linear_mixture" and hidden files are ignored.
        estimate: folder of the estimates, with the same layout and names. Sources may be missing,
            but the sets of sources (module docstring) must be the same in every track.
        listener: receives progress reports, counted in tracks.
        embedding: encoder for the metric "embedding MSE"; None leaves this metric out.

    Returns:
        Scores of all tracks (`eval.metrics.sdr.TrackScores`); in both tables the first column is `track`.

    Raises:
        InputError: a track or an estimate has no partner, or a file is damaged or does not fit; the message names it.

    Example:
        >>> scores = score_folders(Path("musdb18hq/test"), Path("estimates"), listener=print)
        >>> medians(scores.summary)  # eval.separation.score.medians
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
    """Pair the tracks of both folders and return them sorted by name.

    Raises:
        InputError: a track is in one folder only, or the sets of sources differ between tracks.
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
    """Return the audio files of a folder by track and source; folders without audio files are left out.

    Raises:
        InputError: the folder does not exist or holds no track, or two tracks or sources have the same name.
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
    """Return the audio files of a track by source, without mixtures."""
    files = (path for path in folder.iterdir() if path.suffix.lower() in _SOUNDS and path.is_file())
    named = _by_name((path.stem, path) for path in files)
    return {name: path for name, path in named.items() if name not in _NO_SOURCES}


def _by_name(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Return paths by name (Unicode form NFC), sorted by the original name; hidden names are left out.

    Raises:
        InputError: two paths have the same name.
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
    """Return number of samples, number of channels and sample rate in Hz, from the header of a file."""
    with open_sound(path) as sound:
        return sound.frames, sound.channels, sound.sample_rate


def _read(path: Path) -> np.ndarray:
    """Return the samples of a file, float32, shape (T, K)."""
    with open_sound(path) as sound:
        return sound.read(sound.frames)


def _sum(paths: list[Path]) -> np.ndarray:
    """Return the sum of the samples of files, float32, shape (T, K)."""
    total = _read(paths[0])
    for path in paths[1:]:
        total += _read(path)
    return total
