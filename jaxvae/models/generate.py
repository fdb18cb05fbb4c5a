"""What one does with a trained ladder or plain VAE: pure functions of a module and its variables.

Images are NHWC, float32 in [0, 1]. A code is a tuple of latents [n, d], bottom level first. Labels are class
numbers, -1 where there is none. Everything runs in evaluation mode. A module is any that has `encode` and `decode`,
such as `VLAE`; it is conditional if it says so, as `ConditionalVAE` does.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Int, Key

from jaxvae.models.priors import Normal
from jaxvae.types import Batch, Posterior, Prior, Variables

Latents: TypeAlias = tuple[Float[Array, "n _"], ...]
"""A code: one array [n, d] for each level, bottom first."""

_PARALLEL = 1e-3
"""Sine of an angle below which its value is rounding noise."""


def standard_priors(model: Any) -> tuple[Prior, ...]:
    """N(0, I) for every level of a model.

    Args:
        model: a module with `latent_sizes`.

    Returns:
        One prior for each level, bottom first.
    """
    return tuple(Normal(dim=size) for size in model.latent_sizes)


def own_priors(model: Any) -> tuple[Normal, ...]:
    """The priors that a model was trained towards.

    Args:
        model: a module with `latent_sizes`, and `prior`, (mean, standard deviation), if that is not N(0, I).

    Returns:
        One prior for each level, bottom first.
    """
    loc, scale = getattr(model, "prior", (0.0, 1.0))
    return tuple(Normal(dim=size, loc=loc, scale=scale) for size in model.latent_sizes)


def init(key: Key[Array, ""], model: Any) -> Variables:
    """A model's variables before training.

    Args:
        key: source of randomness.
        model: a module with `image_shape`, called as `(key, image, index)`, and with `label` if it is conditional.

    Returns:
        Parameters and statistics, by Flax collection.
    """
    index = jnp.zeros(1, jnp.int32)
    return model.init(key, key, jnp.zeros((1, *model.image_shape)), index, **_label(model, index))


def forward(key: Key[Array, ""], model: Any, variables: Variables, batch: Batch) -> Any:
    """The model on a batch, in evaluation mode.

    Args:
        key: for the draws.
        model: a module called as `(key, image, index)`, and with `label` if it is conditional.
        variables: its variables.
        batch: the examples.

    Returns:
        What the module returns: of an autoencoder, the `Output` with codes drawn from the posteriors.
    """
    return model.apply(variables, key, batch.image, batch.index, **_label(model, batch.label))


def encode(
    model: Any,
    variables: Variables,
    images: Float[Array, "n h w c"],
    *,
    labels: Int[Array, " _"] | None = None,
) -> tuple[Posterior, ...]:
    """q(z | x).

    Args:
        model: a module with `encode`.
        variables: its variables.
        images: [n, h, w, c] in [0, 1].
        labels: [n], the images' classes, for a conditional model.

    Returns:
        One posterior for each level, bottom first.

    Raises:
        ValueError: images of a shape that the model was not built for, or labels that do not fit.
    """
    return model.apply(variables, images, method="encode", **_condition(model, labels))


def decode(
    model: Any, variables: Variables, latents: Latents, *, labels: Int[Array, " _"] | None = None
) -> Float[Array, "n h w c"]:
    """The mean of p(x | z).

    Args:
        model: a module with `decode`.
        variables: its variables.
        latents: [n, d] for each level.
        labels: [n], the images' classes, for a conditional model.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: latents that do not match the model's levels, or labels that do not fit.
    """
    return nn.sigmoid(model.apply(variables, latents, method="decode", **_condition(model, labels)))


def reconstruct(
    model: Any,
    variables: Variables,
    images: Float[Array, "n h w c"],
    *,
    labels: Int[Array, " _"] | None = None,
) -> Float[Array, "n h w c"]:
    """Encodes images and decodes the posterior means.

    Args:
        model: a module with `encode` and `decode`.
        variables: its variables.
        images: [n, h, w, c] in [0, 1].
        labels: [n], the images' classes, for a conditional model.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: images of a shape that the model was not built for, or labels that do not fit.
    """
    means = tuple(q.mean for q in encode(model, variables, images, labels=labels))
    return decode(model, variables, means, labels=labels)


def draw(key: Key[Array, ""], priors: Sequence[Prior], n: int) -> Latents:
    """Independent draws from the prior of every level.

    Args:
        key: source of randomness.
        priors: one for each level.
        n: how many codes.

    Returns:
        [n, d] for each level.
    """
    return tuple(prior.sample(jax.random.fold_in(key, level), n) for level, prior in enumerate(priors))


def sample(
    key: Key[Array, ""],
    model: Any,
    variables: Variables,
    n: int,
    *,
    priors: Sequence[Prior] | None = None,
    labels: Int[Array, " _"] | None = None,
) -> Float[Array, "n h w c"]:
    """New images: the means of p(x | z) for z from the prior.

    Args:
        key: source of randomness.
        model: a module with `decode`.
        variables: its variables.
        n: how many images.
        priors: one for each level; the model's own if not given.
        labels: [n], the classes that the images shall be of, for a conditional model.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: labels that do not fit.
    """
    codes = draw(key, own_priors(model) if priors is None else priors, n)
    return decode(model, variables, codes, labels=labels)


def redraw(key: Key[Array, ""], latents: Latents, *, level: int, prior: Prior) -> Latents:
    """Draws one level anew and keeps the others.

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
    """Moves the first two dimensions of one level over a grid, or its only one along a line of equal rows.

    Args:
        latents: codes to keep in the other levels (and further dimensions): [1, d] for each level to hold
            them fixed, or [k * k, d] to have other ones in each cell.
        values: [k], coordinates along both axes.
        level: which to move, 1 at the bottom.

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
        steps: how many codes, both ends counted, at least 2.

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
    """Codes on the great circle between two, which, unlike those on a straight line, are as long as draws are.

    In many dimensions nearly all of N(0, I) lies at one distance from the origin, and the middle of a straight line
    is far inside. Codes of different lengths are joined by an arc whose length changes with them; where two point the
    same way or opposite ways, and there is no one great circle, the line is straight.

    Args:
        start: [1, d] for each level.
        end: [1, d] for each level.
        steps: how many codes, both ends counted, at least 2.

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


def _arc(
    share: Float[Array, "k 1"], start: Float[Array, "1 d"], end: Float[Array, "1 d"]
) -> Float[Array, "k d"]:
    lengths = jnp.linalg.norm(start) * jnp.linalg.norm(end)
    cosine = jnp.vdot(start, end) / jnp.where(lengths > 0, lengths, 1)
    angle = jnp.arccos(jnp.clip(cosine, -1, 1))
    sine = jnp.sin(angle)
    straight = (sine < _PARALLEL) | (lengths == 0)
    divisor = jnp.where(straight, 1, sine)
    first = jnp.where(straight, 1 - share, jnp.sin((1 - share) * angle) / divisor)
    last = jnp.where(straight, share, jnp.sin(share * angle) / divisor)
    return first * start + last * end


def _shares(steps: int) -> Float[Array, "{steps} 1"]:
    if steps < 2:
        raise ValueError(f"an interpolation has at least its 2 ends, got {steps} steps.")
    return jnp.linspace(0.0, 1.0, steps)[:, None]


def _label(model: Any, labels: Any) -> dict[str, Any]:
    """The label as an argument of a model's methods, if they take it."""
    return {"label": labels} if getattr(model, "conditional", False) else {}


def _condition(model: Any, labels: Any) -> dict[str, Any]:
    """As `_label`; a conditional model itself refuses to go without, or to have too few or too many."""
    argument = _label(model, labels)
    if labels is not None and not argument:
        raise ValueError("this model is not conditional and takes no labels; leave them out.")
    return argument


def _check_level(level: int, levels: int) -> None:
    if not 1 <= level <= levels:
        raise ValueError(f"this model has levels 1 (bottom) to {levels} (top), got {level}.")
