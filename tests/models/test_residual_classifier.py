import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae import models
from jaxvae.models import ResidualClassifier, layout

KEY = jax.random.key(0)
INDEX = jnp.arange(3)


def build(**changes):
    return ResidualClassifier(**({"image_shape": (9, 12, 2), "classes": 4, "widths": (2, 3)} | changes))


def test_number_of_parameters():
    shapes = jax.eval_shape(lambda: models.init(KEY, ResidualClassifier((32, 32, 3))))
    stages = sum(16 * a * b + 2 * 9 * b * b + 3 * 2 * b for a, b in ((3, 32), (32, 64), (64, 128)))
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])) == stages + 128 * 10 + 10


def test_it_is_the_same_in_every_layout_and_reads_statistics_outside_training():
    images = jax.random.uniform(KEY, (3, 9, 12, 2))
    variables = models.init(KEY, build())
    of = {name: build(layout=layout(name)) for name in ("native", "chwn")}
    logits = {name: model.apply(variables, KEY, images, INDEX) for name, model in of.items()}
    assert logits["native"].shape == (3, 4)
    np.testing.assert_allclose(logits["native"], logits["chwn"], atol=1e-5)
    alone = of["native"].apply(variables, KEY, images[:1], INDEX[:1])
    np.testing.assert_allclose(alone, logits["native"][:1], atol=1e-5)


def test_it_is_described_and_built_again():
    assert models.build(models.describe(build())) == build()


@pytest.mark.parametrize("changes", [{"widths": ()}, {"widths": (4, 0)}, {"classes": 0}])
def test_what_makes_no_network_is_refused(changes):
    with pytest.raises(ValueError, match="a stage and positive sizes"):
        build(**changes)
