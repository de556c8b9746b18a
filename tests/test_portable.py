"""Exported models: the code that is taken along, what stands in for packages, and what is refused."""

import ast
import sys
from dataclasses import asdict

import numpy as np
import pytest
import soundfile
import soxr
import torch
import torchaudio
from safetensors.torch import save_file
from tiny_portable import run_alone

from assets.code import ROOT, Sources
from data.files.durable import file_sha256, write_json
from models.synthesis.harmonic.config import HarmonicSizes
from models.synthesis.harmonic.networks import HarmonicSing
from models.synthesis.load import load_player
from models.synthesis.music import parse_pitches, render
from models.training.checkpoint import save
from pipelines.portable.bundle import bundle, with_stand_ins
from pipelines.portable.export import _STAND_INS, _write_code, entries
from pipelines.portable.stand_ins import checkpoint, sound
from pipelines.portable.stand_ins import torchaudio as ours

SCRIPTS = sorted((ROOT / "pipelines/portable/inference").glob("*.txt"))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_code_of_each_script_imports_nothing_but_torch_numpy_and_python(script):
    text = script.read_text()
    assert len([line for line in text.splitlines() if line.strip()]) <= 28
    stand_ins = {
        place: (ROOT / f"pipelines/portable/stand_ins/{name}.py").read_bytes() for name, place in _STAND_INS.items()
    }
    files = bundle(with_stand_ins(Sources.read(ROOT), stand_ins), entries(text))
    outside = set()
    for path, content in files.items():
        for node in ast.parse(content).body:  # what is imported inside functions is imported only when it is needed
            if isinstance(node, ast.Import):
                outside |= {one.name.partition(".")[0] for one in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                outside.add((node.module or "").partition(".")[0])
        assert not any(f"from {floor}." in content for floor in ("pipelines", "assets", "models", "data")), path
    assert outside - set(sys.stdlib_module_names) == {"torch", "numpy"}
    for module, name in entries(text):
        assert f" {name}" in files[f"{module.replace('.', '/')}.py"]
    assert not any("def train_" in content or "pickle" in content for content in files.values())


def test_a_bundle_holds_what_is_reached_and_nothing_else():
    files = {
        "models/__init__.py": b'"""Models."""\n',
        "models/a.py": b'"""A."""\nimport os\nfrom data.b import used, unused\n\n# why\nFACTOR = 2\n\n\n'
        b'def top(value: "Missing") -> int:\n    """Say."""\n    from data.c import late\n\n'
        b"    return used(FACTOR) + late()\n\n\n"
        b"def other():\n    return os.sep, unused()\n",
        "data/__init__.py": b'"""Data."""\n',
        "data/b.py": b'"""B."""\nimport math\nimport pandas\n\n\ndef used(x):\n    return math.floor(x)\n'
        b"\n\ndef unused():\n    return pandas\n",
        "data/c.py": b'"""C."""\n\n\ndef late():\n    return 1\n',
    }
    made = bundle(Sources(files), [("models.a", "top")])
    assert sorted(made) == [
        "__init__.py", "data/__init__.py", "data/b.py", "data/c.py", "models/__init__.py", "models/a.py",
    ]  # fmt: skip
    assert made["models/a.py"].startswith(
        '"""A."""\n\nfrom __future__ import annotations\n\nfrom ..data.b import used\n'
    )
    assert "    from ..data.c import late\n" in made["models/a.py"]
    assert "# why\nFACTOR = 2\n" in made["models/a.py"]
    assert "other" not in made["models/a.py"]
    assert "unused" not in made["data/b.py"]
    assert "pandas" not in made["data/b.py"]


def test_the_variant_harmonic_plays_alone_what_it_plays_here(tmp_path):
    torch.manual_seed(0)
    sizes, folder = HarmonicSizes(hidden=16, dimension=6, partials=12), tmp_path / "harmonic"
    folder.mkdir()
    save(folder / "model", HarmonicSing(sizes).state_dict(), {"harmonic": asdict(sizes)})
    write_json(folder / "config.json", {"instruments": {"organ": 3}, "velocities": [25, 100], "sample_rate": 16_000})
    _write_code("synthesis", folder)
    run_alone(folder, "organ", "60,64", "-o", tmp_path / "alone.wav")
    alone, rate = soundfile.read(tmp_path / "alone.wav", dtype="float32")
    network = load_player(folder, torch.device("cpu"))
    ours, _ = render(network, 3, parse_pitches("60,64", 100), [25, 100])
    assert (rate, len(alone)) == (16_000, len(ours))
    assert np.abs(ours).max() > 0.01
    np.testing.assert_allclose(alone, ours, atol=2 / 32767)


@pytest.mark.parametrize(
    "arguments",
    [
        (513, 0.0, 8000.0, 80, 16_000, "slaney", "slaney"),
        (257, 20.0, 8000.0, 80, 16_000, None, "htk"),
        (201, 0.0, 8000.0, 40, 16_000, None, "slaney"),
    ],
)
def test_mel_filters_are_those_of_torchaudio(arguments):
    wanted = torchaudio.functional.melscale_fbanks(*arguments)
    found = ours.functional.melscale_fbanks(*arguments)
    assert wanted.max() > 0
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6 * float(wanted.max()))


def test_checkpoints_are_read_as_safetensors_reads_them(tmp_path):
    tensors = {
        "a": torch.randn(3, 4), "b": torch.arange(5), "c": torch.tensor(2.5), "d": torch.zeros(0, 3),
        "e": torch.randn(7).to(torch.bfloat16), "f": torch.tensor([True, False]),
    }  # fmt: skip
    save_file(tensors, tmp_path / "model.safetensors", metadata={"note": "kept apart"})
    described = {"sha256": file_sha256(tmp_path / "model.safetensors"), "sizes": [1, 2]}
    write_json(tmp_path / "model.json", described)
    found = checkpoint.load(tmp_path / "model")
    assert found.metadata == described
    assert found.tensors.keys() == tensors.keys()
    assert all(torch.equal(found.tensors[name], one) for name, one in tensors.items())
    content = bytearray((tmp_path / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"its content is not what was written"):
        checkpoint.load(tmp_path / "model")


@pytest.mark.parametrize(("rate", "wanted"), [(44_100, 16_000), (16_000, 44_100), (48_000, 24_000), (8_000, 16_000)])
def test_resampling_agrees_with_soxr(rate, wanted):
    time = np.arange(rate + 123) / rate
    wave = np.stack([np.sin(2 * np.pi * 440 * time), 0.5 * np.sin(2 * np.pi * 3000 * time + 1)], 1).astype(np.float32)
    wave *= np.hanning(len(wave))[:, None].astype(np.float32)
    found = sound.resampled(wave, rate, wanted)
    assert found.shape == (-(-len(wave) * wanted // rate), 2)
    theirs = soxr.resample(wave, rate, wanted, quality="VHQ")
    count = min(len(found), len(theirs))
    np.testing.assert_allclose(found[:count], theirs[:count], atol=2e-3)
    assert sound.resampled(wave, rate, rate) is wave
