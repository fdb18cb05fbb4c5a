"""Where the codes of new images come from: a trained model's prior, or a density fitted to its encoded training set.

A variational autoencoder's codes, taken over all images, are distributed otherwise than its prior, and its decoder
knows what to do with the codes only. Several levels are fitted as one code, their codes side by side.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from jaxvae import models
from jaxvae.images import Images
from jaxvae.keys import seed_key
from jaxvae.run import Labels, Run, Sampler
from jaxvae.study.second_stage import fit_second_stage
from jaxvae.study.training_set import training_set
from jaxvae.types import Posterior

SAMPLERS = ("prior", "mixture", "second_stage")
"""Names that `make_sampler` knows."""

MIXTURE_CODES = 20_000
"""At most so many codes are fitted by a mixture; its time grows with them, and more do not change it much."""


def make_sampler(
    name: str,
    run: Run,
    images: Images | None = None,
    *,
    labels: Labels | None = None,
    seed: int = 0,
    **options: Any,
) -> Sampler:
    """Makes the sampler of a name for a trained model, to be given to `Run.sample`.

    Args:
        name: "prior", "mixture" or "second_stage".
        run: the model.
        images: what it was trained on, as `training_set` finds it; "prior" does not look at them, and "mixture" at
            `MIXTURE_CODES` of them, drawn by the seed, if there are more.
        labels: [n], the images' classes, for a conditional model.
        seed: decides draws, starts and training.
        **options: of `jaxvae.models.fit_mixture` or `fit_second_stage`.

    Returns:
        The sampler.

    Raises:
        ValueError: unknown name, an option of "prior", no images for another one, or what does not fit the model.
    """
    _check(name, options)
    if name == "prior":
        priors = run.autoencoder.priors
        return lambda key, n: models.draw(key, priors, n)
    if images is None:
        raise ValueError(
            f"{name} is fitted to the codes of images; give those that the model was trained on."
        )
    if name == "mixture" and len(images) > MIXTURE_CODES:
        # In the order of a file that they may lie in.
        chosen = np.sort(np.random.default_rng(seed).choice(len(images), MIXTURE_CODES, replace=False))
        images, labels = images[chosen], None if labels is None else labels[chosen]
    # Samples are often drawn by the same seed, and shall not depend on the draws that they were fitted to.
    draws, start = jax.random.split(jax.random.fold_in(seed_key(seed), 1))
    codes = _joined(run.encode(images, labels=labels))
    sample: Callable[[Key[Array, ""], int], Float[Array, "n d"]]
    if name == "mixture":
        drawn = models.reparameterize(draws, codes, jnp.arange(len(codes.mean)))
        sample = models.fit_mixture(drawn, seed=seed, **options).sample
    else:
        sample = fit_second_stage(start, codes, **options)
    ends = list(accumulate(run.autoencoder.latent_sizes))[:-1]
    return lambda key, n: tuple(jnp.split(sample(key, n), ends, axis=-1))


def draw_images(
    run: Run, n: int, *, sampler: str = "prior", seed: int = 0, **options: Any
) -> Float[Array, "n h w c"]:
    """New images of a run read back from disk, whose training set is loaded where it is needed.

    A conditional model is asked for classes as frequent as in its training set, drawn independently of the codes.

    Args:
        run: read by `jaxvae.load`.
        n: how many images.
        sampler: name of what draws the codes, as in `make_sampler`.
        seed: decides the fit, the codes and the classes.
        **options: as in `make_sampler`.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: as `make_sampler` and, if the training set is needed, as `training_set`.
    """
    _check(sampler, options)
    conditional = run.model.label_field == "label"
    if sampler == "prior" and not conditional:
        return run.sample(n, seed=seed)
    seen = training_set(run)
    labels = seen.labels if conditional else None
    codes = make_sampler(sampler, run, seen.images, labels=labels, seed=seed, **options)
    drawn = np.random.default_rng(seed).choice(seen.labels, n) if conditional else None
    return run.sample(n, seed=seed, labels=drawn, sampler=codes)


def _check(name: str, options: dict[str, Any]) -> None:
    if name not in SAMPLERS:
        raise ValueError(f"sampler must be one of {', '.join(SAMPLERS)}, got {name!r}.")
    if name == "prior" and options:
        raise ValueError(f"the prior is not fitted and has no options, got {', '.join(options)}.")


def _joined(posteriors: tuple[Posterior, ...]) -> Posterior:
    return jax.tree.map(lambda *levels: jnp.concatenate(levels, axis=-1), *posteriors)
