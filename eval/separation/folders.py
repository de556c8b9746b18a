"""Score the estimates of any separation system, given as folders of audio files.

The reference folder and the estimate folder hold audio files of any format, in any of the layouts of
`eval.separation.layouts`, such as a folder per track with a file per source, named after it. Tracks and sources are
paired by name, never by the order of the directory listing; what was taken for what is told. Before the first track is
scored, the form (samples, channels, sample rate) of every file is checked; a file that does not match its reference
stops the evaluation with an error that names it.

Floating-point files are neither rounded to 16 bits nor clipped. Files are read twice, in blocks: the memory needed does
not depend on their length.

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

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from data.errors import InputError
from data.files.readers import open_sound
from data.files.regular import printable
from data.progress import Listener, Progress, ignore
from eval.metrics.blocks import Sound
from eval.metrics.sdr import TrackScores, score_track
from eval.metrics.speaker import SpeakerEncoder
from eval.separation.layouts import find_tracks, without_numbers
from eval.separation.sounds import ACCOMPANIMENT, VOCALS, FileSound, sum_of, with_accompaniment


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
                raise InputError(
                    f"{printable(path)}: there is no reference of {source}, only of {there}; name it as they are"
                )
        needed = [path for some in self.sets() for source in some for path in self.parts(source)]
        expected = _form(needed[0])
        for path in [*needed[1:], *self.estimates.values()]:
            if (found := _form(path)) != expected:
                raise InputError(
                    f"{printable(path)}: (samples, channels, Hz) is {found}, but {expected} in {needed[0]}; make it fit"
                )
        return expected[2]

    def judge(self, voice: SpeakerEncoder | None) -> TrackScores:
        """Return the scores of every set of sources, with the column `track` in front.

        Raises:
            InputError: a file is damaged or does not fit the others, or the track cannot be scored, for example
                because it is too short.
        """
        rate = self.check()
        found = []
        for some in self.sets():
            with ExitStack() as stack:
                parts = {source: _opened(stack, self.parts(source)) for source in some}
                references = {source: sum_of(sounds) for source, sounds in parts.items()}
                made = [source for source in some if source in self.estimates]
                estimates = dict(zip(made, _opened(stack, [self.estimates[source] for source in made]), strict=True))
                if set(estimates) != set(references):
                    estimates = with_accompaniment(references, estimates[VOCALS])
                try:
                    found.append(score_track(references, estimates, rate, voice=voice))
                except InputError:
                    raise
                except ValueError as error:
                    raise InputError(f"{self.name}: cannot be judged: {error}") from error
        return TrackScores.together(found).labelled(track=self.name)


def score_folders(
    reference: Path,
    estimate: Path,
    listener: Listener = ignore,
    voice: SpeakerEncoder | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> TrackScores:
    """Score estimates against references, both given as folders of tracks.

    Args:
        reference: folder of the true sources (`eval.separation.layouts`). Files named "mixture" or "linear_mixture" and
            hidden files are ignored.
        estimate: folder of the estimates, with the same names of tracks and sources. Sources may be missing,
            but the sets of sources (module docstring) must be the same in every track.
        listener: receives progress reports, counted in tracks.
        voice: encoder for the metric "voice similarity"; None leaves this metric out.
        tell: receives sentences that say what was taken for what.

    Returns:
        Scores of all tracks (`eval.metrics.sdr.TrackScores`); in both tables the first column is `track`.

    Raises:
        InputError: a track or an estimate has no partner, or a file is damaged or does not fit; the message names it.

    Example:
        >>> scores = score_folders(Path("musdb18hq/test"), Path("estimates"), listener=print)
        >>> medians(scores.summary)  # eval.separation.score.medians
    """
    tracks = _paired(reference, estimate, tell)
    for track in tracks:
        track.check()
    progress = Progress("judge tracks", total=len(tracks), unit="tracks", listener=listener)
    found = []
    for track in tracks:
        found.append(track.judge(voice))
        progress.advance()
    progress.finish()
    return TrackScores.together(found)


def _paired(reference: Path, estimate: Path, tell: Callable[[str], None]) -> list[_Track]:
    """Pair the tracks of both folders and return them sorted by name; `tell` receives what was taken for what.

    Raises:
        InputError: a track is in one folder only, or the sets of sources differ between tracks.
    """
    references = find_tracks(reference)
    estimates = without_numbers(find_tracks(estimate), references)
    for folder, found in ((reference, references), (estimate, estimates)):
        for text in found.taken:
            tell(f"{printable(folder)}: {text}")
    true, made = references.tracks, estimates.tracks
    if missing := sorted(true.keys() - made.keys()):
        there = ", ".join(sorted(made)[:3])
        raise InputError(
            f"{printable(estimate)}: no estimates of {len(missing)} tracks ({', '.join(missing[:3])}) among those of "
            f"{there}; add them, or name them as the references"
        )
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


def _form(path: Path) -> tuple[int, int, int]:
    """Return number of samples, number of channels and sample rate in Hz, from the header of a file."""
    with open_sound(path) as sound:
        return sound.frames, sound.channels, sound.sample_rate


def _opened(stack: ExitStack, paths: list[Path]) -> list[Sound]:
    """Return files as sounds that are read in parts; `stack` closes them."""
    return [stack.enter_context(closing(FileSound(path))) for path in paths]
