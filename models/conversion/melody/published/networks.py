"""Adapts published encoders to the interface of `models.conversion.melody.encoder`: HuBERT, WavLM and Whisper.

The networks come from the package transformers (the extra `pretrained`), which is imported only when one is built.
What their trainings switch on, and fine-tuning on another task must not, is off: masking of spectra, dropping of
layers, dropout.

Shapes: B batch, T samples, L Transformer layers, N = 1 + floor(T / 320) frames, D features.
"""

from collections.abc import Mapping
from typing import Any

import torch
import torchaudio
from torch import Tensor, nn
from torch.nn import functional

from data.errors import InputError
from data.signal import in_float32
from models.conversion.frames import HOP, RATE
from models.conversion.melody.encoder import STRIDE, Encoder, encoder_frames

_WINDOW = 400  # samples that a frame of HuBERT and WavLM, and a window of Whisper, covers
_OFF = (
    "hidden_dropout", "activation_dropout", "attention_dropout", "feat_proj_dropout", "final_dropout", "layerdrop",
    "mask_time_prob", "mask_feature_prob", "dropout", "encoder_layerdrop",
)  # fmt: skip
_MELS = 80


class SpeechEncoder(Encoder):
    """HuBERT or WavLM. Layer 0 is the plain projection of the convolutions, before position codes are added.

    Their frames lie 200 samples later than the grid of encoders; the wave is therefore given with 200 zeros before it.
    Group normalisation in the base networks, and attention in all, make a frame depend on the whole crop, so crops of
    one batch must be of equal length, without padding.
    """

    def __init__(self, network: Any, normalised: bool) -> None:
        """Adapt a network.

        Args:
            network: `HubertModel` or `WavLMModel` of transformers.
            normalised: whether each wave is brought to mean 0 and variance 1 first.
        """
        super().__init__()
        self.network, self._normalised = network, normalised
        self.layers, self.features = network.config.num_hidden_layers + 1, network.config.hidden_size

    def forward(self, waves: Tensor) -> Tensor:
        """Return all layers, (L + 1, B, N, D), of waves (B, T)."""
        if self._normalised:  # each wave alone: over a batch, the result would depend on its company
            deviation, mean = torch.std_mean(waves, 1, correction=0, keepdim=True)
            waves = (waves - mean) / (deviation.square() + 1e-7).sqrt()
        count, before = encoder_frames(waves.shape[1]), _WINDOW // 2
        length = STRIDE * (count - 1) + _WINDOW
        padded = functional.pad(waves, (before, max(0, length - before - waves.shape[1])))[:, :length]
        frames = self.network.feature_extractor(padded).transpose(1, 2)  # (B, N, 512)
        projected = self.network.feature_projection(frames)
        first = projected[0] if isinstance(projected, tuple) else projected  # (B, N, D)
        found: list[Tensor] = []
        hooks = [layer.register_forward_hook(_keep(found)) for layer in self.network.encoder.layers]
        try:
            last = self.network.encoder(first.clone()).last_hidden_state
        finally:
            for hook in hooks:
                hook.remove()
        return torch.stack([first, *found[:-1], last])

    def frozen_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the convolutions, which are not fine-tuned."""
        return list(self.network.feature_extractor.parameters())


def _keep(found: list[Tensor]) -> Any:
    """Return a hook that appends the output of a layer to a list."""

    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        found.append(output[0] if isinstance(output, tuple) else output)

    return hook


class WhisperEncoder(Encoder):
    """Whisper's encoder. Layer 0 is the output of the convolutions, before position codes are added.

    Whisper was trained on 30 s; a shorter wave is given as it is, with the position codes of its frames only. Its log
    mel spectrum is cut at 8 (that is 80 dB) below its highest value, so a frame depends on the loudest of its crop.
    """

    def __init__(self, network: Any) -> None:
        """Adapt a network: the `WhisperEncoder` of transformers."""
        super().__init__()
        self.network = network
        self.layers, self.features = network.config.encoder_layers + 1, network.config.d_model
        bank = torchaudio.functional.melscale_fbanks(
            _WINDOW // 2 + 1, 0.0, RATE / 2, _MELS, RATE, norm="slaney", mel_scale="slaney"
        )
        self.register_buffer("bank", bank, persistent=False)
        self.register_buffer("window", torch.hann_window(_WINDOW), persistent=False)
        self.bank: Tensor
        self.window: Tensor

    @in_float32
    def log_mel(self, waves: Tensor) -> Tensor:
        """Return Whisper's log mel spectra, (B, 80, 1 + floor(T / 160)), of waves (B, T)."""
        short = max(0, _WINDOW // 2 + 1 - waves.shape[1])  # reflection needs more samples than it reflects
        spectrum = torch.stft(
            functional.pad(waves, (0, short)), _WINDOW, HOP, window=self.window, center=True, return_complex=True
        )[..., : 1 + waves.shape[1] // HOP]
        levels = (self.bank.T @ spectrum.abs().square()).clamp(min=1e-10).log10()
        highest = levels.amax((1, 2), keepdim=True)
        return (torch.maximum(levels, highest - 8) + 4) / 4

    def forward(self, waves: Tensor) -> Tensor:
        """Return all layers, (L + 1, B, N, D), of waves (B, T) of at most 30 s.

        Raises:
            InputError: the waves are longer than the network has position codes for.
        """
        network = self.network
        count, most = encoder_frames(waves.shape[1]), network.config.max_source_positions
        if count > most:
            raise InputError(f"{count} frames of 20 ms: Whisper hears {most} at most; give shorter pieces")
        hidden = functional.gelu(network.conv2(functional.gelu(network.conv1(self.log_mel(waves)))))
        frames = hidden.transpose(1, 2)  # (B, N, D)
        found, hidden = [frames], frames + network.embed_positions.weight[:count]
        for layer in network.layers:
            out = layer(hidden, None)
            hidden = out[0] if isinstance(out, tuple) else out
            found.append(hidden)
        return torch.stack([*found[:-1], network.layer_norm(hidden)])

    def frozen_parameters(self) -> list[nn.Parameter]:
        """Return the parameters of the convolutions and position codes, which are not fine-tuned."""
        parts = (self.network.conv1, self.network.conv2, self.network.embed_positions)
        return [one for part in parts for one in part.parameters()]


def build_published(described: Mapping[str, Any]) -> Encoder:
    """Build a published encoder, with random weights.

    Args:
        described: "kind" ("hubert", "wavlm" or "whisper"), "settings" (its config.json) and "normalised".

    Raises:
        InputError: the package transformers is missing, or the kind is not known here.
    """
    try:
        import transformers  # noqa: PLC0415 (slow and optional)
    except ImportError as error:
        raise InputError("published encoders need the package transformers; install the extra `pretrained`") from error
    settings: dict[str, Any] = {**described["settings"], **dict.fromkeys(_OFF, 0.0)}
    kind, apart = described["kind"], {"apply_spec_augment": False}
    if kind == "hubert":
        network = transformers.HubertModel(transformers.HubertConfig.from_dict({**settings, **apart}))
        return SpeechEncoder(network, described["normalised"])
    if kind == "wavlm":
        network = transformers.WavLMModel(transformers.WavLMConfig.from_dict({**settings, **apart}))
        return SpeechEncoder(network, described["normalised"])
    if kind == "whisper":
        from transformers.models.whisper import modeling_whisper  # noqa: PLC0415

        return WhisperEncoder(modeling_whisper.WhisperEncoder(transformers.WhisperConfig.from_dict(settings)))
    raise InputError(f"an encoder of the kind {kind!r}; known here are harmonic, hubert, wavlm and whisper")
