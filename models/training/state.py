"""Training state as named tensors: weights, moving average, optimiser moments."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.training.config import FitConfig
from models.training.muon import Muon, matrices


@dataclass
class State:
    """Everything that changes during training, except the step number.

    Attributes:
        network: the network that is trained.
        parameter_groups: parameters by the name of their group.
        optimisers: optimiser of each group, by the name of the group.
        average: exponential moving average of the weights; None if none is kept.
    """

    network: nn.Module
    parameter_groups: dict[str, list[nn.Parameter]]
    optimisers: dict[str, torch.optim.Optimizer]
    average: AveragedModel | None

    @classmethod
    def start(
        cls, network: nn.Module, parameter_groups: Mapping[str, list[nn.Parameter]], config: FitConfig
    ) -> "State":
        """Return the state before the first step.

        Args:
            network: network to train.
            parameter_groups: parameters by the name of their group; if empty, one group "network" holds all.
            config: optimiser, learning rate, and decay of the moving average.

        Raises:
            ValueError: the configuration names an unknown optimiser.
        """
        groups = dict(parameter_groups) or {"network": list(network.parameters())}
        optimisers = {name: _optimiser(network, parameters, config) for name, parameters in groups.items()}
        average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.ema)) if config.ema else None
        return cls(network, groups, optimisers, average)

    def set_rate(self, rate: float) -> None:
        """Set the learning rate of all optimisers."""
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate

    def best(self) -> nn.Module:
        """Return the network to evaluate: the moving average if there is one, else the network itself."""
        return self.network if self.average is None else self.average.module

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors of the state by name, not copied.

        Names: "network.<name>", "average.<name>", "optimiser.<group>.<number of the parameter>.<moment>".
        """
        named = {f"network.{name}": one for name, one in self.network.state_dict().items()}
        if self.average is not None:
            named |= {f"average.{name}": one for name, one in self.average.state_dict().items()}
        for group, optimiser in self.optimisers.items():
            for number, moments in optimiser.state_dict()["state"].items():
                named |= {f"optimiser.{group}.{number}.{name}": one for name, one in moments.items()}
        return named

    def restore(self, named: Mapping[str, Tensor]) -> None:
        """Load the tensors that `tensors` returned."""
        trees: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimiser": {}}
        for name, one in named.items():
            tree, _, rest = name.partition(".")
            trees[tree][rest] = one
        self.network.load_state_dict(trees["network"])
        if self.average is not None:
            self.average.load_state_dict(trees["average"])
        for group, optimiser in self.optimisers.items():
            moments: dict[int, dict[str, Tensor]] = {}
            for name, one in trees["optimiser"].items():
                owner, number, moment = name.rsplit(".", 2)
                if owner == group:
                    moments.setdefault(int(number), {})[moment] = one
            optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})


def _optimiser(network: nn.Module, parameters: list[nn.Parameter], config: FitConfig) -> torch.optim.Optimizer:
    """Return a new optimiser of `parameters`, as the configuration says.

    Raises:
        ValueError: the configuration names an unknown optimiser.
    """
    rate, betas = config.learning_rate, (0.9, config.beta2)
    if config.optimiser == "muon":
        return Muon(parameters, matrices(network), rate, config.beta2)
    if config.optimiser == "adam" and config.weight_decay:
        return torch.optim.AdamW(parameters, lr=rate, betas=betas, weight_decay=config.weight_decay, fused=True)
    if config.optimiser == "adam":
        return torch.optim.Adam(parameters, lr=rate, betas=betas, fused=True)
    raise ValueError(f"optimiser {config.optimiser!r}: choose adam or muon")
