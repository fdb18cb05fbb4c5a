"""Moves in latent space: draws, redraws, traversals and interpolations.

A code is a tuple of latents [n, d], bottom level first.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from jaxvae.models.priors import Samplable

Latents: TypeAlias = tuple[Float[Array, "n _"], ...]
"""A code: one array [n, d] for each level, bottom first."""

_PARALLEL = 1e-3
"""Sine of an angle below which its value is rounding noise."""


def draw(key: Key[Array, ""], priors: Sequence[Samplable], n: int) -> Latents:
    """Independent draws from the prior of every level.

    Args:
        key: source of randomness.
        priors: one for each level.
        n: how many codes.

    Returns:
        [n, d] for each level, bottom first.
    """
    return tuple(prior.sample(jax.random.fold_in(key, level), n) for level, prior in enumerate(priors))


def redraw(key: Key[Array, ""], latents: Latents, *, level: int, prior: Samplable) -> Latents:
    """Redraws one level and keeps the others.

    Args:
        key: source of randomness.
        latents: [n, d] for each level.
        level: which to redraw, 1 at the bottom.
        prior: of that level.

    Returns:
        The code with another draw at `level`.

    Raises:
        ValueError: there is no such level.
    """
    _check_level(level, len(latents))
    new = prior.sample(key, len(latents[0]))
    return (*latents[: level - 1], new, *latents[level:])


def traverse(
    latents: Latents, values: Float[Array, " k"], *, level: int
) -> tuple[Float[Array, "k*k _"], ...]:
    """Varies the first two dimensions of one level over a grid, or its only one along the grid's rows.

    Args:
        latents: values of the other levels and of further dimensions: [1, d] for each level for the same in all
            cells, or [k * k, d] for one in each cell.
        values: [k], coordinates along both axes.
        level: which to vary, 1 at the bottom.

    Returns:
        [k * k, d] for each level; code i * k + j has values[i] in the second dimension and values[j] in the first.

    Raises:
        ValueError: there is no such level.
    """
    _check_level(level, len(latents))
    cells = len(values) ** 2
    full = [jnp.broadcast_to(z, (cells, z.shape[1])) for z in latents]
    first, second = jnp.meshgrid(values, values)
    grid = jnp.stack([first.ravel(), second.ravel()], axis=1)[:, : full[level - 1].shape[1]]
    full[level - 1] = full[level - 1].at[:, : grid.shape[1]].set(grid)
    return tuple(full)


def interpolate(start: Latents, end: Latents, steps: int) -> tuple[Float[Array, "{steps} _"], ...]:
    """Codes on the straight line between two.

    Args:
        start: [1, d] for each level.
        end: [1, d] for each level.
        steps: how many codes, including both ends, at least 2.

    Returns:
        [steps, d] for each level, from `start` to `end`.

    Raises:
        ValueError: fewer than 2 steps.
    """
    share = _shares(steps)
    return tuple((1 - share) * a + share * b for a, b in zip(start, end, strict=True))


def interpolate_spherically(
    start: Latents, end: Latents, steps: int
) -> tuple[Float[Array, "{steps} _"], ...]:
    """Codes on the great circle between two, where all codes have about the norm of a draw.

    In many dimensions nearly all of N(0, I) lies at one distance from the origin, and the middle of a straight line
    is far inside. Between codes of different norms, the norm changes along the arc. Where two codes point in the same
    or in opposite directions, no single great circle joins them, and the line is straight.

    Args:
        start: [1, d] for each level.
        end: [1, d] for each level.
        steps: how many codes, including both ends, at least 2.

    Returns:
        [steps, d] for each level, from `start` to `end`; equal steps are equal angles.

    Raises:
        ValueError: fewer than 2 steps.

    References:
        White, Sampling Generative Networks, 2016, section 2.1; Shoemake, Animating Rotation with Quaternion Curves,
        SIGGRAPH 1985.
    """
    share = _shares(steps)
    return tuple(_arc(share, a, b) for a, b in zip(start, end, strict=True))


PATHS: Mapping[str, Callable[[Latents, Latents, int], Latents]] = {
    "linear": interpolate,
    "spherical": interpolate_spherically,
}
"""Interpolations between two codes, by name: along the straight line, or along the great circle."""


def _arc(
    share: Float[Array, "k 1"], start: Float[Array, "1 d"], end: Float[Array, "1 d"]
) -> Float[Array, "k d"]:
    lengths = jnp.linalg.norm(start) * jnp.linalg.norm(end)
    cosine = jnp.vdot(start, end, precision=jax.lax.Precision.HIGHEST) / jnp.where(lengths > 0, lengths, 1)
    angle = jnp.arccos(jnp.clip(cosine, -1, 1))
    sine = jnp.sin(angle)
    straight = (sine < _PARALLEL) | (lengths == 0)
    divisor = jnp.where(straight, 1, sine)
    first = jnp.where(straight, 1 - share, jnp.sin((1 - share) * angle) / divisor)
    last = jnp.where(straight, share, jnp.sin(share * angle) / divisor)
    return first * start + last * end


def _shares(steps: int) -> Float[Array, "{steps} 1"]:
    if steps < 2:
        raise ValueError(f"an interpolation needs at least 2 steps, its ends, got {steps}.")
    return jnp.linspace(0.0, 1.0, steps)[:, None]


def _check_level(level: int, levels: int) -> None:
    if not 1 <= level <= levels:
        raise ValueError(f"this model has levels 1 (bottom) to {levels} (top), got {level}.")
