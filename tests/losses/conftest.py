"""A small batch and a model's output for it, which the term builders are tested on."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.types import Batch, Output, Posterior

SIZES = (2, 3)


@pytest.fixture
def batch() -> Batch:
    rng = np.random.default_rng(0)
    image = rng.random((8, 12, 11, 2), np.float32)
    return Batch(
        image=jnp.asarray(image),
        label=jnp.full(8, -1),
        mask=jnp.asarray([1, 1, 1, 0, 1, 0, 1, 1], jnp.float32),
        index=jnp.arange(8),
    )


@pytest.fixture
def output() -> Output:
    rng = np.random.default_rng(1)

    def normal(*shape):
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    posteriors = tuple(Posterior(mean=normal(8, d), stddev=jnp.exp(normal(8, d))) for d in SIZES)
    latents = tuple(p.mean + p.stddev * normal(*p.mean.shape) for p in posteriors)
    return Output(logits=normal(8, 12, 11, 2), posteriors=posteriors, latents=latents)
