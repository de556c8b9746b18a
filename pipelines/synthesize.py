"""One note from the model in use."""

from pathlib import Path
from typing import Any

from assets.store import Store, published
from data.errors import InputError
from data.files.durable import read_json
from pipelines.settings import Settings


def play(
    settings: Settings, instrument: str, label: tuple[int, int], output: Path, variant: str, newest: bool
) -> dict[str, Any]:
    """Synthesise a note (pitch, velocity) of an instrument and write it as WAV; return what was played.

    Raises:
        InputError: no such model, instrument, pitch or velocity.
    """
    from data.files.audio import to_pcm16, write_wav
    from data.nsynth.dataset import SAMPLE_RATE
    from models.synthesis.config import VARIANTS
    from models.synthesis.synthesize import NoteLabel, synthesize
    from models.synthesis.train import load_sing

    if variant not in VARIANTS:
        raise InputError(f"{variant!r} is no variant; there are {', '.join(VARIANTS)}")
    store: Store = settings.resources()["store"]  # type: ignore[assignment]
    if newest:
        model = store.current("synthesis_model", variant)
        numbers, velocities = _heard(store.current("nsynth_shards"))
    elif (model := published(store.home("synthesis_champion", variant))) is None:
        raise InputError(
            f"no {variant} model in {settings.store} has passed every check yet; "
            "materialise the synthesis branch, or play the newest one with --newest"
        )
    else:
        described = read_json(model / "champion.json")
        numbers, velocities = described["instruments"], described["velocities"]
    if instrument not in numbers and not (instrument.isdigit() and int(instrument) in set(numbers.values())):
        names = sorted(numbers)
        raise InputError(
            f"instrument {instrument!r} is not in the data; there are {', '.join(names[:8])} … ({len(names)})"
        )
    if label[1] not in velocities:
        raise InputError(f"velocity {label[1]}: the model has heard {', '.join(map(str, velocities))}")
    number = int(numbers.get(instrument, instrument))
    network = load_sing(model, settings.resources()["setup"].torch_device())  # type: ignore[attr-defined]
    wave = next(synthesize(network, [NoteLabel(number, *label)]))
    write_wav(output, to_pcm16(wave), SAMPLE_RATE)
    name = next(one for one, value in numbers.items() if value == number)
    return {"output": str(output), "instrument": name, "pitch": label[0], "velocity": label[1], "model": str(model)}


def _heard(notes: Path) -> tuple[dict[str, int], list[int]]:
    """Return the instruments of the notes, number by name, and their velocities."""
    from data.shards.reader import Shards

    table = Shards(notes).table.select(["instrument", "instrument_name", "velocity"]).to_pandas()
    numbers = dict(zip(table["instrument_name"], table["instrument"].tolist(), strict=True))
    return numbers, sorted(set(table["velocity"].tolist()))
