"""The licence of the data as reports tell it: known only of what is downloaded by name."""

import pytest

from data.licences import MADE_HERE, UNKNOWN, licence_of, licences_of_voices
from data.musdb import dataset as musdb
from data.nsynth import dataset as nsynth
from data.voices.corpora import LICENCES


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("", MADE_HERE),
        ("official", "NSynth: CC BY 4.0"),
        ("/data/mine", f"NSynth: CC BY 4.0; other recordings in that place: {UNKNOWN}"),
    ],
)
def test_only_what_is_downloaded_by_name_has_a_known_licence(location, told):
    assert licence_of(location, "NSynth", nsynth.LICENCE, ["official"]) == told


def test_every_kind_of_songs_of_musdb_is_told():
    told = licence_of("musdb18hq", "MUSDB18", musdb.LICENCE, musdb.OFFICIAL)
    assert told == "MUSDB18: 102 songs restricted to academic use, 46 CC BY-NC-SA, 2 CC BY-NC-SA 3.0"


def test_each_corpus_of_singing_and_the_accompaniments_are_told():
    told = licences_of_voices(["folders", "vocadito", "", "musdb", "vocadito"], LICENCES, MADE_HERE)
    assert told == (f"recordings in folders of singers: {UNKNOWN}; vocadito: CC BY 4.0; accompaniments: {MADE_HERE}")
    assert licences_of_voices(["embedded"], LICENCES, MADE_HERE) == MADE_HERE
