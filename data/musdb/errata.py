"""Lists known defects of MUSDB18's songs: the official list, and later reports by listeners.

Sources: the errata on the data set's page (sigsep.github.io/datasets/musdb.html); github.com/sigsep/website, issue 48
(2024). Of the reports, only songs identified by name, or by artist if only the artist is known, are listed; hum,
pumping, distortion and speech were reported for 17 more songs whose names are unknown.
"""

OFFICIAL = {
    "Al James - Schoolboy Facination": "synthetic vocals in other",
    "Chris Durban - Celebrate": "other sources bleed into vocals",
    "Hop Along - Sister Cities": "other sources bleed into vocals",
    "Detsky Sad - Walkie Talkie": "other in drums",
    "Enda Reilly - Cur An Long Ag Seol": "speech at the start of other",
    "Leaf - Wicked": "guitar in drums",
    "PR - Oh No": "the left channels do not sum to the mixture",
    "BKS - Bulldozer": "cowbell in other",
}

# By "Artist - Title", or by artist.
_BLEEDING_VOCALS = (
    "Al James - Schoolboy Facination",
    "Angels In Amplifiers - I'm Alright",
    "Black Bloc",
    "Buitraker - Revo X",
    "Cristina Vane",
    "Drumtracks - Ghost Bitch",
    "Invisible Familiars",
    "Jokers, Jacks & Kings",
    "Lyndsey Ollard",
    "Nerve 9",
    "Punkdisco - Oral Hygiene",
    "Strand Of Oaks - Spacestation",
    "The Doppler Shift",
    "The Easton Ellises - Falcon 69",
    "The Easton Ellises (Baumi) - SDRNR",
    "The Long Wait",
    "The Scarlet Brand - Les Fleurs Du Mal",
    "The So So Glos - Emergency",
    "Timboz - Pony",
    "Tom McKenzie",
    "We Fell From The Sky",
    "Zeno - Signs",
)
REPORTED = {
    **dict.fromkeys(_BLEEDING_VOCALS, "other sources bleed into vocals"),
    "Triviul - Dorothy": "other sources bleed into other",
    "PR - Oh No": "other sources bleed into other",
}


def errata(name: str) -> str:
    """Return the known defects of the song "Artist - Title", official ones first; "" if there are none.

    Example:
        >>> errata("BKS - Bulldozer")
        'cowbell in other'
    """
    artist = name.partition(" - ")[0]
    reported = REPORTED.get(name) or REPORTED.get(artist)
    return "; ".join(filter(None, (OFFICIAL.get(name), reported and f"reported: {reported}")))
