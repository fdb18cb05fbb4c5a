"""The kinds of candidates for winged horses, and their codes: between and beside those of pictures of two classes."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from experiments.winged_horses.pictures import Pictures
from jaxvae import models

LINEAR, SPHERICAL, ARITHMETIC, MIDPOINT = "linear", "spherical", "arithmetic", "midpoint"

PATHS = {LINEAR: models.interpolate, SPHERICAL: models.interpolate_spherically}

STRENGTHS = (1.0, 2.0, 4.0)
"""Times that what sets the second class apart is added to a code of the first."""

Numbers = Int[np.ndarray, "n 2"]


def draw_pairs(
    generator: np.random.Generator, rows: Sequence[np.ndarray], pairs: int, *, replace: bool
) -> Numbers:
    """Draws pairs of pictures.

    Args:
        generator: where they are drawn from.
        rows: numbers of the pictures of each of two classes.
        pairs: how many.
        replace: whether a picture may be in more than one of them.

    Returns:
        Numbers of the pictures of each pair, the first class's first.
    """
    return np.stack([generator.choice(of, pairs, replace=replace) for of in rows], axis=1)


def make_codes(
    generator: np.random.Generator,
    pictures: Pictures,
    *,
    classes: tuple[str, str],
    paired: Numbers,
    mated: Numbers,
    steps: int,
) -> dict[str, np.ndarray]:
    """Makes the codes of each kind.

    Args:
        generator: where the midpoints' noise is drawn from.
        pictures: all labelled training pictures.
        classes: names of two of their classes.
        paired: the pictures of each pair for interpolations and arithmetic.
        mated: those for midpoints.
        steps: codes in an interpolation, both ends counted.

    Returns:
        "linear" and "spherical", [pairs, steps, d]; "arithmetic", [strengths, pairs, d]; "midpoint", [midpoints, d].
    """
    codes = pictures.codes
    strengths = np.array(STRENGTHS, np.float32)[:, None, None]
    return {kind: _between(path, codes[paired], steps) for kind, path in PATHS.items()} | {
        ARITHMETIC: codes[paired[:, 0]][None] + strengths * _attribute(pictures, classes[1])[None, None],
        MIDPOINT: codes[mated].mean(axis=1) + _noise(generator, pictures, classes, len(mated)),
    }


def _between(path: Callable[..., Any], ends: Float[np.ndarray, "pairs 2 d"], steps: int) -> np.ndarray:
    """[pairs, steps, d]."""
    of_one = jax.vmap(lambda start, end: path((start[None],), (end[None],), steps)[0])
    return np.asarray(of_one(jnp.asarray(ends[:, 0]), jnp.asarray(ends[:, 1])))


def _attribute(pictures: Pictures, name: str) -> Float[np.ndarray, " d"]:
    """What sets a class apart: its mean code minus that of all pictures of other classes."""
    own = pictures.labels == pictures.class_names.index(name)
    return pictures.codes[own].mean(axis=0) - pictures.codes[~own].mean(axis=0)


def _noise(
    generator: np.random.Generator, pictures: Pictures, classes: tuple[str, str], n: int
) -> Float[np.ndarray, "n d"]:
    """As wide in each dimension as the posteriors of both classes on average."""
    either = np.concatenate([pictures.rows(name) for name in classes])
    spread = pictures.stddev[either].mean(axis=0)
    return spread[None] * generator.standard_normal((n, len(spread)), np.float32)
