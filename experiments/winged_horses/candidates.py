"""Candidates for winged horses: codes between and beside those of pictures of two classes, decoded.

A picture's code is its posterior mean. Words speak of the classes by their names, which are any two.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

import jaxvae
from experiments.winged_horses.pictures import Pictures
from jaxvae import models

LINEAR, SPHERICAL, ARITHMETIC, MIDPOINT = "linear", "spherical", "arithmetic", "midpoint"

PATHS = {LINEAR: models.interpolate, SPHERICAL: models.interpolate_spherically}

STRENGTHS = (1.0, 2.0, 4.0)
"""Times that what sets the second class apart is added to a code of the first."""

Codes = Float[np.ndarray, "n d"]
Images = Float[np.ndarray, "n h w c"]
Numbers = Int[np.ndarray, "n 2"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidates:
    """Images that may show both classes, and the strips that some of them are from.

    Attributes:
        classes: names of the first class (horses) and the second (birds).
        codes: [n, d].
        images: [n, h, w, c] in [0, 1], decoded from them.
        kinds: how each was made: "linear", "spherical", "arithmetic" or "midpoint".
        words: the same with its place, such as "linear interpolation of pair 3, step 4 of 9".
        parents: numbers of the two pictures that each is made of; for "arithmetic", of the pair whose first picture
            was changed.
        pairs: numbers of the pictures of each pair, the first class's first.
        strips: by "linear" and "spherical", [pairs, steps, h, w, c]: from one picture's reconstruction to the other's.
        winged: [strengths, pairs, h, w, c], the pairs' first pictures by attribute arithmetic.
    """

    classes: tuple[str, str]
    codes: Codes
    images: Images
    kinds: tuple[str, ...]
    words: tuple[str, ...]
    parents: Numbers
    pairs: Numbers
    strips: Mapping[str, Float[np.ndarray, "pairs steps h w c"]]
    winged: Float[np.ndarray, "strengths pairs h w c"]


def make_candidates(
    run: jaxvae.Run,
    pictures: Pictures,
    *,
    classes: tuple[str, str],
    pairs: int,
    steps: int,
    midpoints: int,
    seed: int,
) -> Candidates:
    """Makes candidates of four kinds.

    - linear and spherical: what lies between the ends of interpolations between random pairs of pictures.
    - arithmetic: the code of each pair's first picture + strength x (mean code of the second class - mean code of
      all other labelled pictures), for each of `STRENGTHS`.
    - midpoint: halfway between the codes of two random pictures, one of each class, drawn anew for each, + noise from
      N(0, s^2), where s is the posteriors' standard deviation in each dimension, averaged over both classes.

    Args:
        run: a trained model of one level.
        pictures: all labelled training pictures.
        classes: names of two of their classes.
        pairs: pairs to interpolate between, of different pictures; fewer where a class has fewer.
        steps: images in an interpolation, both ends counted, at least 3.
        midpoints: candidates of the last kind.
        seed: decides pairs and noise.

    Returns:
        The candidates, kind after kind.
    """
    generator = np.random.default_rng(seed)
    rows = [pictures.rows(name) for name in classes]
    pairs = min(pairs, *map(len, rows))
    paired = np.stack([generator.choice(of, pairs, replace=False) for of in rows], axis=1)
    mated = np.stack([generator.choice(of, midpoints) for of in rows], axis=1)
    codes = pictures.codes
    parts = {kind: _between(path, codes[paired], steps) for kind, path in PATHS.items()}
    strengths = np.array(STRENGTHS, np.float32)[:, None, None]
    parts[ARITHMETIC] = codes[paired[:, 0]][None] + strengths * attribute(pictures, classes[1])[None, None]
    spread = pictures.stddev[np.concatenate(rows)].mean(axis=0)
    noise = generator.standard_normal((midpoints, codes.shape[1]), np.float32)
    parts[MIDPOINT] = codes[mated].mean(axis=1) + spread[None] * noise
    images = _decode(run, parts)
    chosen = {kind: np.s_[:, 1:-1] if kind in PATHS else np.s_[:] for kind in parts}
    parents = {kind: np.repeat(paired, steps - 2, axis=0) for kind in PATHS}
    parents |= {ARITHMETIC: np.tile(paired, (len(STRENGTHS), 1)), MIDPOINT: mated}
    return Candidates(
        classes=classes,
        codes=np.concatenate(
            [part[chosen[kind]].reshape(-1, part.shape[-1]) for kind, part in parts.items()]
        ),
        images=np.concatenate(
            [part[chosen[kind]].reshape(-1, *part.shape[-3:]) for kind, part in images.items()]
        ),
        kinds=tuple(kind for kind, of in parents.items() for _ in of),
        words=tuple(_words(pairs, steps, midpoints, classes)),
        parents=np.concatenate(list(parents.values())),
        pairs=paired,
        strips={kind: images[kind] for kind in PATHS},
        winged=images[ARITHMETIC],
    )


def attribute(pictures: Pictures, name: str) -> Float[np.ndarray, " d"]:
    """What sets a class apart: its mean code minus that of all pictures of other classes."""
    own = pictures.labels == pictures.class_names.index(name)
    return pictures.codes[own].mean(axis=0) - pictures.codes[~own].mean(axis=0)


def _between(path: Callable[..., Any], ends: Float[np.ndarray, "pairs 2 d"], steps: int) -> np.ndarray:
    """[pairs, steps, d]."""
    of_one = jax.vmap(lambda start, end: path((start[None],), (end[None],), steps)[0])
    return np.asarray(of_one(jnp.asarray(ends[:, 0]), jnp.asarray(ends[:, 1])))


def _decode(run: jaxvae.Run, parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Images of arrays of codes [..., d], in the arrays' shapes."""
    images = np.asarray(run.decode((np.concatenate([z.reshape(-1, z.shape[-1]) for z in parts.values()]),)))
    ends = np.cumsum([z[..., 0].size for z in parts.values()])[:-1]
    return {
        kind: of.reshape(*z.shape[:-1], *of.shape[1:])
        for (kind, z), of in zip(parts.items(), np.split(images, ends), strict=True)
    }


def _words(pairs: int, steps: int, midpoints: int, classes: tuple[str, str]) -> list[str]:
    between = [
        f"{kind} interpolation of pair {pair}, step {step} of {steps}"
        for kind in PATHS
        for pair in range(1, pairs + 1)
        for step in range(2, steps)
    ]
    added = [
        f"{classes[0]} of pair {pair} + {strength:g} x what sets “{classes[1]}” apart"
        for strength in STRENGTHS
        for pair in range(1, pairs + 1)
    ]
    return between + added + [f"midpoint {number} with noise" for number in range(1, midpoints + 1)]
