import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxvae.models import SecondStage, layout

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def network():
    model = SecondStage(3, hidden=5, depth=2, layout=layout("native"))
    z, noise = jax.random.normal(KEY, (2, 4, 3))
    variables = jax.tree.map(lambda leaf: leaf + 0.1, model.init(KEY, z, noise))
    return model, variables, z, noise


def dense(layer, x):
    return x @ layer["kernel"] + layer["bias"].reshape(1, -1)


def through(params, names, x):
    h = x
    for name in names:
        h = jax.nn.relu(dense(params[name], h))
    return jnp.concatenate([h, x], axis=1)


def test_it_is_dense_layers_whose_last_also_sees_the_input(network):
    model, variables, z, noise = network
    params = variables["params"]
    q, mean, log_scale = model.apply(variables, z, noise)
    head = dense(params["head"], through(params, ("down_0", "down_1"), z))
    np.testing.assert_allclose(q.mean, head[:, :3], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(q.stddev, np.exp(head[:, 3:] / 2), rtol=1e-4)
    second = q.mean + q.stddev * noise
    expected = dense(params["to_mean"], through(params, ("up_0", "up_1"), second))
    np.testing.assert_allclose(mean, expected, rtol=1e-4, atol=1e-5)
    assert log_scale == params["log_scale"] == pytest.approx(-0.9)


def test_its_two_halves_are_those_of_the_whole(network):
    model, variables, z, noise = network
    q, mean, _ = model.apply(variables, z, noise)
    again = model.apply(variables, z, method="encode")
    np.testing.assert_array_equal(again.mean, q.mean)
    decoded, _ = model.apply(variables, q.mean + q.stddev * noise, method="decode")
    np.testing.assert_allclose(decoded, mean, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sizes", [(0, 5, 2), (3, 0, 2), (3, 5, 0)])
def test_sizes_that_make_no_network_are_refused(sizes):
    with pytest.raises(ValueError, match=f"at least 1, got size {sizes[0]}, hidden {sizes[1]}"):
        SecondStage(*sizes)
