"""Tiny data sets made of sines, in the real on-disk formats."""

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from data.files.audio import to_pcm16, write_sound
from data.files.durable import write_json
from data.files.names import make_id
from data.nsynth import dataset as nsynth
from data.shards.writer import Record, ShardWriter


def note_metadata(number: int, instrument: int, pitch: int, velocity: int) -> dict[str, Any]:
    """Return NSynth metadata of one note; instruments alternate between brass and reed."""
    family = ("brass", "reed")[instrument % 2]
    name = f"{family}_acoustic_{instrument:03d}"
    return {
        "note": number,
        "note_str": f"{name}-{pitch:03d}-{velocity:03d}",
        "instrument": instrument,
        "instrument_str": name,
        "instrument_family": nsynth.FAMILIES.index(family),
        "instrument_family_str": family,
        "instrument_source": 0,
        "instrument_source_str": "acoustic",
        "pitch": pitch,
        "velocity": velocity,
        "sample_rate": 16000,
        "qualities": [1] + [0] * 9,
        "qualities_str": ["bright"],
    }


def sine_note(instrument: int, pitch: int, velocity: int) -> np.ndarray:
    """Return int16 PCM (64000,): a decaying tone whose harmonics depend on the instrument."""
    time = np.arange(nsynth.FRAMES) / nsynth.SAMPLE_RATE
    f0 = 440 * 2 ** ((pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * k * f0 * time + velocity) / k ** (1 + 0.3 * instrument) for k in range(1, 5))
    return to_pcm16(0.5 * wave * np.exp(-time) / np.abs(wave).max())


def write_nsynth(folder: Path, instruments: int = 2, pitches: range = range(60, 70), velocities=(25, 127)) -> Path:
    """Write a small NSynth part of sines as a folder, and return it."""
    described = {}
    for instrument in range(instruments):
        for pitch in pitches:
            for velocity in velocities:
                one = note_metadata(len(described), instrument, pitch, velocity)
                described[one["note_str"]] = one
                path = folder / "audio" / f"{one['note_str']}.wav"
                write_sound(path, sine_note(instrument, pitch, velocity), nsynth.SAMPLE_RATE)
    write_json(folder / "examples.json", described)
    return folder


def pack(part: Path, metadata_last: bool = False) -> Path:
    """Pack an NSynth folder as NAME.jsonwav.tar.gz beside it, and return the archive."""
    path = part.with_name(part.name + ".jsonwav.tar.gz")
    names = ["examples.json", *(f"audio/{one.name}" for one in sorted((part / "audio").iterdir()))]
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as archive:
        archive.add(part, part.name, recursive=False)
        for name in reversed(names) if metadata_last else names:
            archive.add(part / name, f"{part.name}/{name}")
    return path


def write_musdb(root: Path, names: dict[str, str], seconds: float = 2.0) -> Path:
    """Write songs of noise in MUSDB18-HQ's layout, `names` to subset, and return the folder."""
    for number, (name, subset) in enumerate(names.items()):
        draw = np.random.default_rng(number)
        length = round(44_100 * seconds)
        stems = {one: draw.integers(-3000, 3000, (length, 2), np.int16) for one in ("drums", "bass", "other", "vocals")}
        stems["mixture"] = np.asarray(sum(one.astype(np.int32) for one in stems.values()), np.int16)
        for source, pcm in stems.items():
            write_sound(root / subset / name / f"{source}.wav", pcm, 44_100)
    return root


def write_songs(folder: Path, songs: dict[str, tuple[np.ndarray, np.ndarray]], rate: int, split: str = "test") -> Path:
    """Write songs, vocals (sung all along) and accompaniment (T, K) by track, as the shards separation works on."""
    writer, labels = ShardWriter(folder), {}
    for track, sounds in songs.items():
        for source, wave in zip(("vocals", "accompaniment"), sounds, strict=True):
            name = f"{make_id(track)}-{source}"
            labels[name] = (track, source)
            writer.add(Record(name, to_pcm16(wave), rate, source))

    def annotate(rows: pa.Table) -> pa.Table:
        found = [(*labels[one], split, "") for one in rows["id"].to_pylist()]
        for number, name in enumerate(("track", "source", "split", "errata")):
            rows = rows.append_column(name, pa.array([one[number] for one in found], pa.string()))
        sung = [[True] * (frames // rate) for frames in rows["frames"].to_pylist()]
        return rows.append_column("singing", pa.array(sung, pa.list_(pa.bool_())))

    writer.commit(annotate)
    return folder
