"""Lists the published codecs that can be used, and where to download them.

Does not import torch, because the presets read it.
"""

from dataclasses import dataclass

from data.files.hub import HubNetwork

WEIGHTS = "model.safetensors"


@dataclass(frozen=True)
class PublishedCodec:
    """A codec on the Hugging Face hub.

    Attributes:
        name: name that selects the codec (TESSITURA_CODEC).
        repository: repository on the hub, "OWNER/NAME".
        revision: commit of the repository; unlike a branch, it cannot change.
        sha256: SHA-256 of model.safetensors, hexadecimal.
        sample_rate: sample rate in Hz; older revisions of DAC's config.json state a wrong one.
        dimension: number of latent channels that are denoised.
    """

    name: str
    repository: str
    revision: str
    sha256: str
    sample_rate: int
    dimension: int

    @property
    def source(self) -> HubNetwork:
        """Where to download the codec, and how to check it."""
        return HubNetwork(self.repository, self.revision, WEIGHTS, self.sha256)


_KNOWN = (
    PublishedCodec(
        "encodec_24khz",
        "facebook/encodec_24khz",
        "c1dbe2ae3f1de713481a3b3e7c47f357092ee040",
        "37a7cb100f71a29e6c1d815aca8666a1d7ea8885ebe44c306c751a5103559d57",
        24_000,
        128,
    ),
    PublishedCodec(
        "encodec_48khz",
        "facebook/encodec_48khz",
        "c3def8e7185ac8c8efdce6eb8c4a651e487a503e",
        "47a15ffbaf7bb76176d0833e10590de0a8988a7848748608cefc36a1c88adfdc",
        48_000,
        129,  # 128 of the encoder, and the level (`codec_networks.WindowedCodec`)
    ),
    PublishedCodec(
        "dac_44khz",
        "descript/dac_44khz",
        "c1bc521685adf9cfe247bc39a5ca58917eda1ac4",
        "6128ebff483a41422b0164d079a3773b0d8d82e64c4293d775994cbf8baf913a",
        44_100,
        1024,
    ),
)
CODECS = {one.name: one for one in _KNOWN}  # by name
