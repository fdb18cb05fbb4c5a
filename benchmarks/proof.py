"""Proof that a model and its PyTorch twin do the same work: same parameters, batch and draws, same loss and gradients.

Computed in float32, whatever precision is timed afterwards.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jaxtyping import Array
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from benchmarks import weights
from benchmarks.game_twins import GameTwin
from benchmarks.networks import make_model, make_play
from benchmarks.problems import Drawn, Problem, pose
from benchmarks.twin_base import Twin
from benchmarks.twin_losses import Objective
from benchmarks.twins import make_twin
from benchmarks.workloads import Workload
from jaxvae import train

TOLERANCE = 1e-4
"""Largest relative difference of losses and gradients that passes."""

DRAWS = 5
"""How often parameters, batch and noise are drawn before the two count as different."""

BATCH_SIZE = 8
"""Examples in the compared step; with few examples, few activations lie near 0."""


def solve(workload: Workload, problem: Problem) -> tuple[float, Mapping[str, Any]]:
    """Loss and gradient on the JAX side, computed as in training.

    Args:
        workload: what is trained.
        problem: of `pose`.

    Returns:
        Loss, and gradient by top-level subtree. Of several players the losses are added up, and each subtree's gradient
        is the sum over the players that move it.
    """
    model = make_model(workload, "float32")
    losses, players = make_play(
        workload, model, [Drawn(dim=points.shape[1], points=points) for points in problem.draws]
    )

    def solution(params: Mapping[str, Any]) -> tuple[Array, Mapping[str, Any]]:
        values, pullback = jax.vjp(
            lambda p: losses(
                train.StepInput(problem.key, p, problem.model_state, problem.batch, jnp.int32(0), {})
            )[0],
            params,
        )
        total = jax.tree.map(jnp.zeros_like, dict(params))
        for name, player in players.items():
            (gradient,) = pullback({n: jnp.full_like(v, n == name) for n, v in values.items()})
            for subtree in player.moves:
                total[subtree] = jax.tree.map(jnp.add, total[subtree], gradient[subtree])
        return sum(values.values(), jnp.zeros(())), total

    with jax.default_matmul_precision("highest"):
        step = jax.jit(solution, compiler_options=dict(model.layout.compiler_options))
        value, gradient = jax.device_get(step(problem.params))
    return float(value), gradient


def prove(workload: Workload, device: str = "cpu") -> dict[str, Any]:
    """Compares one train step of both sides, with up to `DRAWS` draws of parameters, batch and noise.

    ReLU's derivative jumps, so that one activation that rounding carries over 0 (PyTorch's BatchNorm has relative
    errors of 1e-5 on CPU) moves gradients by 1e-3; a draw in which that happens is not counted. Different
    functions would agree in no draw.

    Args:
        workload: what is trained.
        device: PyTorch's name of the device that its side runs on.

    Returns:
        "passed"; "parameters" of ours and "torch_parameters"; of the last draw "loss_difference", relative,
        "gradient_difference", norm of the difference over the norm, and the same of the "worst_tensor"; "draws",
        the number of draws; "flops" of the network's matrix products for one example, forward and backward.
    """
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    twin = make_twin(workload).to(device)
    for seed in range(DRAWS):
        problem = pose(workload, BATCH_SIZE, seed)
        found = _compare(workload, problem, twin, *solve(workload, problem))
        agree = all(value <= TOLERANCE for value in found.values())  # False for NaN
        if agree:
            break
    ours = sum(p.size for p in jax.tree.leaves(problem.params))
    theirs = sum(p.numel() for p in twin.parameters())
    compared = sum(parameter.numel() for _, parameter, _ in weights.pairs(twin))
    image, noise, draws = _tensors(problem, device)
    return found | {
        "passed": ours == theirs == compared and agree,
        "draws": seed + 1,
        "parameters": ours,
        "torch_parameters": theirs,
        "flops": count_flops(twin, image, noise, draws) // BATCH_SIZE,
    }


def _tensors(problem: Problem, device: str) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Image, noise and draws on PyTorch's side."""
    image = torch.from_numpy(np.array(problem.batch.image)).permute(0, 3, 1, 2).contiguous().to(device)
    noise, draws = ([torch.from_numpy(a).to(device) for a in d] for d in (problem.noise, problem.draws))
    return image, noise, draws


def _compare(
    workload: Workload, problem: Problem, twin: Twin, value: float, gradient: Mapping[str, Any]
) -> dict[str, float]:
    """Relative differences of loss and gradients."""
    weights.load(twin, problem.params)
    twin.zero_grad()
    device = next(twin.parameters()).device
    image, noise, draws = _tensors(problem, str(device))
    loss = _learn(workload, twin, image, noise, draws)
    differences, norms = [], []
    for path, parameter, convert in weights.pairs(twin):
        ours = convert(weights.leaf(gradient, path))
        theirs = np.zeros_like(ours) if parameter.grad is None else parameter.grad.cpu().numpy()
        differences.append(np.linalg.norm(theirs - ours))
        norms.append(np.linalg.norm(ours))
    return {
        "loss_difference": abs(loss.item() - value) / abs(value),
        "gradient_difference": float(np.linalg.norm(differences) / np.linalg.norm(norms)),
        "worst_tensor": float(np.max(np.divide(differences, norms))),
    }


def _learn(workload: Workload, twin: Twin, image: Tensor, noise: list[Tensor], draws: list[Tensor]) -> Tensor:
    """PyTorch's solution: the gradients are left in the twin's parameters."""
    if isinstance(twin, GameTwin):
        losses = twin.losses(twin.play(image, noise, draws), image)
        for name, gradients in twin.gradients(losses).items():
            for parameter, gradient in zip(twin.players[name], gradients, strict=True):
                parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
        return torch.stack(list(losses.values())).sum()
    loss: Tensor = Objective(workload).to(image.device)(twin(image, noise), image, draws)
    loss.backward()
    return loss


def count_flops(twin: Twin, image: Tensor, noise: list[Tensor], draws: list[Tensor]) -> int:
    """Floating point operations of a train step's matrix products and convolutions, without the losses."""
    with _FlopCounter() as counter:
        if isinstance(twin, GameTwin):
            twin.gradients(twin.losses(twin.play(image, noise, draws), image))
        else:
            result = twin(image, noise)
            torch.stack([t.sum() for t in (result.logits, *result.means, *result.stddevs)]).sum().backward()
    return counter.total


class _FlopCounter(TorchDispatchMode):
    """PyTorch's own counts, without its hooks on modules, which no gradient inside of a loss can pass."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func.overloadpacket in flop_registry:
            self.total += flop_registry[func.overloadpacket](*args, **(kwargs or {}), out_val=result)
        return result
