import jax
import jax.numpy as jnp
import numpy as np

from jaxvae.data import flip_horizontally
from jaxvae.train import StepInput, augmented, one_player
from jaxvae.types import Batch

IMAGES = jnp.asarray(np.random.default_rng(0).uniform(size=(64, 2, 3, 1)), jnp.float32)
BATCH = Batch(
    image=IMAGES, label=jnp.zeros(64, jnp.int32), mask=jnp.ones(64), index=jnp.arange(64, dtype=jnp.int32)
)


class Echo:
    """A model whose output is what it was shown."""

    def apply(self, variables, key, image, index, *, train, mutable):
        return image, {}


def shown(key, *, corrupt=None):
    """What the model and what the objective are given in a step that mirrors images."""
    seen = {}

    def objective(key, output, batch, step, weights):
        seen.update(model=np.asarray(output), objective=np.asarray(batch.image))
        return jnp.float32(0), {}

    losses = augmented(one_player("all", Echo(), objective, corrupt=corrupt), flip_horizontally)
    losses(StepInput(key, {}, {}, BATCH, jnp.int32(0), {}))
    return seen["model"], seen["objective"]


def test_model_and_objective_see_the_same_changed_images():
    model, objective = shown(jax.random.key(0))
    np.testing.assert_array_equal(model, objective)
    flipped = np.any(model != np.asarray(IMAGES), axis=(1, 2, 3))
    assert 16 < flipped.sum() < 48
    np.testing.assert_array_equal(model[flipped], np.asarray(IMAGES)[flipped][:, :, ::-1])


def test_steps_draw_anew():
    first, other = (shown(jax.random.key(seed))[0] for seed in (0, 1))
    assert np.any(first != other)


def test_a_corruption_draws_apart_and_is_not_the_target():
    model, objective = shown(jax.random.key(0), corrupt=flip_horizontally)
    augmented = np.any(objective != np.asarray(IMAGES), axis=(1, 2, 3))
    corrupted = np.any(model != objective, axis=(1, 2, 3))
    assert 0 < np.sum(augmented & corrupted) < min(augmented.sum(), corrupted.sum())
