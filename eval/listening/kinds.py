"""The kinds of listening test: what is played, what is asked, and on which scale it is answered.

| kind | what a trial plays | answer | source |
|---|---|---|---|
| mos | one sound | impairment, 1 to 5 | SING, section 4.3; ITU-R BS.1284 |
| nmos | one sound | naturalness, 1 to 5 | conversion paper, NMOS |
| smos | a reference and one sound | similarity of the voice, 1 to 5 | conversion paper, SMOS |
| ab | a reference, A and B | which of the two is closer to the reference | SING, section 4.3, there called ABX |
| abx | X, A and B, one of which is X | which of the two is X | Munson and Gardner 1950 |
| mushra | a reference, hidden reference, anchors, systems | quality of each, 0 to 100 | ITU-R BS.1534-3 |
"""

from dataclasses import dataclass

RECORDING = "recording"  # name of the recorded sound among the systems
ANCHORS = {"anchor 3.5 kHz": 3500.0, "anchor 7 kHz": 7000.0}  # cut-off frequency in Hz


@dataclass(frozen=True)
class Kind:
    """A kind of listening test.

    Attributes:
        name: its name in commands and files.
        title: its name for readers.
        question: what listeners are asked in each trial.
        labels: what the points of the scale mean, from the lowest upwards; for `mushra` the five equal parts of it.
        low: lowest possible rating.
        high: highest possible rating.
        referenced: whether a reference is played openly.
        compared: number of systems in a trial: 1, 2, or 0 for all.
        whole: whether ratings are whole numbers.

    Example:
        >>> KINDS["mos"].labels[-1]
        'Imperceptible'
    """

    name: str
    title: str
    question: str
    labels: tuple[str, ...]
    low: float = 1
    high: float = 5
    referenced: bool = False
    compared: int = 1
    whole: bool = True

    @property
    def choice(self) -> bool:
        """Whether listeners choose one of two sounds; the chosen one then has the rating 1, the other 0."""
        return self.compared == 2


_QUALITY = ("Bad", "Poor", "Fair", "Good", "Excellent")

KINDS = {
    one.name: one
    for one in (
        Kind(
            "mos",
            "Mean opinion score (impairment)",
            "How disturbing is the distortion of this sound?",
            (
                "Very annoying and objectionable",
                "Annoying",
                "Slightly annoying",
                "Perceptible, not annoying",
                "Imperceptible",
            ),
        ),
        Kind("nmos", "Mean opinion score of naturalness", "How natural does this singing sound?", _QUALITY),
        Kind(
            "smos",
            "Mean opinion score of similarity",
            "Is this voice the voice of the reference? The words and the melody do not matter.",
            (
                "Certainly another singer",
                "Rather another singer",
                "Cannot tell",
                "Rather the same singer",
                "Certainly the same singer",
            ),
            referenced=True,
        ),
        Kind(
            "ab",
            "Comparison of two systems",
            "Which of the two is closer to the reference?",
            ("A", "B"),
            0,
            1,
            referenced=True,
            compared=2,
        ),
        Kind(
            "abx",
            "ABX test of discrimination",
            "The reference is exactly one of the two. Which one?",
            ("A", "B"),
            0,
            1,
            referenced=True,
            compared=2,
        ),
        Kind(
            "mushra",
            "MUSHRA",
            "Rate the quality of each sound compared with the reference. One of them is the reference itself.",
            _QUALITY,
            0,
            100,
            referenced=True,
            compared=0,
            whole=False,
        ),
    )
}
