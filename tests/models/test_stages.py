import jax
import jax.numpy as jnp
import pytest
from flax import linen as nn

from jaxvae.models.layers import Conv
from jaxvae.models.layouts import LAYOUTS
from jaxvae.models.stages import mirrored, stage_sizes

KEY = jax.random.key(0)


def test_sizes_are_halved_and_rounded_up():
    assert stage_sizes((28, 27), 3) == [(28, 27), (14, 14), (7, 7), (4, 4)]
    assert stage_sizes((1, 5), 2) == [(1, 5), (1, 3), (1, 2)]
    assert stage_sizes((8, 6), 0) == [(8, 6)]


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("size", [(16, 12), (13, 11), (9, 16)])
def test_mirrored_layers_pass_through_the_sizes_of_the_stages(name, size):
    layout, widths = LAYOUTS[name], (2, 3, 5)

    class Hourglass(nn.Module):
        @nn.compact
        def __call__(self, x):
            seen = [layout.enter(x)]
            for width in widths:
                seen.append(Conv(width, layout)(seen[-1]))
            for layer in mirrored(widths, stage_sizes(size, 3), layout):
                seen.append(layer(seen[-1]))
            return [layout.leave(x) for x in seen]

    seen = jax.eval_shape(lambda x: Hourglass().init_with_output(KEY, x)[0], jnp.zeros((2, *size, 1)))
    shapes = [(2, *s, c) for s, c in zip(stage_sizes(size, 3), (1, *widths), strict=True)]
    assert [x.shape for x in seen] == shapes + shapes[-2:0:-1]
