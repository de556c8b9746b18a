"""Muon optimiser (Jordan 2024): orthogonalised momentum for matrices, Adam for all other parameters.

Muon is steepest descent under the spectral norm: it replaces the momentum of a weight matrix by the nearest
(semi-)orthogonal matrix, so that rare directions of the gradient move as fast as frequent ones. It is used instead
of Adam where training time is short: after 100 s on two CPU cores, the loss of SING's autoencoder is 0.650 of that of
silence instead of 0.729 (`models/synthesis/README.md`). Embedding tables, biases and gains are not matrices in this
sense and are trained by Adam.

The Muon of torch is not used: it rejects convolution kernels, and it computes in bfloat16 even where bfloat16 is
only emulated.

Shapes: M rows, N columns.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

# Coefficients of Jordan's quintic polynomial. Four iterations bring singular values above 0.05 of the norm to about
# 1, and multiply the smallest ones by 140.
_QUINTIC = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 4
# Scales an orthogonal update to the root mean square of Adam's updates (Liu et al. 2025, arXiv 2502.16982), so that
# both can use the same learning rate.
_ADAM_RMS = 0.2


@functools.cache
def _working_type(device: str) -> torch.dtype:
    """Return bfloat16 where the device has fast matrix products in it, else float32.

    bfloat16 is precise enough for a direction of descent, and three times as fast as float32.
    """
    fast = torch.cpu.get_capabilities().get("avx512_bf16", False) if device == "cpu" else device == "cuda"
    return torch.bfloat16 if fast else torch.float32


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return an approximation of the nearest matrix (M, N) whose singular values are all one.

    The method is Newton–Schulz iteration, which needs matrix products only. Large singular values become 0.7 to
    1.2. The smallest ones of an ill-conditioned matrix are increased, but stay below one; as a direction of descent
    this is equally good.

    Args:
        matrix: float, shape (M, N), any scale; its dtype is that of the result.

    Example:
        >>> orthogonalised(torch.randn(4, 6)).shape
        torch.Size([4, 6])
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
    """Return the parameters of `network` that Muon treats as matrices: weights with two or more dimensions.

    Left out are biases and gains, embedding tables, and all parameters of recurrent layers, whose weights are the
    matrices of several gates stacked.
    """
    other = {
        id(one)
        for module in network.modules()
        if isinstance(module, nn.Embedding | nn.RNNBase)
        for one in module.parameters()
    }
    return {one for one in network.parameters() if one.ndim > 1 and id(one) not in other}


class Muon(torch.optim.Optimizer):
    """Optimiser that applies Muon to matrices and Adam to all other parameters, at the same learning rate.

    Args:
        parameters: all parameters to train.
        matrices: those of `parameters` that Muon updates (see the function `matrices`). A convolution kernel
            (A, B, …) is treated as a matrix of A rows, or of B rows if A is 1.
        lr: learning rate.
        beta2: decay of Adam's second moment; its first moment decays by 0.9.
        momentum: decay of Muon's momentum.

    Example:
        >>> optimiser = Muon(network.parameters(), matrices(network), lr=1e-3)
        >>> loss.backward()
        >>> optimiser.step()
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
        """Update every parameter that has a gradient. A closure is not supported."""
        assert closure is None, "the gradients are there before the step"
        for group in self.param_groups:
            update = self._descend if group["orthogonal"] else self._adam
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update(parameter, parameter.grad, group)

    def _descend(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        """Update a matrix by its orthogonalised Nesterov momentum."""
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
        """Update a parameter that is not a matrix, as Adam does."""
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
