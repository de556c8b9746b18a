"""Tells the licence of the data that a model learnt from, for reports.

Only what is downloaded by name is known to be the published data set. A folder of the user's own may hold a copy of it,
part of it, or other recordings in its form, so the text then says what holds for each of them.
"""

from collections.abc import Collection, Iterable, Mapping

MADE_HERE = "none applies: made by this program"
UNKNOWN = "not known to Tessitura; their owner states it"


def licence_of(location: str, name: str, licence: str, official: Collection[str]) -> str:
    """Return the licence of a data set that was taken from a place.

    Args:
        location: the setting that names the place; "" if the data were made by this program.
        name: name of the data set, such as "NSynth".
        licence: licence of the data set.
        official: values of the setting that download the data set itself.

    Example:
        >>> licence_of("/data/mine", "NSynth", "CC BY 4.0", ["official"])
        'NSynth: CC BY 4.0; other recordings in that place: not known to Tessitura; their owner states it'
    """
    if not location:
        return MADE_HERE
    known = f"{name}: {licence}"
    return known if location in official else f"{known}; other recordings in that place: {UNKNOWN}"


def licences_of_voices(layouts: Iterable[str], known: Mapping[str, str], accompaniments: str) -> str:
    """Return the licences of singing, one for each corpus, and of the accompaniments.

    Args:
        layouts: layouts of the clips (`data.voices.layouts`); "musdb" are accompaniments.
        known: licence by layout (`data.voices.corpora.LICENCES`).
        accompaniments: licence of the songs that the accompaniments are from (`licence_of`).

    Example:
        >>> licences_of_voices(["vocadito", "musdb"], {"vocadito": "vocadito: CC BY 4.0"}, "MUSDB18: mixed")
        'vocadito: CC BY 4.0; accompaniments: MUSDB18: mixed'
    """
    found = []
    for one in sorted(set(layouts) - {"", "musdb"}):
        other = "recordings in folders of singers" if one == "folders" else one
        found.append(known.get(one, f"{other}: {UNKNOWN}"))
    if "musdb" in layouts:
        found.append(f"accompaniments: {accompaniments}")
    return "; ".join(found)
