"""A data set cut into batches, the last one padded."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.types import Batch


@pytest.fixture
def cut():
    def cut(images, size, padding=0.0):
        """Batches of `size`; the last is filled up with `padding` and masked."""
        batches = []
        for start in range(0, len(images), size):
            part = images[start : start + size]
            missing = size - len(part)
            filler = np.full((missing, *images.shape[1:]), padding, images.dtype)
            batches.append(
                Batch(
                    image=jnp.asarray(np.concatenate([part, filler])),
                    label=jnp.full(size, -1),
                    mask=jnp.asarray(np.arange(size) < len(part), jnp.float32),
                    index=jnp.arange(size),
                )
            )
        return batches

    return cut


@pytest.fixture
def images():
    return np.random.default_rng(0).uniform(size=(21, 12, 13, 2)).astype(np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(0)
