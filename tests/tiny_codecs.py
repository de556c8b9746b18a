"""Published kinds of codecs, tiny and with random weights."""

import torch
from transformers import DacConfig, DacModel, EncodecConfig, EncodecModel

SMALL = {"sampling_rate": 800, "num_filters": 4, "hidden_size": 6, "codebook_size": 16}
KINDS = {
    "encodec_24khz": (EncodecModel, EncodecConfig(**SMALL, upsampling_ratios=[4, 2], target_bandwidths=[0.8, 1.6])),
    "encodec_48khz": (
        EncodecModel,
        EncodecConfig(
            **SMALL,
            upsampling_ratios=[5, 2],
            target_bandwidths=[0.64, 1.28],
            audio_channels=2,
            normalize=True,
            chunk_length_s=1.0,
            overlap=0.02,
            norm_type="time_group_norm",
            use_causal_conv=False,
        ),
    ),
    "dac_44khz": (
        DacModel,
        DacConfig(
            encoder_hidden_size=4,
            downsampling_ratios=[2, 4],
            decoder_hidden_size=16,
            n_codebooks=4,
            codebook_size=16,
            codebook_dim=2,
            sampling_rate=800,
        ),
    ),
}
# Of the network at 48 kHz: a second is 80 frames of 10 samples, and 2 are shared with the next.
HOPS = {"encodec_24khz": 8, "encodec_48khz": 10, "dac_44khz": 8}


def make(kind: str):
    """A network whose random weights let sound through, and whose codebooks are not empty."""
    torch.manual_seed(1)
    model, config = KINDS[kind]
    network = model(config).eval()
    for name, one in network.state_dict().items():
        if name.endswith("original0"):
            one.mul_(2)
        elif name.endswith("embed"):
            torch.nn.init.normal_(one, std=0.3)
        elif kind == "dac_44khz" and one.ndim == 3 and "alpha" not in name:
            torch.nn.init.normal_(one, std=0.7 / one[0].numel() ** 0.5)
    return network
