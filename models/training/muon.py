"""Muon (Jordan 2024): steepest descent for matrices under the spectral norm.

The momentum of a weight matrix is replaced by the nearest (semi-)orthogonal matrix, so that
rare directions of the gradient move as fast as frequent ones. Here it stands in for Adam where
training time is short: with equal time on two CPU cores, SING's autoencoder comes much further
(`models/synthesis/README.md` has the figures). Tables, biases and gains have no such
structure and are trained by Adam.

torch has a Muon as well; it refuses the kernels of convolutions and works in bfloat16 also where
that is only emulated.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

# Jordan's quintic. Four iterations bring singular values from 0.05 of the norm on to about 1, and
# lift smaller ones by a factor of 140.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 4
# Gives an orthogonal update the root mean square that Adam's updates have (Liu et al. 2025,
# arXiv 2502.16982), so one learning rate serves both.
_ADAM_RMS = 0.2


@functools.cache
def _working_type(device: str) -> torch.dtype:
    """Return bfloat16 where its products are fast, three times as fast as float32: a direction needs no more."""
    fast = torch.cpu.get_capabilities().get("avx512_bf16", False) if device == "cpu" else device == "cuda"
    return torch.bfloat16 if fast else torch.float32


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return about the nearest matrix (M, N) whose singular values are all equal to one.

    Newton–Schulz iterations: matrix products only. Large singular values come out between 0.7
    and 1.2, the smallest of an ill-with_conditioning matrix are only lifted; as a direction of
    descent that is as good.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    found = matrix.T if tall else matrix
    found = (found / (found.norm() + 1e-7)).to(_working_type(matrix.device.type))
    first, second, third = _QUINTIC
    for _ in range(_ITERATIONS):
        square = found @ found.T
        found = torch.addmm(found, torch.addmm(square, square, square, beta=second, alpha=third), found, beta=first)
    return (found.T if tall else found).to(matrix.dtype)


def matrices(network: nn.Module) -> set[Tensor]:
    """Return the parameters of `network` that act as matrices.

    Tables, biases and gains do not; the weights of a recurrent layer are several gates stacked.
    """
    other = {
        id(one)
        for module in network.modules()
        if isinstance(module, nn.Embedding | nn.RNNBase)
        for one in module.parameters()
    }
    return {one for one in network.parameters() if one.ndim > 1 and id(one) not in other}


class Muon(torch.optim.Optimizer):
    """Muon for some parameters, Adam for the others, at the same learning rate.

    Args:
        parameters: everything to train.
        matrices: those of them that are matrices; a kernel (A, B, …) counts as a matrix of A rows,
            or of B rows if A is 1.
        lr: learning rate.
        beta2: decay of Adam's second moment.
        momentum: decay of Muon's momentum.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        matrices: set[Tensor],
        lr: float,
        beta2: float = 0.999,
        momentum: float = 0.95,
    ) -> None:
        everything = list(parameters)
        groups = [
            {"params": [one for one in everything if one in matrices], "orthogonal": True},
            {"params": [one for one in everything if one not in matrices], "orthogonal": False},
        ]
        super().__init__(
            [one for one in groups if one["params"]], {"lr": lr, "betas": (0.9, beta2), "momentum": momentum}
        )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update every parameter that has a gradient."""
        assert closure is None, "the gradients are there before the step"
        for group in self.param_groups:
            update = self._descend if group["orthogonal"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update(parameter, parameter.grad, group)

    def _descend(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Move a matrix along its orthogonalised Nesterov momentum."""
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
        direction = gradient.lerp(momentum, group["momentum"])
        rows = direction.shape[0] if direction.shape[0] > 1 else direction.shape[1]
        matrix = orthogonalised(direction.reshape(rows, -1))
        scale = group["lr"] * _ADAM_RMS * max(matrix.shape) ** 0.5
        parameter.sub_(matrix.reshape(parameter.shape), alpha=scale)

    def _adam(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Move a table, a bias or a gain as Adam does."""
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(gradient), torch.zeros_like(gradient)
        state["step"] += 1
        (beta1, beta2), step = group["betas"], state["step"].item()
        mean = state["exp_avg"].lerp_(gradient, 1 - beta1)
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        spread = (square / (1 - beta2**step)).sqrt_().add_(1e-8)
        parameter.addcdiv_(mean, spread, value=-group["lr"] / (1 - beta1**step))
