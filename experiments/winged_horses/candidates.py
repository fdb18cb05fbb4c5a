"""Candidates for winged horses: codes between and beside those of pictures of two classes, decoded.

A picture's code is its posterior mean. Words speak of the classes by their names, which are any two.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

import jaxvae
from experiments.winged_horses.pictures import Pictures
from jaxvae.models import PATHS

LINEAR, SPHERICAL, ARITHMETIC, MIDPOINT = "linear", "spherical", "arithmetic", "midpoint"

STRENGTHS = (1.0, 2.0, 4.0)
"""Times that what distinguishes the second class is added to a code of the first."""

Numbers = Int[np.ndarray, "n 2"]

Codes = Float[np.ndarray, "n d"]
Images = Float[np.ndarray, "n h w c"]


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
    paired = draw_pairs(generator, rows, min(pairs, *map(len, rows)), replace=False)
    mated = draw_pairs(generator, rows, midpoints, replace=True)
    codes = make_codes(generator, pictures, classes=classes, paired=paired, mated=mated, steps=steps)
    return _gather(classes, codes, _decode(run, codes), paired, mated, steps)


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
    """What distinguishes a class: its mean code minus that of all pictures of other classes."""
    own = pictures.labels == pictures.class_names.index(name)
    return pictures.codes[own].mean(axis=0) - pictures.codes[~own].mean(axis=0)


def _noise(
    generator: np.random.Generator, pictures: Pictures, classes: tuple[str, str], n: int
) -> Float[np.ndarray, "n d"]:
    """As wide in each dimension as the posteriors of both classes on average."""
    either = np.concatenate([pictures.rows(name) for name in classes])
    spread = pictures.stddev[either].mean(axis=0)
    return spread[None] * generator.standard_normal((n, len(spread)), np.float32)


def _decode(run: jaxvae.Run, parts: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Images of arrays of codes [..., d], in the arrays' shapes."""
    images = np.asarray(run.decode((np.concatenate([z.reshape(-1, z.shape[-1]) for z in parts.values()]),)))
    ends = np.cumsum([z[..., 0].size for z in parts.values()])[:-1]
    return {
        kind: of.reshape(*z.shape[:-1], *of.shape[1:])
        for (kind, z), of in zip(parts.items(), np.split(images, ends), strict=True)
    }


def _gather(
    classes: tuple[str, str],
    codes: Mapping[str, np.ndarray],
    images: Mapping[str, np.ndarray],
    paired: Numbers,
    mated: Numbers,
    steps: int,
) -> Candidates:
    """All kinds in one, without the ends of interpolations, which are no candidates."""
    parents = {kind: np.repeat(paired, steps - 2, axis=0) for kind in PATHS}
    parents |= {ARITHMETIC: np.tile(paired, (len(STRENGTHS), 1)), MIDPOINT: mated}
    return Candidates(
        classes=classes,
        codes=_joined(codes, axes=1),
        images=_joined(images, axes=3),
        kinds=tuple(kind for kind, of in parents.items() for _ in of),
        words=tuple(_words(len(paired), steps, len(mated), classes)),
        parents=np.concatenate(list(parents.values())),
        pairs=paired,
        strips={kind: images[kind] for kind in PATHS},
        winged=images[ARITHMETIC],
    )


def _joined(parts: Mapping[str, np.ndarray], *, axes: int) -> np.ndarray:
    """The candidates of all kinds in a row, of each the last axes."""
    inner = [part[:, 1:-1] if kind in PATHS else part for kind, part in parts.items()]
    return np.concatenate([part.reshape(-1, *part.shape[-axes:]) for part in inner])


def _words(pairs: int, steps: int, midpoints: int, classes: tuple[str, str]) -> list[str]:
    between = [
        f"{kind} interpolation of pair {pair}, step {step} of {steps}"
        for kind in PATHS
        for pair in range(1, pairs + 1)
        for step in range(2, steps)
    ]
    added = [
        f"{classes[0]} of pair {pair} + {strength:g} x what distinguishes “{classes[1]}”"
        for strength in STRENGTHS
        for pair in range(1, pairs + 1)
    ]
    return between + added + [f"midpoint {number} with noise" for number in range(1, midpoints + 1)]
