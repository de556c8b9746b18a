"""Notes to measure with: the embedded demo notes, four times over with the start of each moved."""

import json
import tarfile
from pathlib import Path

import numpy as np

from data.embedded.notes import make_notes
from data.files.audio import read, write_sound
from data.files.durable import write_json

COPIES = 4


def write_part(folder: Path) -> Path:
    """Write an NSynth part of 2,880 notes (370 MB) and return its folder."""
    demo = make_notes(folder / "demo")
    described = json.loads((demo / "examples.json").read_text())
    part, everything = folder / "nsynth-train", {}
    for name, note in described.items():
        pcm = read(demo / "audio" / f"{name}.wav").samples[:, 0]
        for copy in range(COPIES):
            instrument = note["instrument"] + 100 * copy
            text = f"{note['instrument_str'].rsplit('_', 1)[0]}_{instrument:03d}"
            key = f"{text}-{note['pitch']:03d}-{note['velocity']:03d}"
            number = len(everything)
            renamed = {"note": number, "note_str": key, "instrument": instrument, "instrument_str": text}
            everything[key] = {**note, **renamed}
            write_sound(part / "audio" / f"{key}.wav", np.roll(pcm, 7 * copy), 16000)
    write_json(part / "examples.json", everything)
    return part


def pack(part: Path) -> Path:
    """Pack the part as NSynth is published, NAME.jsonwav.tar.gz, and return the archive."""
    path = part.with_name(part.name + ".jsonwav.tar.gz")
    with tarfile.open(path, "w:gz", compresslevel=6, format=tarfile.GNU_FORMAT) as archive:
        archive.add(part, part.name)
    return path
