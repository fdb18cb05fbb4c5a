"""Pure functions of a model and its variables: initialization, encoding, decoding and sampling.

Images are NHWC, float32 in [0, 1]. A code is a tuple of latents [n, d], bottom level first. Except for `init`, models
run in evaluation mode.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn
from jaxtyping import Array, Float, Key

from jaxvae.models.autoencoder import Autoencoder, Labels
from jaxvae.models.codes import Latents, draw
from jaxvae.models.priors import Normal, Samplable
from jaxvae.types import Batch, Model, Posterior, Prior, Variables


def standard_priors(model: Autoencoder) -> tuple[Normal, ...]:
    """N(0, I) for every level of a model.

    Args:
        model: an autoencoder.

    Returns:
        One prior for each level, bottom first; levels of one size share theirs.
    """
    priors = {size: Normal(dim=size) for size in model.latent_sizes}
    return tuple(priors[size] for size in model.latent_sizes)


def own_priors(model: Autoencoder) -> tuple[Prior, ...]:
    """A model's priors, where their densities are needed.

    Args:
        model: an autoencoder.

    Returns:
        `model.priors`: one for each level, bottom first.

    Raises:
        ValueError: a prior that can be sampled but has no density.
    """
    priors: list[Prior] = []
    for prior in model.priors:
        if not isinstance(prior, Prior):
            raise ValueError(
                f"the prior {type(prior).__name__} has no log_prob; give it one, or draw from `model.priors`."
            )
        priors.append(prior)
    return tuple(priors)


def normal_priors(model: Autoencoder) -> tuple[Normal, ...]:
    """A model's priors, where all of them have to be Gaussian.

    Args:
        model: an autoencoder.

    Returns:
        `model.priors`: one for each level, bottom first.

    Raises:
        ValueError: a prior of another kind.
    """
    priors: list[Normal] = []
    for prior in model.priors:
        if not isinstance(prior, Normal):
            raise ValueError(
                f"a model with Gaussian priors is needed, got one with a {type(prior).__name__}."
            )
        priors.append(prior)
    return tuple(priors)


def init(key: Key[Array, ""], model: Model) -> Variables:
    """A model's variables before training.

    They are made by one compiled program, several times faster than layer by layer.

    Args:
        key: source of randomness.
        model: of any family.

    Returns:
        Parameters and statistics, by Flax collection.
    """
    return _init(key, model)


@partial(jax.jit, static_argnames="model", inline=True)
def _init(key: Key[Array, ""], model: Model) -> Variables:
    zero = jnp.zeros(1, jnp.int32)
    batch = Batch(
        jnp.zeros((1, *model.image_shape)), zero, jnp.ones(1), zero, jnp.zeros((1, model.label_size))
    )
    return model.init(key, key, batch.image, batch.index, **_label(model, batch))


def forward(key: Key[Array, ""], model: Model, variables: Variables, batch: Batch) -> Any:
    """Calls a model on a batch, in evaluation mode.

    Args:
        key: source of randomness.
        model: of any family.
        variables: of the model.
        batch: images, and labels or attributes if the model takes them.

    Returns:
        What the model returns: the `Output` of an autoencoder, with codes drawn from the posteriors; the logits of a
        classifier.
    """
    return model.apply(variables, key, batch.image, batch.index, **_label(model, batch))


def encode(
    model: Autoencoder,
    variables: Variables,
    images: Float[Array, "n h w c"],
    *,
    labels: Labels | None = None,
) -> tuple[Posterior, ...]:
    """Posterior q(z | x).

    Args:
        model: an autoencoder.
        variables: of the model.
        images: [n, h, w, c] in [0, 1].
        labels: of the images, if the model takes labels.

    Returns:
        One posterior for each level, bottom first.

    Raises:
        ValueError: images of a shape that the model was not built for, or labels that do not match the images or the
            model.
    """
    posteriors: Any = model.apply(variables, images, label=labels, method="encode")
    return posteriors


def decode(
    model: Autoencoder, variables: Variables, latents: Latents, *, labels: Labels | None = None
) -> Float[Array, "n h w c"]:
    """Mean of p(x | z).

    Args:
        model: an autoencoder.
        variables: of the model.
        latents: [n, d] for each level.
        labels: of the images to decode, if the model takes labels.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: latents that do not match the model's levels, or labels that do not match the latents or the model.
    """
    logits: Any = model.apply(variables, latents, label=labels, method="decode")
    return nn.sigmoid(logits)


def reconstruct(
    model: Autoencoder,
    variables: Variables,
    images: Float[Array, "n h w c"],
    *,
    labels: Labels | None = None,
) -> Float[Array, "n h w c"]:
    """Encodes images and decodes the posterior means.

    Args:
        model: an autoencoder.
        variables: of the model.
        images: [n, h, w, c] in [0, 1].
        labels: of the images, if the model takes labels.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: images of a shape that the model was not built for, or labels that do not match the images or the
            model.
    """
    means = tuple(q.mean for q in encode(model, variables, images, labels=labels))
    return decode(model, variables, means, labels=labels)


def sample(
    key: Key[Array, ""],
    model: Autoencoder,
    variables: Variables,
    n: int,
    *,
    priors: Sequence[Samplable] | None = None,
    labels: Labels | None = None,
) -> Float[Array, "n h w c"]:
    """New images: the means of p(x | z) for z from the prior.

    Args:
        key: source of randomness.
        model: an autoencoder.
        variables: of the model.
        n: how many images.
        priors: one for each level; those of the model if not given.
        labels: of the images to draw, if the model takes labels.

    Returns:
        Images in [0, 1].

    Raises:
        ValueError: labels that do not match n or the model.
    """
    codes = draw(key, model.priors if priors is None else priors, n)
    return decode(model, variables, codes, labels=labels)


def _label(model: Model, batch: Batch) -> dict[str, Any]:
    """The argument `label` of a model's methods; empty if they take none."""
    return {} if model.label_field is None else {"label": getattr(batch, model.label_field)}
