"""Trains the denoiser, and the refining network, which is a denoiser that is also given an estimate to be refined.

    mixture, vocals ── codec ── normalised latents ── noise is added to the vocals' ── denoiser ── velocity
    mixture ── discriminative network ── codec ── normalised latent ───────────────────┘ (refining network only)

Both are trained on songs made here first, if there are any, then on the songs.

Sound is float32, full scale [-1, 1].
Shapes: B batch, T samples, D latent channels, N latent frames, R channels of the condition.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from data.execution import Execution
from data.shards.loader import Batch
from data.shards.reader import Shards
from models.separation.codec import AnyCodec
from models.separation.config import DenoiserTraining
from models.separation.denoiser import Denoiser
from models.separation.diffusion import diffuse
from models.separation.examples import Recipe, held_out, split_sources, with_pretraining
from models.separation.latents import Scaling
from models.separation.mask_network import MaskNetwork
from models.separation.sampler import sample
from models.training.processes import World
from models.training.stage import Figures, Loss, Stage
from models.training.train import train_stage

_VALIDATION_LEVELS, _VALIDATION_STEPS = 8, 5


@dataclass(frozen=True)
class Material:
    """What the denoiser is trained with: folders of shards of songs, and networks that are trained already.

    Attributes:
        songs: vocals and accompaniment of the songs.
        embedded: the same of the songs made here, which the first steps are trained on; None if none are.
        codec: the codec, without gradients.
        scaling: scale of its latents.
        masks: the discriminative network, without gradients, whose estimates are refined; None for the denoiser.
    """

    songs: Path
    embedded: Path | None
    codec: AnyCodec
    scaling: Scaling
    masks: MaskNetwork | None = None

    def latents(self, mixture: Tensor, vocals: Tensor) -> tuple[Tensor, Tensor]:
        """Return the normalised latent of the vocals, (B, D, N), and the condition, (B, R, N), of waveforms (B, T)."""
        known = (mixture,) if self.masks is None else (mixture, estimate(self.masks, mixture))
        clean, *condition = self.scaling.encoded(self.codec, (vocals, *known))
        return clean, torch.cat(condition, 1)


@torch.no_grad()
def estimate(masks: MaskNetwork, mixture: Tensor) -> Tensor:
    """Return the vocals that the discriminative network estimates, (B, T). No gradients are computed."""
    return masks(mixture).float()


def train_denoiser(execution: Execution, given: Material, config: DenoiserTraining) -> Figures:
    """Train the denoiser, or the refining network if there are estimates to be refined, to predict the velocity v.

    The noise level of a fraction of the examples (`config.pure_noise`) is 1, where sampling begins; that of the others
    is drawn uniformly from [0, 1).

    The validation figures are "valid_velocity", the mean squared error of v, and "valid_latent" and "valid_latent_1",
    those of the latents of the vocals sampled in 5 steps and in one; all of normalised latents.

    Args:
        execution: the folder for the model, its checkpoints and its history, the device, and the listener.
        given: songs and trained networks.
        config: settings of the training.

    Returns:
        The figures of the last validation, with "loss" and "seconds".

    Raises:
        InputError: no song of the splits "train" or "valid" is long enough.

    Example:
        >>> given = Material(Path("songs"), Path("embedded"), codec, Scaling.read(Path("scale")))
        >>> train_denoiser(Execution(Path("denoiser")), given, PRESETS["small"].denoiser_training)
    """
    songs, device = Shards(given.songs), torch.device(execution.device)
    torch.manual_seed(config.fit.seed)
    network = Denoiser(config.denoiser).to(device)
    recipe = Recipe(config.frames * given.codec.config.hop, config.augmentation)

    def objective(batch: Batch) -> Iterator[Loss]:
        vocals, condition = given.latents(*split_sources(batch, device))
        sigma = noise_levels(len(vocals), config.pure_noise, device)
        noisy, velocity = diffuse(vocals, torch.randn_like(vocals), sigma)
        yield "network", nn.functional.mse_loss(network(noisy, condition, sigma).float(), velocity)

    examples = given.latents(*split_sources(held_out(songs, recipe), device))

    def validate(model: nn.Module) -> Figures:
        return _validated(model, *examples)

    def stage(world: World) -> Stage:
        batches = with_pretraining(songs, given.embedded, recipe, config, world)
        return Stage("denoiser", network, batches, objective, validate, compilable=(network,))

    described = {"denoiser": asdict(config.denoiser), "scaling": given.scaling.to_lists()}
    return train_stage(execution, stage, config.fit, described)


def noise_levels(count: int, pure_noise: float, device: torch.device) -> Tensor:
    """Return random noise levels (count,): 1 with probability `pure_noise`, otherwise uniform in [0, 1)."""
    levels, pure = torch.rand(2, count, device=device)
    return torch.where(pure < pure_noise, torch.ones_like(levels), levels)


def _validated(network: nn.Module, vocals: Tensor, condition: Tensor) -> Figures:
    """Return the loss at fixed noise and noise levels, and the mean squared error of sampled latents."""
    noise = torch.randn(vocals.shape, generator=torch.Generator().manual_seed(0)).to(vocals.device)
    losses = []
    for number in range(_VALIDATION_LEVELS):
        sigma = torch.full((len(vocals),), (number + 0.5) / _VALIDATION_LEVELS, device=vocals.device)
        noisy, velocity = diffuse(vocals, noise, sigma)
        losses.append(nn.functional.mse_loss(network(noisy, condition, sigma), velocity).item())
    figures = {"velocity": sum(losses) / len(losses)}
    for name, steps in (("latent", _VALIDATION_STEPS), ("latent_1", 1)):
        found = sample(lambda noisy, sigma: network(noisy, condition, sigma), noise, steps)
        figures[name] = nn.functional.mse_loss(found, vocals).item()
    return figures
