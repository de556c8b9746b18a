"""Lists the published encoders that can be used, and where to download them.

Revisions and SHA-256 were found in public repositories that pin the same files; those of the two Whisper files were
compared with the files themselves. Does not import torch, because the presets read it.
"""

from dataclasses import dataclass

from data.files.hub import HubNetwork


@dataclass(frozen=True)
class PublishedEncoder:
    """An encoder on the Hugging Face hub.

    Attributes:
        name: name that selects the encoder.
        kind: "hubert", "wavlm" or "whisper".
        repository: repository on the hub, "OWNER/NAME".
        revision: commit of the repository; unlike a branch, it cannot change.
        weights: name of the file with the weights: torch's own format, safetensors, or CTranslate2's `model.bin`.
        sha256: SHA-256 of that file, hexadecimal; None where it is not known, so that only the revision pins it.
        normalised: whether each wave is brought to mean 0 and variance 1 first, as the encoder was trained.
    """

    name: str
    kind: str
    repository: str
    revision: str
    weights: str
    sha256: str | None
    normalised: bool = False

    @property
    def source(self) -> HubNetwork:
        """Where to download the encoder, and how to check it."""
        return HubNetwork(self.repository, self.revision, self.weights, self.sha256)


_KNOWN = (
    PublishedEncoder(
        "hubert-base",
        "hubert",
        "facebook/hubert-base-ls960",
        "dba3bb02fda4248b6e082697eee756de8fe8aa8a",
        "pytorch_model.bin",
        "062249fffb353eab67547a2fbc129f7c31a2f459faf641b19e8fb007cc5c48ad",
    ),
    PublishedEncoder(
        "wavlm-base",
        "wavlm",
        "microsoft/wavlm-base",
        "efa81aae7ff777e464159e0f877d54eac5b84f81",
        "pytorch_model.bin",
        None,
    ),
    PublishedEncoder(
        "wavlm-base-plus",
        "wavlm",
        "microsoft/wavlm-base-plus",
        "4c66d4806a428f2e922ccfa1a962776e232d487b",
        "pytorch_model.bin",
        "3bb273a6ace99408b50cfc81afdbb7ef2de02da2eab0234e18db608ce692fe51",
    ),
    PublishedEncoder(
        "wavlm-large",
        "wavlm",
        "microsoft/wavlm-large",
        "c1423ed94bb01d80a3f5ce5bc39f6026a0f4828c",
        "pytorch_model.bin",
        "fdee460e529396ddb2f8c8e8ce0ad74cfb747b726bc6f612e666c7c1e1963c9d",
        normalised=True,
    ),
    PublishedEncoder(
        "whisper-base",
        "whisper",
        "Systran/faster-whisper-base",
        "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66",
        "model.bin",
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    PublishedEncoder(
        "whisper-tiny.en",
        "whisper",
        "Systran/faster-whisper-tiny.en",
        "0d3d19a32d3338f10357c0889762bd8d64bbdeba",
        "model.bin",
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
)
ENCODERS = {one.name: one for one in _KNOWN}  # by name
