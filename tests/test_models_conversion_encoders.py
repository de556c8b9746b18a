"""Published encoders, tiny and with random weights: layers, frame grid, their traps, and the files they come in."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from tiny_melody import EXTRACTOR, write_voices

from data.errors import InputError
from data.execution import Execution
from data.files.durable import file_sha256, write_json
from data.voices.config import Mixing
from models.conversion.melody.config import MelodyTraining
from models.conversion.melody.load import load_encoder, load_extractor
from models.conversion.melody.published.ctranslate import read_variables, whisper_encoder_weights
from models.conversion.melody.published.encoders import ENCODERS, PublishedEncoder
from models.conversion.melody.published.hub import copy_encoder, copy_published_encoder
from models.conversion.melody.published.networks import SpeechEncoder, WhisperEncoder, build_published
from models.conversion.melody.train_extractor import train_extractor
from models.training.config import FitConfig

CPU = torch.device("cpu")
SPEECH = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16,
    "conv_dim": [8] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "num_buckets": 8,
}  # fmt: skip
WHISPER = {
    "d_model": 16, "num_mel_bins": 80, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24,
    "max_source_positions": 60, "decoder_layers": 1, "decoder_attention_heads": 2, "vocab_size": 8,
    "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1,
}  # fmt: skip


def build(kind: str, *, normalised: bool = False, **changes):
    torch.manual_seed(0)
    settings = (WHISPER if kind == "whisper" else SPEECH) | changes
    encoder = build_published({"kind": kind, "settings": settings, "normalised": normalised})
    return encoder.eval().requires_grad_(False)


def waves(count: int = 2, samples: int = 8000) -> torch.Tensor:
    return torch.randn(count, samples, generator=torch.Generator().manual_seed(1)) * 0.1


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "whisper"])
@pytest.mark.parametrize("samples", [1, 319, 320, 8000, 8123])
def test_layers_and_frames(kind, samples):
    found = build(kind)(waves(2, samples))
    assert found.shape == (3, 2, 1 + samples // 320, 16)
    assert torch.isfinite(found).all()


@pytest.mark.parametrize("kind", ["hubert", "wavlm"])
@pytest.mark.parametrize("stable", [False, True])
def test_layers_are_those_of_the_network_itself(kind, stable):
    encoder = build(kind, do_stable_layer_norm=stable, feat_extract_norm="layer" if stable else "group")
    assert isinstance(encoder, SpeechEncoder)
    wave = waves(1, 8000)
    padded = torch.nn.functional.pad(wave, (200, 200))  # 26 frames, centred at 0, 320, ...
    whole = encoder.network(padded, output_hidden_states=True)
    found = encoder(wave)
    np.testing.assert_allclose(found[-1], whole.last_hidden_state, atol=1e-5)
    np.testing.assert_allclose(found[1], whole.hidden_states[1], atol=1e-5)
    convolved = encoder.network.feature_extractor(padded).transpose(1, 2)
    projected = encoder.network.feature_projection(convolved)
    np.testing.assert_allclose(found[0], projected[0] if isinstance(projected, tuple) else projected, atol=1e-5)


def test_a_click_is_in_the_frame_it_is_at():
    for kind in ("hubert", "wavlm", "whisper"):
        encoder, wave = build(kind), waves(1, 9600) * 0.001
        clicked = wave.clone()
        clicked[0, 320 * 15] += 0.5 if kind == "whisper" else 0.05
        moved = (encoder(clicked)[0] - encoder(wave)[0]).abs().sum((0, 2))
        if kind == "whisper":  # its other frames change a little, because levels are relative to the loudest
            assert moved.argmax().item() in (14, 15, 16)
        else:
            assert abs(moved.argmax().item() - 15) <= 1, kind


def test_training_mode_changes_nothing_and_company_changes_nothing():
    for kind, normalised in (("hubert", False), ("wavlm", True), ("whisper", False)):
        encoder = build(kind, normalised=normalised, layerdrop=0.9, hidden_dropout=0.9, apply_spec_augment=True,
                        mask_time_prob=0.9, dropout=0.9, encoder_layerdrop=0.9)  # fmt: skip
        both = encoder(waves())
        alone = encoder(waves()[:1])
        np.testing.assert_allclose(both[:, :1], alone, atol=1e-5)
        with torch.no_grad():
            np.testing.assert_array_equal(encoder.train()(waves()), both)


def test_normalised_waves_have_no_level():
    loud, quiet = build("wavlm", normalised=True), build("wavlm")
    np.testing.assert_allclose(loud(waves() * 5 + 0.1), loud(waves()), atol=1e-3)
    assert (quiet(waves() * 5 + 0.1) - quiet(waves())).abs().max() > 1e-2


@pytest.mark.parametrize("kind", ["hubert", "wavlm", "whisper"])
def test_the_front_stays_as_it_is(kind):
    encoder = build(kind).requires_grad_(True)
    frozen = {id(one) for one in encoder.frozen_parameters()}
    names = {name for name, one in encoder.named_parameters() if id(one) in frozen}
    assert names
    assert all("conv" in name or "embed_positions" in name for name in names)
    assert len(frozen) < sum(1 for _ in encoder.parameters())


def test_whispers_mel_is_that_of_transformers():
    transformers = pytest.importorskip("transformers")
    wave = waves(1, 479_999)[0].numpy()
    encoder = build("whisper")
    assert isinstance(encoder, WhisperEncoder)
    expected = transformers.WhisperFeatureExtractor()(wave, sampling_rate=16_000, return_tensors="np").input_features
    found = encoder.log_mel(torch.from_numpy(wave)[None])
    np.testing.assert_allclose(found[..., :-1], expected[..., :-1], atol=2e-4)  # theirs ends in a sample of padding


def test_whisper_is_that_of_transformers_at_full_length_and_refuses_more():
    encoder = build("whisper")
    wave = waves(1, 60 * 320 - 1)
    mel = encoder.log_mel(wave)
    assert mel.shape == (1, 80, 120)
    np.testing.assert_allclose(encoder(wave)[-1], encoder.network(mel).last_hidden_state, atol=1e-5)
    with pytest.raises(InputError, match="60 at most"):
        encoder(waves(1, 60 * 320))


def write_model_bin(path: Path, variables: dict[str, np.ndarray], version: int = 6) -> Path:
    """Write a file of CTranslate2."""
    kinds = {"float32": 0, "int8": 1, "int16": 2, "int32": 3, "float16": 4}

    def text(one: str) -> bytes:
        return struct.pack("<H", len(one) + 1) + one.encode() + b"\0"

    content = struct.pack("<I", version) + text("WhisperSpec") + struct.pack("<II", 3, len(variables))
    for name, values in variables.items():
        content += text(name) + struct.pack(f"<B{values.ndim}I", values.ndim, *values.shape)
        content += struct.pack("<BI", kinds[values.dtype.name], values.nbytes) + values.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def as_ctranslate(state: dict[str, torch.Tensor], heads: int) -> dict[str, np.ndarray]:
    """The weights of transformers' Whisper encoder as CTranslate2 keeps them."""
    found: dict[str, np.ndarray] = {"encoder/num_heads": np.array(heads, np.int16), "decoder/x": np.zeros(3, np.int8)}
    half = {name: one.numpy().astype(np.float16) for name, one in state.items()}
    for part in ("conv1", "conv2"):
        found |= {f"encoder/{part}/{end}": half[f"{part}.{end}"] for end in ("weight", "bias")}
    norms = {"encoder/layer_norm": "layer_norm"}
    found["encoder/position_encodings/encodings"] = half["embed_positions.weight"]
    for layer in range(2):
        ours, theirs = f"encoder/layer_{layer}", f"layers.{layer}"
        norms |= {f"{ours}/self_attention/layer_norm": f"{theirs}.self_attn_layer_norm"}
        norms |= {f"{ours}/ffn/layer_norm": f"{theirs}.final_layer_norm"}
        matrices = [half[f"{theirs}.self_attn.{name}_proj.weight"] for name in "qkv"]
        biases = [half[f"{theirs}.self_attn.{name}_proj.bias"] for name in "qv"]
        found[f"{ours}/self_attention/linear_0/weight"] = np.concatenate(matrices)
        found[f"{ours}/self_attention/linear_0/bias"] = np.concatenate([biases[0], biases[0] * 0, biases[1]])
        linears = {"self_attention/linear_1": "self_attn.out_proj", "ffn/linear_0": "fc1", "ffn/linear_1": "fc2"}
        for name, other in linears.items():
            found |= {f"{ours}/{name}/{end}": half[f"{theirs}.{other}.{end}"] for end in ("weight", "bias")}
    for name, other in norms.items():
        found |= {f"{name}/gamma": half[f"{other}.weight"], f"{name}/beta": half[f"{other}.bias"]}
    return found


@pytest.fixture
def model_bin(tmp_path) -> tuple[Path, WhisperEncoder]:
    encoder = build("whisper")
    assert isinstance(encoder, WhisperEncoder)
    for one in encoder.parameters():
        torch.nn.init.normal_(one, std=0.2)
    state = encoder.network.state_dict()
    for one in state.values():
        one.copy_(one.half())
    variables = as_ctranslate(state, heads=2)
    return write_model_bin(tmp_path / "model" / "model.bin", variables), encoder


def test_a_ctranslate_file_holds_what_transformers_holds(model_bin):
    path, encoder = model_bin
    found, expected = whisper_encoder_weights(path), encoder.network.state_dict()
    assert found.keys() == expected.keys()
    for name, one in expected.items():
        np.testing.assert_array_equal(found[name], one, err_msg=name)
    assert set(read_variables(path, "decoder/")) == {"decoder/x"}


def pinned(path: Path, name: str) -> PublishedEncoder:
    return replace(ENCODERS[name], weights=path.name, sha256=file_sha256(path))


def test_a_copied_whisper_is_loaded_as_it_was(model_bin, tmp_path):
    path, encoder = model_bin
    copy_encoder(pinned(path, "whisper-base"), path.parent, Execution(tmp_path / "copy"))
    loaded = load_encoder(tmp_path / "copy", CPU)
    np.testing.assert_allclose(loaded(waves()), encoder(waves()), atol=1e-5)
    assert loaded.layers == 3
    assert not loaded.training
    assert not any(one.requires_grad for one in loaded.parameters())


def test_downloads_that_are_there_are_taken(model_bin, tmp_path):
    path, encoder = model_bin
    write_json(path.parent / "config.json", {})
    published = replace(pinned(path, "whisper-base"), name="model")
    copy_published_encoder(published, tmp_path, Execution(tmp_path / "copy"))
    np.testing.assert_allclose(load_encoder(tmp_path / "copy", CPU)(waves()), encoder(waves()), atol=1e-5)


@pytest.mark.parametrize("kind", ["hubert", "wavlm"])
@pytest.mark.parametrize("form", ["pytorch_model.bin", "model.safetensors"])
def test_speech_encoders_are_read_under_their_old_and_new_names(kind, form, tmp_path):
    encoder = build(kind, normalised=kind == "wavlm")
    assert isinstance(encoder, SpeechEncoder)
    state = {f"{kind}.{name}": one.clone() for name, one in encoder.network.state_dict().items()}
    state |= {f"{kind}.masked_spec_embed": torch.zeros(16), "lm_head.weight": torch.zeros(3, 16)}
    ends = {".parametrizations.weight.original0": ".weight_g", ".parametrizations.weight.original1": ".weight_v"}
    for new, old in ends.items():
        state = {(name.removesuffix(new) + old if name.endswith(new) else name): one for name, one in state.items()}
    path = tmp_path / form
    torch.save(state, path) if form.endswith("bin") else safetensors.torch.save_file(state, path)
    write_json(tmp_path / "config.json", SPEECH)
    name = {"hubert": "hubert-base", "wavlm": "wavlm-large"}[kind]
    copy_encoder(pinned(path, name), tmp_path, Execution(tmp_path / "copy"))
    np.testing.assert_allclose(load_encoder(tmp_path / "copy", CPU)(waves()), encoder(waves()), atol=1e-5)


@pytest.mark.parametrize("kind", ["wavlm", "whisper"])
def test_an_extractor_is_trained_on_it_and_its_front_stays(kind, model_bin, tmp_path):
    if kind == "whisper":
        path = model_bin[0]
        published = pinned(path, "whisper-base")
    else:
        encoder = build("wavlm")
        assert isinstance(encoder, SpeechEncoder)
        path = tmp_path / "model.safetensors"
        safetensors.torch.save_file({name: one.clone() for name, one in encoder.network.state_dict().items()}, path)
        write_json(tmp_path / "config.json", SPEECH)
        published = pinned(path, "wavlm-base")
    copy_encoder(published, path.parent, Execution(tmp_path / "copy"))
    shards = write_voices(tmp_path, {"ann": "train", "bob": "valid"}, clips=1)
    mixing = Mixing(samples=8000, probability=0.5)
    config = MelodyTraining(EXTRACTOR, FitConfig(steps=2, batch_size=2), mixing, validation_seconds=0.5)
    train_extractor(Execution(tmp_path / "melody"), *shards, tmp_path / "copy", config)
    extractor = load_extractor(tmp_path / "melody", CPU)
    assert extractor.melody(np.zeros(9000, np.float32)).features.shape == (57, 32)
    before, after = load_encoder(tmp_path / "copy", CPU), extractor.network.encoder
    frozen = {id(one) for one in after.frozen_parameters()}
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    moved = {(id(new) in frozen, torch.equal(old, new)) for old, new in pairs}
    assert (True, False) not in moved
    assert (False, False) in moved


def test_damaged_and_foreign_files_are_named(model_bin, tmp_path):
    path, _ = model_bin
    execution = Execution(tmp_path / "copy")
    with pytest.raises(InputError, match="SHA-256"):
        copy_encoder(ENCODERS["whisper-base"], path.parent, execution)
    with pytest.raises(InputError, match="no such file"):
        copy_encoder(ENCODERS["whisper-base"], tmp_path / "nothing", execution)
    content = path.read_bytes()
    for cut in (content[:3], content[:200], content[:-7]):
        path.write_bytes(cut)
        with pytest.raises(InputError, match=r"model\.bin.*CTranslate2"):
            whisper_encoder_weights(path)
    write_model_bin(path, {"encoder/conv1/weight": np.zeros((16, 80, 3), np.float16)})
    with pytest.raises(InputError, match="no Whisper encoder"):
        copy_encoder(pinned(path, "whisper-base"), path.parent, execution)
    write_model_bin(path, {"encoder/layer_0/strange/weight": np.zeros(2, np.float16)})
    with pytest.raises(InputError, match="unknown variable"):
        whisper_encoder_weights(path)
    assert not (tmp_path / "copy").exists()


def test_keys_with_a_bias_are_no_whisper(tmp_path):
    bias = {"encoder/layer_0/self_attention/linear_0/bias": np.ones(6, np.float16)}
    with pytest.raises(InputError, match="keys with a bias"):
        whisper_encoder_weights(write_model_bin(tmp_path / "model.bin", bias))


def test_encoders_of_an_unknown_kind_are_refused():
    with pytest.raises(InputError, match="wav2vec"):
        build_published({"kind": "wav2vec", "settings": {}, "normalised": False})


@pytest.mark.parametrize(("kind", "count"), [("hubert", 94_371_712), ("wavlm", 94_381_936)])
def test_published_sizes_without_allocating_them(kind, count):
    with torch.device("meta"):
        encoder = build_published({"kind": kind, "settings": {}, "normalised": False})
    assert encoder.layers == 13
    missing = 0 if any("masked_spec_embed" in name for name, _ in encoder.named_parameters()) else 768
    assert sum(one.numel() for one in encoder.parameters()) + missing == count
